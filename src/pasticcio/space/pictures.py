"""The pictures of a table of embeddings: their files, and tables about them."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from pasticcio.errors import ImageError, OptionError
from pasticcio.image.decoding import DAMAGED, quiet
from pasticcio.image.listing import Entry, find_pictures
from pasticcio.image.picture import Array
from pasticcio.image.read import open_image
from pasticcio.image.sniffing import check_kind

DRAFT = 3  # a JPEG that is so many times larger than needed is decoded at a fraction of its size


def open_reduced(path: Path, side: int) -> Array:
    """Open a picture, (H, W, 3) in [0, 1], that will be resized to a short side of `side` pixels.

    JPEGs at least three times larger than that are decoded at a half, a quarter or an eighth of their size, at which
    the decoder is faster.

    Raises:
        ImageError: see `open_image`.
    """
    if path.suffix.lower() in (".jpg", ".jpeg"):
        try:
            check_kind(str(path))
            with quiet():
                image = Image.open(path)
            with image:
                if min(image.size) >= DRAFT * side:
                    # draft() chooses the smallest size with both sides at least those asked for
                    image.draft(None, (DRAFT * side // 2,) * 2)
                    return open_image(image)
        except (*DAMAGED, ImageError, Image.DecompressionBombError):
            pass  # `open_image` says why
    return open_image(path)


def find_all(sources: Sequence[str | os.PathLike[str]], split: str = "") -> list[Entry]:
    """The pictures of several sources, in order.

    Args:
        sources: what `find_pictures` takes, except tar shards. A file that is neither a list nor a table counts as a
            picture, even if it does not exist: the error is raised when it is opened.
        split: only rows of tables with this value in the column "split"; by default all.

    Raises:
        ImageError: a folder, list or table without pictures, or a tar shard.
    """
    return [entry for source in sources for entry in _find(Path(source), split)]


def read_columns(path: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """The columns of a .csv about pictures, in the order of `names`, found by its column "file" or "name".

    Raises:
        OptionError: no such table, or none of its rows is about one of `names`.
    """
    rows = _rows(path)
    key = next((key for key in ("file", "name") if rows and key in rows[0]), None)
    if key is None:
        raise OptionError(f"table {path} has no column 'file' or 'name' to tell its rows apart")
    # a file by its stem, a name as it is: names may contain points
    known = {(Path(row[key]).stem if key == "file" else row[key]): row for row in rows}
    if not known.keys() & set(names):
        raise OptionError(f"no row of {path} is about one of the {len(names)} pictures, the first being {names[0]}")
    others = [column for column in rows[0] if column != key]
    return {column: [known.get(name, {}).get(column) or "" for name in names] for column in others}


def _find(source: Path, split: str) -> list[Entry]:
    if source.suffix.lower() == ".tar":
        raise ImageError(f"{source} is a tar shard; a table of embeddings needs pictures that are files: unpack it")
    if os.path.isdir(source) or source.suffix.lower() in (".csv", ".txt"):
        return find_pictures(source, split)
    return [Entry(source)]


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"cannot read table {path}: {error}") from error
