"""Tiles: a picture larger than memory, rendered piece by piece.

All tiles are given the same statistics (see `statistics`). With statistics given, an output pixel depends on input
pixels within a known distance; tiles overlap by it, so that each renders as one pass with those statistics would.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from pasticcio.image.picture import Pixels, as_depth
from pasticcio.render.canvas import Canvas
from pasticcio.render.statistics import Survey, measure

NAMES = {"sample": "of a sample", "reduced": "of the picture made smaller", "exact": "exact"}


@dataclass(frozen=True)
class Progress:
    """How far the rendering of a picture is.

    Attributes:
        done, total: tiles, including those rendered for their statistics alone.
        text: how the picture is rendered, for people.
    """

    done: int
    total: int
    text: str


RenderReport = Callable[[Progress], None]


def in_tiles(canvas: Canvas, survey: Survey, report: RenderReport, why: str = "") -> Pixels:
    """Render a scene in tiles.

    Args:
        canvas: of the scene.
        survey: side of the tiles without their overlap, and how their statistics are measured.
        report: called when rendering begins and after every tile.
        why: there are tiles; for people.

    Returns:
        (H, W, 3) of the dtype of the scene's pixels.
    """
    out = np.empty(canvas.scene.pixels.shape, canvas.scene.pixels.dtype)
    windows = list(canvas.frame.tiles(survey.tile))
    before = len(windows) * survey.rounds(canvas)
    text = f"{len(windows)} tiles, statistics {NAMES[survey.how]}{why}"

    def tell(done: int) -> None:
        report(Progress(done, before + len(windows), text))

    tell(0)
    given = measure(canvas, survey, tell)
    for number, window in enumerate(windows, start=1):
        places = canvas.frame.places(window)
        image = canvas.render([window], given)[0][0]
        out[places.picture] = as_depth(image[places.window], out.dtype)
        tell(before + number)
    return out
