"""A style transfer network for CPUs."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from pasticcio.nn.norm import Steering
from pasticcio.nn.transfer import RGB, Places, StyledConv, StyleTransfer, reflect, to_bytes


class FastTransfer(StyleTransfer):
    """A style transfer network for CPUs: few, wide layers at low resolution.

    The first layer turns blocks of 4x4 pixels into channels, the body works at 1/8 and 1/4 of the size with
    enough channels to fill the vector units, and the last layers work at 1/2. Shortcuts carry the features at 1/4, and
    the pixels at 1/2, around the body; without the second, detail finer than four pixels was lost. The layers before
    the body and those in it are padded by reflection: with zeros there the network learned where the border is, and
    drew a dark frame. The layers after the body are padded with zeros, which costs nothing.

    Args:
        half: channels at 1/2 of the size.
        quarter: channels at 1/4 of the size.
        eighth: channels at 1/8 of the size.
        quarter_blocks: residual blocks at 1/4, after the body.
        eighth_blocks: residual blocks at 1/8, the body.
        margin: pixels of reflection around the picture; a multiple of 8.
    """

    multiple = 8

    def __init__(
        self,
        half: int = 32,
        quarter: int = 64,
        eighth: int = 128,
        quarter_blocks: int = 2,
        eighth_blocks: int = 3,
        margin: int = 8,
    ) -> None:
        super().__init__()
        self.margin = margin
        # 3x3 kernels: two at the door and one after the body at 1/4, two a block, two at 1/2; and the grid of 8.
        self.reach = 4 * (3 + 2 * quarter_blocks) + 8 * 2 * eighth_blocks + 2 * 2 + self.multiple
        self.fold = nn.Conv2d(RGB * 4 * 4, quarter, 3)
        self.contract = nn.Conv2d(quarter, eighth, 3, stride=2)
        place = Places()
        self.body = nn.ModuleList([FastResidual(eighth, place.at(8), reflection=True) for _ in range(eighth_blocks)])
        self.to_quarter = Unfold(eighth, quarter)
        self.at_quarter = StyledConv(quarter, quarter, 3, place.at(4))
        self.detail = nn.ModuleList([FastResidual(quarter, place.at(4)) for _ in range(quarter_blocks)])
        self.to_half = Unfold(quarter, half)
        self.pixels = nn.Conv2d(RGB * 2 * 2, half, 3, bias=False)
        self.at_half = StyledConv(half, half, 3, place.at(2))
        self.unfold = UpsampledConv(half, RGB)
        self.color = place.at(1).norm(RGB)

    def render(
        self, content: Float[Tensor, "b 3 h w"], style: Float[Tensor, "s p"] | Steering
    ) -> Float[Tensor, "b 3 h w"]:
        return torch.sigmoid(self.color(F.pixel_shuffle(self.phases(content, style), 2), style))

    def paint(self, content: UInt8[Tensor, "b h w 3"], style: Float[Tensor, "s p"]) -> UInt8[Tensor, "b h w 3"]:
        batch, height, width, _ = content.shape
        phases = self.phases(self.padded(content.permute(0, 3, 1, 2).float() / 255), style)
        rows, columns = phases.shape[2:]
        # All that is left is done on the phases, and they become pixels as bytes, which are the fastest to move.
        tall = phases.reshape(batch, RGB, 4 * rows, columns)  # the mean of a color is that of its phases
        phases = to_bytes(torch.sigmoid(self.color(tall, style))).reshape(batch, 4 * RGB, rows, columns)
        edge, rows, columns = self.margin // 2, (height + 1) // 2, (width + 1) // 2
        phases = phases[:, :, edge : edge + rows, edge : edge + columns]
        colors_last = torch.arange(4 * RGB, device=phases.device).reshape(RGB, 4).T.flatten()
        phases = phases.index_select(1, colors_last).reshape(batch, 4 * RGB, rows * columns)
        blocks = phases.transpose(1, 2).reshape(batch, rows, columns, 2, 2 * RGB)
        return blocks.transpose(2, 3).reshape(batch, 2 * rows, 2 * columns, RGB)[:, :height, :width]

    def phases(
        self, content: Float[Tensor, "b 3 h w"], style: Float[Tensor, "s p"] | Steering
    ) -> Float[Tensor, "b 12 i j"]:
        """The picture at 1/2 of its size before its colors are normalized, its blocks of 2x2 pixels as channels."""
        pixels = content - 0.5
        shortcut = F.relu(folded(pixels, self.fold, 4))
        x = F.relu(self.contract(reflect(shortcut, 1, 0, 1, 0)))  # the other two sides it does not leave
        for block in self.body:
            x = block(x, style)
        x = F.relu(self.at_quarter(self.to_quarter(x) + shortcut, style))
        for block in self.detail:
            x = block(x, style)
        x = self.to_half(x)
        if torch.compiler.is_exporting():  # or runtimes compute the shortcut first, and hold it through the body
            pixels = pixels + 0.0 * x[:, :1, :1, :1]
        x = F.relu(self.at_half(x + folded(pixels, self.pixels, 2), style))
        return self.unfold.phases(x)


class FastResidual(nn.Module):
    """The paper's residual block, padded with zeros unless `reflection` is wanted."""

    def __init__(self, channels: int, place: Places, reflection: bool = False) -> None:
        super().__init__()
        self.conv1 = StyledConv(channels, channels, 3, place, reflection)
        self.conv2 = StyledConv(channels, channels, 3, place, reflection)

    def forward(self, x: Float[Tensor, "b c h w"], style: Float[Tensor, "s p"] | Steering) -> Float[Tensor, "b c h w"]:
        return x + self.conv2(F.relu(self.conv1(x, style)), style)


class Unfold(nn.Module):
    """Channels to pixels: a 1x1 convolution whose outputs become blocks of 2x2 pixels.

    All four pixels of a block begin with the same weights, so that training starts from a plain
    enlargement and not from a woven pattern.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs * 4, 1, bias=False)
        with torch.no_grad():
            self.conv.weight.copy_(self.conv.weight[::4].repeat_interleave(4, 0))

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        if not torch.compiler.is_exporting():
            return F.pixel_shuffle(self.conv(x), 2)
        # The same as a transposed convolution, which runtimes are faster at than at moving channels to pixels.
        kernel = self.conv.weight.reshape(-1, 2, 2, self.conv.in_channels).permute(3, 0, 1, 2)
        return F.conv_transpose2d(x, kernel, stride=2)


class UpsampledConv(nn.Module):
    """A 5x5 convolution of the picture enlarged by two (nearest neighbor), without enlarging it.

    Each of the four pixels that come from one pixel of the input sees it through its own 3x3
    kernel; all four are sums of the same 5x5 weights. So the work is done at the lower resolution, and an even area
    of the input gives an even area. Such kernels cannot draw detail of a single pixel. Free kernels, which begin at
    zero, are added to them for that; the part of these that would make an even area uneven is subtracted.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs, 5, 5))
        nn.init.kaiming_uniform_(self.weight, a=5**0.5)
        self.free = nn.Parameter(torch.zeros(outputs * 4, inputs, 3, 3))
        # taps[p, i, a] is 1 where tap a of the 5 falls on low-resolution neighbor i for pixel p.
        taps = torch.zeros(2, 3, 5)
        for pixel in range(2):
            for tap in range(5):
                taps[pixel, (pixel + tap - 2) // 2 + 1, tap] = 1.0
        self.register_buffer("taps", taps, persistent=False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        return F.pixel_shuffle(self.phases(x), 2)

    def phases(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        """The four pixels of every block as channels."""
        return F.conv2d(x, self.kernels(), padding=1)

    def kernels(self) -> Float[Tensor, "d c 3 3"]:
        """The four kernels of every output channel, in the order of `pixel_shuffle`."""
        outputs, inputs = self.weight.shape[:2]
        rows = torch.einsum("pia,ocab->opcib", self.taps, self.weight)
        both = torch.einsum("qjb,opcib->opqcij", self.taps, rows)
        free = self.free.reshape(outputs, 4, inputs, 3, 3)
        answer = free.sum((3, 4), keepdim=True)  # to an even area
        free = free - (answer - answer.mean(1, keepdim=True)) / 9
        return (both.reshape(outputs, 4, inputs, 3, 3) + free).reshape(outputs * 4, inputs, 3, 3)


def folded(x: Float[Tensor, "b 3 h w"], conv: nn.Conv2d, side: int) -> Float[Tensor, "b d i j"]:
    """A 3x3 convolution of a picture whose blocks of side x side pixels become channels, padded by its reflection."""
    x = reflect(x, side, side, side, side)
    if not torch.compiler.is_exporting():
        return conv(F.pixel_unshuffle(x, side))
    # The same as one convolution with a stride, which spares runtimes the moving of pixels to channels.
    kernel = conv.weight.reshape(-1, RGB, side, side, 3, 3).permute(0, 1, 4, 2, 5, 3)
    return F.conv2d(x, kernel.reshape(-1, RGB, 3 * side, 3 * side), conv.bias, stride=side)
