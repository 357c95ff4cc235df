"""Windows: pieces of a padded picture, each rendered by itself."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CROP_MARGIN = 48  # pixels rendered around a crop and left out of its statistics


@dataclass(frozen=True)
class Window:
    """A piece of a padded picture.

    Attributes:
        top, left, height, width: of the piece, in pixels of the padded picture.
        rows, columns: first and last (exclusive) row and column, counted in the window, of its core: the part that
            belongs to this window and to no neighbor.
    """

    top: int
    left: int
    height: int
    width: int
    rows: tuple[int, int]
    columns: tuple[int, int]

    @property
    def whole_core(self) -> bool:
        """Whether the core is all of the window."""
        return self.rows == (0, self.height) and self.columns == (0, self.width)

    @property
    def core(self) -> tuple[slice, slice]:
        """Rows and columns of the core, counted in the window."""
        return slice(*self.rows), slice(*self.columns)


@dataclass(frozen=True)
class Places:
    """Where a window's core lies in the picture and in the window: two rows and columns of one size.

    Attributes:
        picture: rows and columns of the picture.
        window: the same pixels, counted in the window.
    """

    picture: tuple[slice, slice]
    window: tuple[slice, slice]


class Frame:
    """A picture's size, padded by reflection as the network pads it, and the windows that it is cut into.

    Args:
        size: height and width of the picture.
        multiple: the padded height and width, and where windows begin, are multiples of it plus the margins.
        margin: pixels padded on every side at least.
        reach: pixels over which an output pixel depends on input pixels, with statistics given.
    """

    def __init__(self, size: tuple[int, int], multiple: int, margin: int, reach: int) -> None:
        self.size, self.multiple, self.margin, self.reach = size, multiple, margin, reach
        self.height, self.width = (-(-side // multiple) * multiple + 2 * margin for side in size)
        self._rows = reflected(size[0], margin, self.height)
        self._columns = reflected(size[1], margin, self.width)

    def whole(self) -> Window:
        """All of the padded picture."""
        return Window(0, 0, self.height, self.width, (0, self.height), (0, self.width))

    def tiles(self, side: int) -> Iterator[Window]:
        """Windows of one size whose cores, about `side` pixels wide, cover the padded picture once."""
        rows, columns = cuts(self.height, side, self.multiple), cuts(self.width, side, self.multiple)
        reach = -(-self.reach // self.multiple) * self.multiple
        height = min(self.height, max(end - start for start, end in rows) + 2 * reach)
        width = min(self.width, max(end - start for start, end in columns) + 2 * reach)
        for first, last in rows:
            top = min(max(0, first - reach), self.height - height)
            for start, end in columns:
                left = min(max(0, start - reach), self.width - width)
                yield Window(top, left, height, width, (first - top, last - top), (start - left, end - left))

    def around(self, corners: Sequence[tuple[int, int]], side: int) -> list[Window]:
        """Windows of one size whose cores are squares of the picture.

        Args:
            corners: row and column of the upper left corner of each square, in the picture.
            side: of the squares, in pixels; less where the picture ends.
        """
        full = (-(-(side + 2 * CROP_MARGIN) // self.multiple) + 1) * self.multiple
        height, width = min(full, self.height), min(full, self.width)
        windows = []
        for row, column in corners:
            row, column = row + self.margin, column + self.margin
            top = min(max(0, row - CROP_MARGIN) // self.multiple * self.multiple, self.height - height)
            left = min(max(0, column - CROP_MARGIN) // self.multiple * self.multiple, self.width - width)
            rows = row - top, min(row - top + side, height)
            windows.append(Window(top, left, height, width, rows, (column - left, min(column - left + side, width))))
        return windows

    def places(self, window: Window) -> Places:
        """Where the window's core lies, without what is padding."""
        (top, down), (left, right) = (
            _inside(start, core, self.margin, side)
            for start, core, side in (
                (window.top, window.rows, self.size[0]),
                (window.left, window.columns, self.size[1]),
            )
        )
        return Places((top, left), (down, right))

    def cut(self, values: NDArray[Any], window: Window) -> NDArray[Any]:
        """What lies in a window of the padded picture: (H, W) to (h, w), or (H, W, 3) to (h, w, 3)."""
        rows = self._rows[window.top : window.top + window.height]
        columns = self._columns[window.left : window.left + window.width]
        first, last = columns.min(), columns.max() + 1
        return values[rows, first:last][:, columns - first]


def _inside(start: int, core: tuple[int, int], margin: int, side: int) -> tuple[slice, slice]:
    """Along one axis: the core's place in the picture of that side, and in the window."""
    first = max(start + core[0] - margin, 0)
    last = max(first, min(start + core[1] - margin, side))
    return slice(first, last), slice(first + margin - start, last + margin - start)


def reflected(length: int, before: int, total: int) -> NDArray[np.intp]:
    """Indices into a row of `length` pixels, padded by reflection to `total`, `before` of them in front."""
    places = np.arange(-before, total - before)
    if length == 1:
        return np.zeros(total, np.intp)
    places = np.abs(places) % (2 * (length - 1))
    return np.minimum(places, 2 * (length - 1) - places)


def cuts(length: int, side: int, multiple: int) -> list[tuple[int, int]]:
    """A length in equal parts of about `side` or less, their ends on multiples."""
    parts = max(1, -(-length // max(side, multiple)))
    ends = [round(length * part / parts / multiple) * multiple for part in range(parts)] + [length]
    return [(start, end) for start, end in itertools.pairwise(ends) if end > start]
