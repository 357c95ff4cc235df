"""The pictures of folders, lists, tables and tar shards, decoded when they are asked for."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import DataError, ImageError
from pasticcio.image.listing import find_pictures
from pasticcio.image.read import read_rgb
from pasticcio.training.crops import resize_short

MIN_SIDE = 32  # pixels; smaller pictures are no use to either network
UNREADABLE = (OSError, ImageError)  # what `Pictures.load` raises

Pixels = NDArray[np.uint8]


class Pictures:
    """All pictures of some sources, by number.

    Args:
        sources: pictures, folders (searched through), `.txt` lists (a path a line), `.csv` tables (column
            `file`) or `.tar` shards. Paths in a list or table are relative to it, or to the folder
            beside it that has its name.
        split: rows of a table used, where it has a column `split`; empty for all.
        keep_mb: memory for decoded pictures, in MB.
        keep_short: short side, in pixels, beyond which kept pictures are reduced.

    Raises:
        DataError: a source that does not exist, or no picture in any of them.
    """

    def __init__(self, sources: Sequence[str], split: str = "train", keep_mb: int = 0, keep_short: int = 512) -> None:
        try:
            self.entries = [entry for source in sources for entry in find_pictures(source, split)]
        except ImageError as error:
            raise DataError(str(error)) from error
        if not self.entries:
            raise DataError("no pictures: no sources are given; name folders, lists, tables or tar shards with some")
        self.keep_bytes = keep_mb * 1_000_000
        self.keep_short = keep_short
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self.entries)

    def load(self, index: int) -> Pixels:
        """Picture `index`, (H, W, 3): upright, in sRGB, over white, as the stylizer sees the pictures of its users.

        Raises:
            ImageError: it cannot be read, or a side is shorter than `MIN_SIDE`.
        """
        if index in self._kept:
            return self._kept[index]
        entry = self.entries[index]
        pixels = read_rgb(entry.read())
        if min(pixels.shape[:2]) < MIN_SIDE:
            height, width = pixels.shape[:2]
            raise ImageError(f"{entry.name} is {width} x {height}; sides must be {MIN_SIDE} pixels or more")
        if self.keep_bytes:
            pixels = self._keep(index, pixels)
        return pixels

    def usable(self, index: int, skipped: list[str]) -> tuple[int, Pixels]:
        """Picture `index`, or the next one after it that can be read; adds the names passed over."""
        for step in range(len(self)):
            at = (index + step) % len(self)
            try:
                return at, self.load(at)
            except UNREADABLE:
                skipped.append(self.entries[at].name)
        raise DataError(f"none of {len(self)} pictures can be read, the first being {self.entries[0].name}")

    def _keep(self, index: int, pixels: Pixels) -> Pixels:
        if min(pixels.shape[:2]) > self.keep_short:
            pixels = resize_short(pixels, self.keep_short)
        self._kept[index] = pixels
        self._kept_bytes += pixels.nbytes
        while self._kept_bytes > self.keep_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.nbytes
        return pixels
