"""A style transfer network that begins with the layers of an image recognition network."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.fast import UpsampledConv
from pasticcio.nn.norm import Steering
from pasticcio.nn.predictor import NARROW, WIDE
from pasticcio.nn.transfer import RGB, Places, StyledConv, StyleTransfer, reflect
from pasticcio.nn.vgg import Vgg, VggConfig


class EncodedTransfer(StyleTransfer):
    """A style transfer network that gives a photo's features of VGG-19 the statistics of the style, and draws them.

    The encoder is the quarter-width VGG-19 of Collaborative-Distillation (Wang et al. 2020) to relu4_1, at 1/8 of the
    size, with its linear map to the features of the full network. These are normalized, scaled and shifted by the
    style, as in Huang and Belongie 2017 ("Arbitrary style transfer in real-time with adaptive instance normalization",
    equation 8), but by what is predicted for the style. The decoder is that paper's with fewer channels, enlarged
    linearly, and with conditional instance normalization after each convolution. Shortcuts carry the encoder's relu3_1
    and relu2_1 to the decoder's layers at 1/4 and 1/2 of the size. All convolutions are padded by reflection.

    Args:
        eighth, quarter, half: channels of the decoder at 1/8, 1/4 and 1/2 of the size.
    """

    squared = 2 * WIDE
    multiple = 8
    margin = 0

    def __init__(self, eighth: int = 128, quarter: int = 128, half: int = 64) -> None:
        super().__init__()
        # 3x3 kernels: two at full size, two at 1/2, four at 1/4, one at 1/8; back two, four and two, and one pixel more
        # where features are enlarged; and the grid of 8.
        self.reach = 2 + 2 * 2 + 4 * 4 + 8 + 8 + (8 + 4 * 4) + (4 + 2 * 3) + self.multiple
        self.encoder = Vgg(VggConfig(padding="reflect", widths=NARROW), ("relu2_1", "relu3_1", "relu4_1"))
        self.encoder.winograd = False  # its channels are too few for it, and it has no graph
        self.encoder.requires_grad_(True)
        self.widen = nn.Conv2d(NARROW[3], WIDE, 1)
        place = Places()
        self.bottleneck = place.at(8).norm(WIDE)
        self.at_eighth = StyledConv(WIDE, eighth, 3, place, reflection=True)
        place.at(4)
        self.to_quarter = StyledConv(eighth, quarter, 3, place, reflection=True)
        self.at_quarter = nn.ModuleList([StyledConv(quarter, quarter, 3, place, reflection=True) for _ in range(2)])
        self.narrow = StyledConv(quarter, half, 3, place, reflection=True)
        place.at(2)
        self.to_half = StyledConv(half, half, 3, place, reflection=True)
        self.at_half = StyledConv(half, half, 3, place, reflection=True)
        self.unfold = UpsampledConv(half, RGB)
        self.color = place.at(1).norm(RGB)
        self.from_quarter = nn.Conv2d(NARROW[2], quarter, 1, bias=False)
        self.from_half = nn.Conv2d(NARROW[1], half, 1, bias=False)
        for conv in (self.from_quarter, self.from_half):
            nn.init.zeros_(conv.weight)

    def render(
        self, content: Float[Tensor, "b 3 h w"], style: Float[Tensor, "s p"] | Steering
    ) -> Float[Tensor, "b 3 h w"]:
        return torch.sigmoid(self.color(F.pixel_shuffle(self.phases(content, style), 2), style))

    def phases(
        self, content: Float[Tensor, "b 3 h w"], style: Float[Tensor, "s p"] | Steering
    ) -> Float[Tensor, "b 12 i j"]:
        """The picture at 1/2 of its size before its colors are normalized, its blocks of 2x2 pixels as channels."""
        # The normalization magnifies quiet channels, and with them the rounding of half precision.
        with torch.autocast(content.device.type, enabled=False):
            seen = self.encoder(content.float())
            x = self.bottleneck(F.relu(self.widen(seen["relu4_1"])), style)
        x = F.relu(self.at_eighth(x, style))
        x = self.to_quarter.joined(enlarged(x), self.from_quarter(seen["relu3_1"]), style)
        for layer in self.at_quarter:
            x = F.relu(layer(x, style))
        x = F.relu(self.narrow(x, style))
        x = self.to_half.joined(enlarged(x), self.from_half(seen["relu2_1"]), style)
        x = reflect(F.relu(self.at_half(x, style)), 1, 1, 1, 1)
        return F.conv2d(x, self.unfold.kernels())


def enlarged(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c i j"]:
    """Twice the size, between the nearest pixels linearly.

    Departure from Huang and Belongie 2017, whose decoder repeats pixels: in even areas, steps between repeated pixels
    become a weave.
    """
    return F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
