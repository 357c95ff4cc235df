"""What the style transfer networks of `paper` and `fast` share.

They map RGB in [0, 1] of any height and width to RGB in [0, 1] of the same size. One vector of scales and shifts is
the style (`style_parameters` numbers, see `style_layout`).
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from pasticcio.nn.norm import ConditionalInstanceNorm, Steering

RGB = 3


class StyleTransfer(nn.Module):
    """A style transfer network: the order of its style parameters, and its padding to any picture size.

    Sides are padded by reflection to a multiple of `multiple`, plus `margin` pixels on every side,
    and the result is cropped back.

    Attributes:
        multiple: of which the sides of a padded picture are multiples.
        margin: pixels of reflection on every side.
        reach: how far, in pixels, a pixel of the picture changes the output where the statistics are given.
        squared: how many of the style parameters, from the first on, are never negative, see `Heads`.
    """

    squared = 0
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
        """`forward` for bytes from 0 to 255 with channels last."""
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


class Places:
    """Makes normalizations whose style parameters follow each other in the vector of all style parameters."""

    def __init__(self) -> None:
        self.taken = 0
        self.scale = 1

    def at(self, scale: int) -> Places:
        """The normalizations made from now on work at 1/scale of the size of the picture."""
        self.scale = scale
        return self

    def norm(self, channels: int) -> ConditionalInstanceNorm:
        """A normalization with a beta and a gamma of its own for each channel."""
        offset = self.taken
        self.taken += 2 * channels
        return ConditionalInstanceNorm(channels, offset, self.scale)


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
        return self.norm(self.convolved(x), style)

    def joined(
        self, x: Float[Tensor, "b c h w"], shortcut: Float[Tensor, "b d h w"], style: Float[Tensor, "s p"] | Steering
    ) -> Float[Tensor, "b d h w"]:
        """Convolution, a shortcut added, then the normalization and a rectifier."""
        return F.relu(self.norm(self.convolved(x) + shortcut, style))

    def convolved(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        """Padding and convolution."""
        side = self.reflection
        return self.conv(reflect(x, side, side, side, side) if side else x)


def to_bytes(image: Float[Tensor, "..."]) -> UInt8[Tensor, "..."]:
    """[0, 1] to the nearest of 0 to 255."""
    return (image * 255 + 0.5).to(torch.uint8)


def reflect(x: Float[Tensor, "b c h w"], left: int, right: int, top: int, bottom: int) -> Float[Tensor, "b c i j"]:
    """Pad by reflection, in steps where a side is shorter than the padding."""
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
