"""Style transfer networks: content picture and style parameters in, stylized picture out.

Both families map RGB in [0, 1] of any height and width to RGB in [0, 1] of the same size, and are
steered by one vector of scales and shifts (`style_parameters` numbers, see `style_layout`).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from pasticcio.nn.norm import ConditionalInstanceNorm, ShiftBatchNorm, Steering

RGB = 3


class StyleTransfer(nn.Module):
    """What both families share: the order of the style parameters, and any picture size.

    Sides are padded by reflection to a multiple of `multiple`, plus `margin` pixels on every side,
    and the result is cropped back.

    Attributes:
        multiple: of which the sides of a padded picture are multiples.
        margin: pixels of reflection on every side.
        reach: how far, in pixels, a pixel of the picture changes the output where the statistics are given.
    """

    multiple: int
    margin: int
    reach: int

    @property
    def scales(self) -> list[int]:
        """The scales at which conditional instance normalizations work: 8 is 1/8 of the size."""
        return sorted({norm.scale for _, norm in self.norms()})

    @property
    def style_layout(self) -> list[tuple[str, int]]:
        """Name and channels of every conditional instance normalization, in parameter order."""
        return [(name, norm.channels) for name, norm in self.norms()]

    @property
    def style_parameters(self) -> int:
        """Length of the style parameter vector: a beta and a gamma per normalized channel."""
        return 2 * sum(channels for _, channels in self.style_layout)

    def gamma_mask(self) -> Float[Tensor, "p"]:
        """1 where a style parameter is a scale (gamma), 0 where it is a shift (beta)."""
        mask = torch.zeros(self.style_parameters)
        for _, norm in self.norms():
            mask[norm.offset + norm.channels : norm.offset + 2 * norm.channels] = 1.0
        return mask

    def forward(self, content: Float[Tensor, "b 3 h w"], style: Float[Tensor, "s p"]) -> Float[Tensor, "b 3 h w"]:
        """Render `content` in the manner of `style`; one row of style serves a whole batch."""
        height, width = content.shape[2:]
        image = self.render(self.padded(content), style)
        return image[:, :, self.margin : self.margin + height, self.margin : self.margin + width]

    def paint(self, content: UInt8[Tensor, "b h w 3"], style: Float[Tensor, "s p"]) -> UInt8[Tensor, "b h w 3"]:
        """`forward` from bytes to bytes, 0 to 255, the colors of a pixel beside each other as in most files."""
        return to_bytes(self(content.permute(0, 3, 1, 2).float() / 255, style)).permute(0, 2, 3, 1)

    def padded(self, content: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 i j"]:
        """The picture that `render` takes for a picture of any size."""
        bottom, right = ((-side) % self.multiple for side in content.shape[2:])
        return reflect(content, self.margin, self.margin + right, self.margin, self.margin + bottom)

    def render(
        self, content: Float[Tensor, "b 3 h w"], style: Float[Tensor, "s p"] | Steering
    ) -> Float[Tensor, "b 3 h w"]:
        """Stylize a picture whose sides are multiples of `multiple`."""
        raise NotImplementedError

    def norms(self) -> Iterator[tuple[str, ConditionalInstanceNorm]]:
        """Name and layer of every conditional instance normalization, in parameter order."""
        norms = [(n, m) for n, m in self.named_modules() if isinstance(m, ConditionalInstanceNorm)]
        yield from sorted(norms, key=lambda named: named[1].offset)


class PaperTransfer(StyleTransfer):
    """The style transfer network of Ghiasi et al. 2017, layer by layer as in the authors' code.

    Three convolutions down to a quarter of the size (batch normalization), five residual blocks
    and two nearest-neighbor upsamplings (conditional instance normalization), sigmoid. At width 1
    it has 1,674,656 parameters, 2,758 style parameters, and costs 10.1 G multiply-adds at 256x256.

    Args:
        width: factor on the 32, 64 and 128 channels.
        styled_encoder: conditional instance normalization in the first three layers too, as in the networks
            of one style and of N styles that came before (Dumoulin et al. 2017).
    """

    multiple = 4
    margin = 0
    reach = 60  # ten 3x3 at 1/4, one at 1/2, one at 1; the 9x9 at both ends; the strided ones; the grid of 4

    def __init__(self, width: float = 1.0, styled_encoder: bool = False) -> None:
        super().__init__()
        narrow, middle, wide = (int(width * channels) for channels in (32, 64, 128))
        place = Places()
        contract = [(RGB, narrow, 9, 1), (narrow, middle, 3, 2), (middle, wide, 3, 2)]
        self.contract = nn.ModuleList(
            StyledConv(inputs, outputs, kernel, place.at(2**i), reflection=True, stride=stride)
            if styled_encoder
            else EncoderConv(inputs, outputs, kernel, stride)
            for i, (inputs, outputs, kernel, stride) in enumerate(contract)
        )
        self.residual = nn.ModuleList([PaperResidual(wide, place.at(4)) for _ in range(5)])
        self.expand = nn.ModuleList(
            [
                StyledConv(wide, middle, 3, place.at(2), reflection=True),
                StyledConv(middle, narrow, 3, place.at(1), reflection=True),
                StyledConv(narrow, RGB, 9, place.at(1), reflection=True),
            ]
        )

    def render(
        self, content: Float[Tensor, "b 3 h w"], style: Float[Tensor, "s p"] | Steering
    ) -> Float[Tensor, "b 3 h w"]:
        x = content
        for layer in self.contract:
            x = F.relu(layer(x, style)) if isinstance(layer, StyledConv) else layer(x)
        for block in self.residual:
            x = block(x, style)
        x = F.relu(self.expand[0](double(x), style))
        x = F.relu(self.expand[1](double(x), style))
        # The three color channels are style-normalized too, before the sigmoid.
        return torch.sigmoid(self.expand[2](x, style))


class FastTransfer(StyleTransfer):
    """A style transfer network for CPUs: few, wide layers at low resolution.

    Pixels are folded into channels at the door (blocks of 4x4), the body works at 1/8 and 1/4 of
    the size with enough channels to fill the vector units, and the picture leaves through 1/2.
    Shortcuts carry the features at 1/4, and the pixels themselves at 1/2, around the body: without
    the second, nothing finer than four pixels came through. All that leads into the body and is in it is
    padded by reflection: from zeros there the network learned where the border is, and drew a darker frame of 40
    pixels. After the body convolutions pad with zeros, which is free.

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


class Places:
    """Hands out normalizations with consecutive places in the style parameter vector."""

    def __init__(self) -> None:
        self.taken = 0
        self.scale = 1

    def at(self, scale: int) -> Places:
        """From here on, layers at 1/scale of the picture's size."""
        self.scale = scale
        return self

    def norm(self, channels: int) -> ConditionalInstanceNorm:
        """A normalization with a beta and a gamma of its own for each channel."""
        offset = self.taken
        self.taken += 2 * channels
        return ConditionalInstanceNorm(channels, offset, self.scale)


class EncoderConv(nn.Module):
    """Reflection padding, convolution without bias, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)
        self.norm = ShiftBatchNorm(outputs)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        side = self.conv.kernel_size[0] // 2
        return F.relu(self.norm(self.conv(reflect(x, side, side, side, side))))


class StyledConv(nn.Module):
    """Convolution without bias, then conditional instance normalization."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, place: Places, reflection: bool = False, stride: int = 1
    ) -> None:
        super().__init__()
        self.reflection = kernel // 2 if reflection else 0
        padding = 0 if reflection else kernel // 2
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.norm = place.norm(outputs)

    def forward(self, x: Float[Tensor, "b c h w"], style: Float[Tensor, "s p"] | Steering) -> Float[Tensor, "b d i j"]:
        side = self.reflection
        padded = reflect(x, side, side, side, side) if side else x
        return self.norm(self.conv(padded), style)


class PaperResidual(nn.Module):
    """Two styled convolutions around a shortcut; no activation after the sum."""

    def __init__(self, channels: int, place: Places) -> None:
        super().__init__()
        self.conv1 = StyledConv(channels, channels, 3, place, reflection=True)
        self.conv2 = StyledConv(channels, channels, 3, place, reflection=True)

    def forward(self, x: Float[Tensor, "b c h w"], style: Float[Tensor, "s p"] | Steering) -> Float[Tensor, "b c h w"]:
        return x + self.conv2(F.relu(self.conv1(x, style)), style)


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
    kernel; all four are sums of the same 5x5 weights. So the work is done at the lower resolution
    and yet an even area stays even. What this cannot draw, detail of a single pixel, is left to free
    kernels that are added to them and begin at zero; of these only what leaves an even area even is used.
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


def to_bytes(image: Float[Tensor, "..."]) -> UInt8[Tensor, "..."]:
    """[0, 1] to the nearest of 0 to 255."""
    return (image * 255 + 0.5).to(torch.uint8)


def double(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c i j"]:
    """Enlarge by two, nearest neighbor."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")


def reflect(x: Float[Tensor, "b c h w"], left: int, right: int, top: int, bottom: int) -> Float[Tensor, "b c i j"]:
    """Pad by reflection, in steps where a side is shorter than the padding asked for."""
    if torch.compiler.is_exporting():  # the graph promises sides longer than any padding
        return F.pad(x, (left, right, top, bottom), mode="reflect")
    while left or right or top or bottom:
        height, width = x.shape[2:]
        if height < 2 or width < 2:  # one pixel has no reflection: repeat it
            return F.pad(x, (left, right, top, bottom), mode="replicate")
        now = [min(left, width - 1), min(right, width - 1), min(top, height - 1), min(bottom, height - 1)]
        x = F.pad(x, now, mode="reflect")
        left, right, top, bottom = left - now[0], right - now[1], top - now[2], bottom - now[3]
    return x
