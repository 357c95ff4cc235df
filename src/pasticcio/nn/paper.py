"""The style transfer network of Ghiasi et al. 2017, layer by layer as in the authors' code."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.norm import ShiftBatchNorm, Steering
from pasticcio.nn.transfer import RGB, Places, StyledConv, StyleTransfer, reflect


class PaperTransfer(StyleTransfer):
    """The style transfer network of the paper: 3x3 and 9x9 convolutions padded by reflection.

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
    blocks = 5  # residual ones
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
        self.residual = nn.ModuleList([PaperResidual(wide, place.at(4)) for _ in range(self.blocks)])
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


class EncoderConv(nn.Module):
    """Reflection padding, convolution without bias, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, bias=False)
        self.norm = ShiftBatchNorm(outputs)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        side = self.conv.kernel_size[0] // 2
        return F.relu(self.norm(self.conv(reflect(x, side, side, side, side))))


class PaperResidual(nn.Module):
    """Two styled convolutions around a shortcut; no activation after the sum."""

    def __init__(self, channels: int, place: Places) -> None:
        super().__init__()
        self.conv1 = StyledConv(channels, channels, 3, place, reflection=True)
        self.conv2 = StyledConv(channels, channels, 3, place, reflection=True)

    def forward(self, x: Float[Tensor, "b c h w"], style: Float[Tensor, "s p"] | Steering) -> Float[Tensor, "b c h w"]:
        return x + self.conv2(F.relu(self.conv1(x, style)), style)


def double(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c i j"]:
    """Enlarge by two, nearest neighbor."""
    return F.interpolate(x, scale_factor=2.0, mode="nearest")
