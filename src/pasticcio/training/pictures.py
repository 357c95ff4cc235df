"""The pictures of folders, lists, tables and tar shards, decoded when they are asked for."""

from __future__ import annotations

import csv
import tarfile
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import DataError, ImageError
from pasticcio.image.picture import as_depth, over_white, read_picture
from pasticcio.training.crops import resize_short

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
MIN_SIDE = 32  # pixels; smaller pictures are no use to either network
UNREADABLE = (OSError, ImageError)  # what `Pictures.load` raises

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Entry:
    """Where one picture lies: a file, or `size` bytes at `offset` of a tar shard."""

    name: str
    path: Path
    offset: int = 0
    size: int = -1


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
        self.entries = [entry for source in sources for entry in find_pictures(Path(source), split)]
        if not self.entries:
            raise DataError(
                f"no pictures in {', '.join(sources) or 'no sources'}; name folders, lists or tar shards with some"
            )
        self.keep_bytes = keep_mb * 1_000_000
        self.keep_short = keep_short
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self.entries)

    def load(self, index: int) -> Pixels:
        """Picture `index`, (H, W, 3): upright, in sRGB, over white, as the stylizer sees the pictures of its users.

        Raises:
            OSError: it cannot be read.
            ImageError: it cannot be decoded, or a side is shorter than `MIN_SIDE`.
        """
        if index in self._kept:
            return self._kept[index]
        entry = self.entries[index]
        with entry.path.open("rb") as file:
            file.seek(entry.offset)
            data = file.read(entry.size)
        pixels = _read_rgb(data)
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


def _read_rgb(data: bytes) -> Pixels:
    picture = read_picture(data)
    opaque = picture.alpha is None and picture.pixels.dtype == np.uint8
    return picture.pixels if opaque else as_depth(over_white(picture), np.uint8)


def find_pictures(source: Path, split: str) -> list[Entry]:
    """The pictures of one source, in a fixed order.

    Raises:
        DataError: the source does not exist or is of no known kind.
    """
    if source.is_dir():
        paths = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES)
        return [Entry(str(path), path) for path in paths]
    if not source.exists():
        raise DataError(f"no such file or folder: {source}")
    if source.suffix.lower() in SUFFIXES:
        return [Entry(str(source), source)]
    if source.suffix == ".tar":
        with tarfile.open(source, "r:") as tar:
            members = [m for m in tar if m.isfile() and Path(m.name).suffix.lower() in SUFFIXES]
        return [Entry(f"{source}:{m.name}", source, m.offset_data, m.size) for m in members]
    if source.suffix == ".csv":
        with source.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if rows and "file" not in rows[0]:
            raise DataError(f"table {source} has no column 'file'; it has {', '.join(rows[0])}")
        names = [row["file"] for row in rows if not split or row.get("split", split) == split]
    elif source.suffix == ".txt":
        names = [line.strip() for line in source.read_text(encoding="utf-8").splitlines() if line.strip()]
    else:
        raise DataError(f"{source} is no picture, folder, .txt list, .csv table or .tar shard")
    beside = source.with_suffix("")
    base = beside if beside.is_dir() else source.parent
    return [Entry(name, base / name) for name in names]
