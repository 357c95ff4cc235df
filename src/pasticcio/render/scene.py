"""Scene: a picture with the styles, masks and transparency that its rendering depends on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pasticcio.image.picture import Array
from pasticcio.image.resize import reduced


@dataclass(frozen=True)
class Scene:
    """A picture with the styles, masks and transparency that its rendering depends on.

    Attributes:
        pixels: (H, W, 3), uint8, uint16 or float32 in [0, 1].
        styles: (S, E), embeddings. The first has the share of each place that the masks leave over.
        masks: S - 1 arrays (H, W), uint8: the share of each further style, 255 for all of a place. Where they sum
            to more than 255 they are scaled down to that sum.
        alpha: (H, W), of the dtype of `pixels`: weight of each pixel in the statistics; None for equal weights.
        tone: changes pixels, float32 (h, w, 3) in [0, 1], before the network sees them; None for no change.
    """

    pixels: NDArray[Any]
    styles: NDArray[np.float32]
    masks: tuple[NDArray[np.uint8], ...] = ()
    alpha: NDArray[Any] | None = None
    tone: Callable[[Array], Array] | None = None

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in pixels."""
        height, width = self.pixels.shape[:2]
        return height, width

    @property
    def plain(self) -> bool:
        """Whether it is rendered without masks and weights, as the graphs for whole pictures do."""
        return self.alpha is None and not self.masks

    def reduced(self, factor: float) -> Scene:
        """The scene at another size, averaged by area; `pixels`, `alpha` and masks become uint8.

        Args:
            factor: of height and width, below 1.
        """
        height, width = self.size
        size = max(1, round(width * factor)), max(1, round(height * factor))
        return replace(
            self,
            pixels=reduced(self.pixels, size),
            masks=tuple(reduced(mask, size) for mask in self.masks),
            alpha=None if self.alpha is None else reduced(self.alpha, size),
        )
