"""The statistics that tiles share, measured before any tile is rendered.

Instance normalization takes mean and variance over the whole picture (Ghiasi et al. 2017, section 2), so all tiles
must be given the same. There are three ways to measure them:

- "reduced": on the whole picture, made smaller. Fine texture is lost, and the statistics differ with it.
- "sample": the same, corrected by the difference that making smaller makes on a sample of crops. The default.
- "exact": on all tiles, once for every layer, since the statistics of a layer depend on those before it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pasticcio.render.canvas import Canvas, Measured
from pasticcio.render.options import Statistics
from pasticcio.render.windows import CROP_MARGIN

MAX_CHANGE = 4.0  # factor by which the sample corrects a variance, at most


@dataclass(frozen=True)
class Survey:
    """How statistics are measured.

    Attributes:
        how: "sample", "reduced" or "exact".
        tile: side of the tiles, in pixels, for "exact".
        reduced_pixels: number of pixels to which a larger picture is made smaller.
        crops: number of crops of the sample, about.
        crop_side: their side in pixels.
    """

    how: Statistics
    tile: int
    reduced_pixels: int = 3_000_000
    crops: int = 20
    crop_side: int = 384

    @classmethod
    def within(cls, how: Statistics, tile: int, pixels: int) -> Survey:
        """A survey that looks at no more than about so many pixels at once; how and tile are as above."""
        crops = pixels // (cls.crop_side + 2 * CROP_MARGIN) ** 2
        return cls(how, tile, min(cls.reduced_pixels, pixels), max(1, min(cls.crops, crops)))

    def factor(self, size: tuple[int, int]) -> float:
        """The factor by which a picture of that height and width is made smaller; 1 where it stays."""
        return min(1.0, math.sqrt(self.reduced_pixels / (size[0] * size[1])))

    def rounds(self, canvas: Canvas) -> int:
        """How many times all tiles are rendered for their statistics."""
        return len(canvas.layers) if self.how == "exact" and self.factor(canvas.scene.size) < 1.0 else 0

    def corners(self, size: tuple[int, int]) -> list[tuple[int, int]]:
        """Row and column of the upper left corner of each crop: a random one in each cell of a grid."""
        height, width = size
        down = min(self.crops, max(1, round(math.sqrt(self.crops * height / width))))
        across = max(1, self.crops // down)
        cell = max(0, height - self.crop_side) / down, max(0, width - self.crop_side) / across
        random = np.random.default_rng(0)
        cells = np.stack(np.meshgrid(np.arange(down), np.arange(across), indexing="ij"), 2)
        places = random.random((down, across, 2)) + cells
        return [(int(row), int(column)) for row, column in (places * cell).reshape(-1, 2)]


def measure(canvas: Canvas, survey: Survey, report: Callable[[int], None] = lambda done: None) -> Measured:
    """The statistics of all layers.

    Args:
        canvas: of the whole picture.
        survey: how they are measured.
        report: called with the number of tiles rendered so far, for "exact".
    """
    factor = survey.factor(canvas.scene.size)
    if factor == 1.0:
        return canvas.whole()[1]
    small = canvas.of(canvas.scene.reduced(factor))
    found = small.whole()[1]
    if survey.how == "reduced":
        return found
    found = _corrected(found, canvas, small, factor, survey)
    return found if survey.how == "sample" else _exact(found, canvas, survey.tile, report)


def _corrected(found: Measured, canvas: Canvas, small: Canvas, factor: float, survey: Survey) -> Measured:
    """Statistics of the smaller picture, corrected by the crops, seen at both sizes."""
    corners = survey.corners(canvas.scene.size)
    same = [(round(row * factor), round(column * factor)) for row, column in corners]
    large = canvas.render(canvas.frame.around(corners, survey.crop_side), None)[1]
    less = small.render(small.frame.around(same, round(survey.crop_side * factor)), None)[1]
    change = np.divide(large[1], less[1], out=np.ones_like(less[1]), where=less[1] > 0)  # 0 where a channel is silent
    change = np.clip(change, 1 / MAX_CHANGE, MAX_CHANGE)
    return np.stack([found[0] + large[0] - less[0], found[1] * change])


def _exact(found: Measured, canvas: Canvas, tile: int, report: Callable[[int], None]) -> Measured:
    """Statistics of all tiles, layer by layer, from others to begin with."""
    done, first = 0, 0
    for channels in canvas.layers:
        parts = []
        for window in canvas.frame.tiles(tile):
            parts.append((canvas.render([window], found)[1], canvas.weight(window)))
            done += 1
            report(done)
        found[:, first : first + channels] = pooled(parts)[:, first : first + channels]
        first += channels
    return found


def pooled(parts: Sequence[tuple[Measured, float]]) -> Measured:
    """The statistics of a whole from those of its parts and their weights."""
    weights = np.array([weight for _, weight in parts], np.float64)
    weights /= weights.sum()
    means = np.stack([part[0] for part, _ in parts]).astype(np.float64)
    variances = np.stack([part[1] for part, _ in parts]).astype(np.float64)
    mean = np.tensordot(weights, means, 1)
    variance = np.tensordot(weights, variances + (means - mean) ** 2, 1)
    return np.stack([mean, variance]).astype(np.float32)
