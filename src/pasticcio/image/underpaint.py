"""Underpainting: a photo mixed with what became of it at a smaller size, for the next and finer rendering.

A painter lays in large shapes first and details upon them. So are strokes made that are larger than those a network
draws: a small photo is stylized, enlarged, mixed with the photo and stylized again.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.image.picture import Array, Pixels, as_depth, as_float
from pasticcio.image.resize import SLAB

BLUR = 1 / 16, 4 / 16, 6 / 16, 4 / 16, 1 / 16  # over pixels of the small picture: the grid of a network's layers goes
AROUND = 8  # rows of the small picture above and below a slab: more than blur and enlargement reach


def underpainted(photo: Pixels, small: Pixels, share: float, places: NDArray[np.floating[Any]] | None = None) -> Pixels:
    """Mix a photo with a smaller picture of it, which is blurred a little and enlarged.

    Args:
        photo: (H, W, 3), uint8 or uint16 over the whole range, or floating point in [0, 1].
        small: (h, w, 3), likewise; at most as large.
        share: of the smaller picture in the mix, from 0 to 1.
        places: (H, W) in [0, 1], a factor on the share for each place; None for 1 everywhere.

    Returns:
        Of the shape and dtype of `photo`.
    """
    height, width = photo.shape[:2]
    out = np.empty_like(photo)
    for top in range(0, height, SLAB):
        rows = slice(top, min(top + SLAB, height))
        first, last = (edge * len(small) / height for edge in (rows.start, rows.stop))
        start, stop = max(0, int(first) - AROUND), min(len(small), int(last) + 1 + AROUND)
        part = _blurred(as_float(small[start:stop]))
        box = (0.0, first - start, float(small.shape[1]), last - start)
        size = width, rows.stop - top
        weight = np.float32(share) if places is None else np.float32(share) * places[rows].astype(np.float32)
        for channel in range(3):
            fine = as_float(photo[rows, :, channel])
            plane = np.ascontiguousarray(part[:, :, channel])
            large = np.asarray(Image.fromarray(plane).resize(size, Image.Resampling.BICUBIC, box=box))
            out[rows, :, channel] = as_depth(fine + weight * (large - fine), photo.dtype)
    return out


def _blurred(values: Array) -> Array:
    """Weighted means over 5x5 pixels, (h, w, 3)."""
    reach = len(BLUR) // 2
    for axis in (0, 1):
        padded = np.pad(values, [(reach, reach) if a == axis else (0, 0) for a in range(3)], mode="edge")
        moved = (np.moveaxis(padded, axis, 0)[start : start + values.shape[axis]] for start in range(len(BLUR)))
        total = np.zeros_like(np.moveaxis(values, axis, 0))
        for weight, one in zip(BLUR, moved, strict=True):
            total += np.float32(weight) * one
        values = np.moveaxis(total, 0, axis)
    return values
