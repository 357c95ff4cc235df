"""Squares cut from pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

FLAT = 2  # of 255: a crop that varies no more than this is of one color
TRIES = 8  # cuts of a picture, until one is not of one color

Pixels = NDArray[np.uint8]


def varied_crop(pixels: Pixels, side: int, shorts: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """A square, (side, side, 3), at a random place and scale of a picture, (H, W, 3).

    A square of one color is cut again elsewhere, up to `TRIES` times: every instance normalization would magnify the
    noise that is all its detail.

    Args:
        pixels: the picture.
        side: of the square, in pixels.
        shorts: range of the short side, in pixels, to which the picture is resized.
        rng: decides scale and place.
    """
    for _ in range(TRIES):
        crop = random_crop(pixels, side, int(rng.integers(shorts[0], shorts[1] + 1)), rng)
        if np.ptp(crop.reshape(-1, 3), axis=0).max() > FLAT:
            break
    return crop


def random_crop(pixels: Pixels, side: int, short: int, rng: np.random.Generator) -> Pixels:
    """A square of `side` pixels at a random place of the picture resized to the short side `short`."""
    height, width = pixels.shape[:2]
    window = side * min(height, width) / short
    left, top = rng.uniform(0, width - window), rng.uniform(0, height - window)
    return _resized_window(pixels, left, top, window, side)


def center_crop(pixels: Pixels, side: int, short: int) -> Pixels:
    """The middle square of `side` pixels of the picture resized to the short side `short`."""
    height, width = pixels.shape[:2]
    window = side * min(height, width) / short
    return _resized_window(pixels, (width - window) / 2, (height - window) / 2, window, side)


def _resized_window(pixels: Pixels, left: float, top: float, window: float, side: int) -> Pixels:
    image = Image.fromarray(pixels)
    box = (left, top, left + window, top + window)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=box))
