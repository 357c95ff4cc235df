"""Statistics of the colors and textures of pictures."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import ImageError
from pasticcio.image.color import RGB_TO_YIQ
from pasticcio.image.picture import Array
from pasticcio.image.resize import style_view
from pasticcio.space.pictures import open_reduced

STATISTICS = ("lightness", "contrast", "saturation", "warmth", "magenta", "fine", "coarse", "upright")
SIDE = 192  # short side, in pixels, at which pictures are measured


def measure(image: Array) -> NDArray[np.float32]:
    """Statistics of color and texture of a picture, float32 (8,), in the order of `STATISTICS`.

    - lightness, contrast: mean and standard deviation of luminance, Y of YIQ.
    - saturation: mean chroma, |(I, Q)|.
    - warmth: mean I, from blue to orange.
    - magenta: mean Q, from green to magenta.
    - fine, coarse: logarithm of the share of the variance of luminance at scales below 3 pixels, and from 5 to 17.
    - upright: logarithm of the mean square of horizontal over that of vertical differences; large for vertical strokes.

    Args:
        image: (H, W, 3) in [0, 1].
    """
    luminance, in_phase, quadrature = np.moveaxis(image.astype(np.float64) @ RGB_TO_YIQ.T, 2, 0)
    small, middle, large = (_blur(luminance, size) for size in (3, 5, 17))
    variance = luminance.var() + 1e-6
    across, down = np.diff(luminance, axis=1), np.diff(luminance, axis=0)
    return np.array(
        [
            luminance.mean(),
            luminance.std(),
            np.hypot(in_phase, quadrature).mean(),
            in_phase.mean(),
            quadrature.mean(),
            np.log((np.square(luminance - small).mean() + 1e-6) / variance),
            np.log((np.square(middle - large).mean() + 1e-6) / variance),
            np.log((np.square(across).mean() + 1e-6) / (np.square(down).mean() + 1e-6)),
        ],
        np.float32,
    )


def measure_pictures(paths: Sequence[Path], workers: int | None = None) -> NDArray[np.float32]:
    """`measure` of many pictures, resized to a short side of 192 pixels, (N, 8); NaN for those that cannot be read."""

    def one(path: Path) -> NDArray[np.float32]:
        try:
            return measure(style_view(open_reduced(path, SIDE), SIDE))
        except ImageError:
            return np.full(len(STATISTICS), np.nan, np.float32)

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        return np.stack(list(pool.map(one, paths)))


def _blur(image: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Means over `size` x `size` pixels; the picture is continued by its edges."""
    half = size // 2
    sums = np.pad(image, ((half + 1, half), (half + 1, half)), mode="edge").cumsum(0).cumsum(1)
    blurred: NDArray[np.float64] = (
        sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    ) / size**2
    return blurred
