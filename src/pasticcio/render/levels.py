"""Levels: the sizes at which a photo is stylized, one after the other, for strokes larger than those of one pass."""

from __future__ import annotations

import math

USUAL = 512  # pixels: short side of a photo whose strokes have the size that they have in the painting
LARGE = 768  # pixels: short side from which on strokes grow with the photo
MOST = 8.0  # times larger strokes
STEP = 2.5  # at most, from one level to the next: strokes of one pass hide the blur of what was so much enlarged
SHARE = 0.65  # of the coarser level in the next one's photo


def stroke_for(asked: float | None, height: int, width: int) -> float:
    """How many times larger than those of one pass the strokes of a photo are.

    The style prediction network sees a painting at 512 pixels or less. Strokes of one pass have the size that they have
    there, in pixels; in a larger photo they grow with it, so that they are as large a part of it as of the painting.

    Args:
        asked: the option `stroke`, see `Options`.
        height, width: of the photo.
    """
    if asked is not None:
        return asked
    short = min(height, width)
    return min(MOST, short / USUAL) if short >= LARGE else 1.0


def levels(stroke: float) -> list[float]:
    """By how much the photo is made smaller at each level, coarsest first; the last is 1, or below it `stroke`.

    >>> [round(level, 2) for level in levels(4.0)]
    [4.0, 2.0, 1.0]
    >>> levels(1.0), levels(0.5)
    ([1.0], [0.5])
    """
    steps = math.ceil(math.log(stroke) / math.log(STEP)) if stroke > 1 else 0
    return [stroke ** ((steps - done) / steps) for done in range(steps)] + [min(stroke, 1.0)]
