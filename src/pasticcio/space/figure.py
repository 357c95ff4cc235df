"""Figures drawn with matplotlib."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pasticcio.extras import extra
from pasticcio.files import writing

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@contextmanager
def figure(out: Path, width: float, height: float) -> Iterator[Figure]:
    """A figure to draw on, which is written to a .png file when the context ends.

    Args:
        out: the file.
        width, height: in inches of 120 pixels.

    Raises:
        MissingExtraError: matplotlib is not installed.
        OutputError: the file cannot be written.
    """
    with extra("analysis", "a figure"):
        from matplotlib.figure import Figure
    drawn = Figure(figsize=(width, height), dpi=120, layout="constrained")
    yield drawn
    with writing(out) as partial:
        drawn.savefig(partial, format="png")
