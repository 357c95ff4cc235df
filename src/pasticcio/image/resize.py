"""Resizing and padding pictures, and changing large ones a slab of rows at a time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.image.picture import Array, Picture, Pixels, as_depth, as_float, to_pil

SLAB = 512  # rows changed at a time
MAX_ASPECT = 4  # of a style picture


def scaled(picture: Picture, factor: float) -> Picture:
    """A picture with both sides multiplied by `factor`, and at least one pixel long; for 1 the picture itself."""
    if factor == 1.0:
        return picture
    height, width = picture.pixels.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    alpha = None if picture.alpha is None else resized(picture.alpha, size)
    return replace(picture, pixels=resized(picture.pixels, size), alpha=alpha)


def resized(values: Pixels, size: tuple[int, int]) -> Pixels:
    """(H, W) or (H, W, 3) of any depth at another size (width, height)."""
    if values.dtype == np.uint8:
        return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.LANCZOS))
    planes = values[:, :, None] if values.ndim == 2 else values
    out = [
        np.asarray(Image.fromarray(as_float(planes[:, :, c])).resize(size, Image.Resampling.LANCZOS))
        for c in range(planes.shape[2])
    ]
    return as_depth(np.stack(out, 2) if values.ndim == 3 else out[0], values.dtype)


def reduced(values: Pixels, size: tuple[int, int]) -> NDArray[np.uint8]:
    """(H, W) or (H, W, 3) of any depth at a smaller size (width, height), averaged by area, as uint8."""
    if values.dtype != np.uint8:
        values = np.concatenate([as_depth(slab, np.uint8) for slab in np.array_split(values, -(-len(values) // SLAB))])
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))


def scaled_floats(pixels: Pixels, most: int) -> Array:
    """A large picture, (H, W, 3), reduced to about `most` pixels, as float32 in [0, 1]."""
    height, width = pixels.shape[:2]
    factor = (most / (height * width)) ** 0.5
    return as_float(reduced(pixels, (max(1, round(width * factor)), max(1, round(height * factor)))))


def in_slabs(change: Callable[[Array, Array], Array], photo: Pixels, image: Pixels) -> Pixels:
    """Apply a change to a picture, given the photo, in slabs of rows: only a slab at a time is held as float32.

    Args:
        change: from a slab of the photo and of the picture, both float32 in [0, 1], to the slab changed.
        photo, image: (H, W, 3) of any depth.
    """
    out = np.empty_like(image)
    for top in range(0, len(photo), SLAB):
        rows = slice(top, top + SLAB)
        out[rows] = as_depth(change(as_float(photo[rows]), as_float(image[rows])), image.dtype)
    return out


def at_least(image: Pixels, side: int, axes: tuple[int, int] = (0, 1)) -> Pixels:
    """A picture with both sides at least `side` pixels long, padded by reflection on the right and at the bottom.

    Args:
        image: one picture, or several.
        side: in pixels.
        axes: of the height and the width.
    """
    missing = {axis: max(0, side - image.shape[axis]) for axis in axes}
    if not any(missing.values()):
        return image
    pads = [(0, missing.get(axis, 0)) for axis in range(image.ndim)]
    return np.pad(image, pads, mode="reflect" if min(image.shape[axis] for axis in axes) > 1 else "edge")


def style_view(image: Array, side: int) -> Array:
    """A style picture as the style prediction network sees it.

    Args:
        image: (H, W, 3) in [0, 1]. If one side is more than `MAX_ASPECT` times the other, the middle is taken.
        side: pixels to which the short side is brought.
    """
    height, width = image.shape[:2]
    longest = MAX_ASPECT * min(height, width)
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    image = image[top : top + longest, left : left + longest]
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = max(side, round(width * scale)), max(side, round(height * scale))
    if size == (width, height):
        return image
    return as_float(np.asarray(to_pil(image).resize(size, Image.Resampling.BICUBIC)))
