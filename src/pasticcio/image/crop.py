"""Squares cut from pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Pixels = NDArray[np.uint8]


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
