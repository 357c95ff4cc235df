"""Texture: a faint pattern for the even areas of a photo, from which a style transfer network makes strokes.

Instance normalization needs differences: where a photo has one color the network has nothing to place strokes by, and
draws a flat area, or where all of the photo has one color the grid of its own layers.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.image.picture import Array, Pixels

AMPLITUDE = 0.015  # standard deviation of the pattern in an even area, of the range of a pixel
EVEN = 0.02  # standard deviation of brightness from which on an area gets no pattern
BLOCK = 8  # side in pixels of the squares by which evenness is measured
COARSEST, OCTAVES = 32, 4  # distance in pixels of the knots of the coarsest noise; each octave halves it
PERIOD = 1024  # pixels after which the pattern repeats
SEED = 1705
BAND = 256  # rows that are changed at a time, so that a large photo takes little memory


def textured(pixels: Pixels, amount: float, share: NDArray[np.floating] | None = None) -> Pixels:
    """A photo whose even areas have a faint pattern; the other areas are as they were.

    The pattern depends on the place of a pixel and on nothing else, so that one photo gives one result.

    Args:
        pixels: (H, W, 3), uint8 or uint16 over the whole range, or float32 in [0, 1].
        amount: factor on the amplitude of the pattern; 0 for none.
        share: (H, W) in [0, 1], a factor for each place; None for 1 everywhere.

    Returns:
        Of the shape and dtype of `pixels`; `pixels` itself where no area is even or `amount` is 0.
    """
    if amount == 0 or not (even := evenness(pixels)).any():
        return pixels
    height, width = pixels.shape[:2]
    floating = np.issubdtype(pixels.dtype, np.floating)
    top = 1.0 if floating else float(np.iinfo(pixels.dtype).max)
    strength = np.asarray(Image.fromarray(even).resize((width, height), Image.Resampling.BILINEAR))
    columns = np.arange(width) % PERIOD
    result = pixels.copy()
    for first in range(0, height, BAND):
        rows = np.arange(first, min(first + BAND, height))
        added = strength[rows] * pattern()[(rows % PERIOD)[:, None], columns]
        added *= amount * AMPLITUDE * top
        if share is not None:
            added *= share[rows]
        sums = pixels[rows] + added[..., None]
        result[rows] = np.clip(sums if floating else np.rint(sums), 0, top)
    return result


def evenness(pixels: Pixels) -> Array:
    """How even a photo is around each block of 8x8 pixels: 1 where brightness is constant, 0 where it varies.

    Args:
        pixels: see `textured`.

    Returns:
        float32 (ceil(H / 8), ceil(W / 8)).
    """
    top = 1.0 if np.issubdtype(pixels.dtype, np.floating) else np.iinfo(pixels.dtype).max
    gray = pixels.mean(2, dtype=np.float32) / np.float32(top)
    down, right = ((-side) % BLOCK for side in gray.shape)
    gray = np.pad(gray, ((0, down), (0, right)), mode="edge")
    blocks = gray.reshape(gray.shape[0] // BLOCK, BLOCK, -1, BLOCK)
    mean, square = (_around(values.mean((1, 3))) for values in (blocks, blocks**2))
    deviation = np.sqrt(np.maximum(square - mean**2, 0))
    even: Array = np.clip(1 - deviation / EVEN, 0, 1).astype(np.float32)
    return even


def _around(values: Array) -> Array:
    """Means over 3x3 values."""
    padded = np.pad(values, 1, mode="edge")
    rows = padded[:-2] + padded[1:-1] + padded[2:]
    means: Array = (rows[:, :-2] + rows[:, 1:-1] + rows[:, 2:]) / 9
    return means


@cache
def pattern() -> Array:
    """Noise of several octaves that repeats without a seam: float32 (1024, 1024), mean 0, standard deviation 1."""
    draw = np.random.default_rng(SEED)
    total = np.zeros((PERIOD, PERIOD), np.float32)
    for octave in range(OCTAVES):
        step = COARSEST >> octave
        knots = np.pad(draw.normal(size=(PERIOD // step,) * 2).astype(np.float32), 2, mode="wrap")
        wide = Image.fromarray(knots).resize((PERIOD + 4 * step,) * 2, Image.Resampling.BICUBIC)
        total += np.asarray(wide)[2 * step : -2 * step, 2 * step : -2 * step]
    total -= total.mean()
    noise: Array = total / total.std()
    return noise
