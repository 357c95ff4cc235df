"""A style's Gram matrices, as the loss network has them, from a narrow copy of that network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.vgg import WIDTHS, Vgg, VggConfig

LEADING = 16, 40, 64, 64, 64  # directions of the features of the five blocks, whose Gram matrices are computed


class StyleGrams(nn.Module):
    """Guesses the Gram matrices of style pictures in the loss network, as coordinates.

    A copy of the loss network with half as many channels takes a quarter of the multiply-adds. Of each layer a linear
    map and a rectifier guess the loss network's features, which are then turned to the few directions that hold most of
    them. The Gram matrix of these tells the coordinates of the whole one, by a linear map.

    Args:
        parts: for every layer of the loss network, how many coordinates its Gram matrices have.
        depth: of the loss network, 16 or 19.
        widths: channels of its five blocks.

    Attributes:
        maps: by layer, from what `describe` gives for it to coordinates and to a matrix's size.
    """

    def __init__(self, parts: Mapping[str, int], depth: Literal[16, 19] = 19, widths: tuple[int, ...] = WIDTHS) -> None:
        super().__init__()
        self.parts, self.widths = dict(parts), widths
        blocks = [int(layer[4]) - 1 for layer in parts]
        half = tuple(max(1, width // 2) for width in widths)
        self.narrow = Vgg(VggConfig(depth=depth, padding="reflect", widths=half), list(parts))
        self.narrow.winograd = False  # its channels are too few for it, and it has no graph
        for layer, block in zip(parts, blocks, strict=True):
            self.narrow.maps[layer] = nn.Conv2d(half[block], widths[block], 1)
        leading = [min(LEADING[block], widths[block]) for block in blocks]
        self.turns = nn.ModuleList(
            [nn.Conv2d(widths[block], count, 1, bias=False) for block, count in zip(blocks, leading, strict=True)]
        )
        self.described = [count * (count + 1) // 2 + 1 for count in leading]
        self.maps = nn.ModuleList(
            [nn.Linear(count, part + 1) for count, part in zip(self.described, parts.values(), strict=True)]
        )

    def forward(self, style: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "b q"], Float[Tensor, "b l"]]:
        """Coordinates of the matrices divided by their norms, all layers, and logarithms of the norms.

        Args:
            style: RGB in [0, 1], sides at least 16.
        """
        return self.read(self.describe(style))

    def features(self, style: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """What the loss network's features are guessed to be, by layer, each (B, C, H', W')."""
        return [F.relu(x) for x in self.narrow(style).values()]

    def describe(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Of every layer the Gram matrix of the leading directions, divided by its norm, and the norm's logarithm."""
        found = []
        for turn, x in zip(self.turns, self.features(style), strict=True):
            rows = turn(x).flatten(2)
            flat = flat_grams(torch.bmm(rows, rows.transpose(1, 2)) / rows.shape[2])
            norm = flat.square().sum(1, keepdim=True).sqrt() + 1e-8
            found += [flat / norm, norm.log()]
        return torch.cat(found, 1)

    def read(self, described: Float[Tensor, "b d"]) -> tuple[Float[Tensor, "b q"], Float[Tensor, "b l"]]:
        """The same as `forward`, from what `describe` gives."""
        found = [told(x) for told, x in zip(self.maps, self.by_layer(described), strict=True)]
        return torch.cat([x[:, :-1] for x in found], 1), torch.cat([x[:, -1:] for x in found], 1)

    def by_layer(self, described: Float[Tensor, "b d"]) -> Sequence[Tensor]:
        """What `describe` gives for every layer."""
        return torch.split(described, self.described, 1)


def flat_grams(grams: Float[Tensor, "n c c"]) -> Float[Tensor, "n t"]:
    """Upper triangles, with the numbers beside the diagonal scaled so that the norm is the matrix's own."""
    rows, columns = torch.triu_indices(grams.shape[1], grams.shape[1], device=grams.device)
    scale = torch.where(rows == columns, 1.0, math.sqrt(2.0))
    return grams.flatten(1)[:, rows * grams.shape[1] + columns].float() * scale
