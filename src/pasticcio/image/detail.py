"""Enlarging a picture that was stylized at a smaller size, with the detail of the photo."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.image.color import luminance
from pasticcio.image.picture import Array, Pixels, as_depth, as_float

RADIUS = 4  # pixels of the small picture: windows in which photo and stylized picture are compared reach so far
EVEN = 1e-3  # added to the variance of luminance (epsilon of the guided filter): even places get little detail
MOST = 1.5  # largest factor on the contrast of the photo's detail
SLAB = 512  # rows enlarged at a time


def enlarge(small: Array, small_photo: Array, photo: Pixels) -> Pixels:
    """Enlarge a stylized picture to the size of its photo.

    The detail that the photo lost when it was made smaller is added to the enlarged picture, times the contrast that
    the style gives to coarser detail in the same place: the slope of the stylized colors over the photo's luminance in
    a window, as in a guided filter (He et al. 2013, "Guided image filtering", equation 5). If the style flattens the
    photo there, the detail is flattened too; if it turns dark to light, so is the detail.

    Args:
        small: (h, w, 3) in [0, 1], the stylized picture.
        small_photo: (h, w, 3) in [0, 1], the photo at that size.
        photo: (H, W, 3) of any depth, the photo at its full size.

    Returns:
        (H, W, 3) of the photo's depth.
    """
    light = luminance(small_photo)
    slope = _slope(light, small)
    height, width = photo.shape[:2]
    out = np.empty(photo.shape, photo.dtype)
    for top, bottom in _slabs(height):
        box = (0.0, top * len(light) / height, float(light.shape[1]), bottom * len(light) / height)
        size = (width, bottom - top)
        detail = luminance(as_float(photo[top:bottom])) - _resized(light, size, box)
        for channel in range(3):
            base = _resized(small[:, :, channel], size, box)
            values = base + _resized(slope[:, :, channel], size, box) * detail
            out[top:bottom, :, channel] = as_depth(values, photo.dtype)
    return out


def _slope(light: NDArray[np.floating[Any]], small: Array) -> Array:
    """Slope of each stylized color over the photo's luminance in the window around every pixel, (h, w, 3)."""
    mean = _blurred(light)
    variance = _blurred(light * light) - mean * mean
    slopes = [
        (_blurred(light * small[:, :, c]) - mean * _blurred(small[:, :, c])) / (variance + EVEN) for c in range(3)
    ]
    return np.clip(np.stack([_blurred(slope) for slope in slopes], 2), -MOST, MOST).astype(np.float32)


def _blurred(values: NDArray[np.floating[Any]]) -> NDArray[np.floating[Any]]:
    """Means over windows of 2 * RADIUS + 1 pixels in both directions."""
    for axis in (0, 1):
        padded = np.pad(values, [(RADIUS + 1, RADIUS) if a == axis else (0, 0) for a in (0, 1)], mode="edge")
        sums = np.cumsum(padded, axis=axis, dtype=np.float64)
        count = 2 * RADIUS + 1
        high, low = (np.take(sums, range(s, s + values.shape[axis]), axis) for s in (count, 0))
        values = ((high - low) / count).astype(np.float32)
    return values


def _slabs(height: int) -> Iterator[tuple[int, int]]:
    for top in range(0, height, SLAB):
        yield top, min(top + SLAB, height)


def _resized(
    values: NDArray[np.float32], size: tuple[int, int], box: tuple[float, float, float, float]
) -> NDArray[np.float32]:
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BICUBIC, box=box))
