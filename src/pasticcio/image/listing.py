"""Finding pictures: in folders, lists, tables and tar shards."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from pasticcio.errors import ImageError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".avif", ".gif", ".bmp"})  # in lower case


@dataclass(frozen=True)
class Entry:
    """Where a picture lies, and what a table says of it.

    Attributes:
        path: of the picture, or of the tar shard that holds it.
        columns: the other columns of its row in a table.
        member: name within the shard; empty outside of shards.
        offset, size: of the picture's bytes in the shard.
    """

    path: Path
    columns: dict[str, str] = field(default_factory=dict, hash=False)
    member: str = ""
    offset: int = 0
    size: int = -1

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.path}:{self.member}" if self.member else str(self.path)

    def read(self) -> bytes:
        """The bytes of the picture's file.

        Raises:
            ImageError: they cannot be read.
        """
        try:
            with self.path.open("rb") as file:
                file.seek(self.offset)
                return file.read(self.size)
        except OSError as error:
            raise ImageError(f"cannot read {self.name}: {error.strerror or error}") from error


def list_pictures(
    folder: str | os.PathLike[str], *, recursive: bool = False, leave_out: Path | None = None
) -> list[Path]:
    """The picture files in a folder, sorted by path.

    Args:
        folder: where to look.
        recursive: in its subfolders too.
        leave_out: a subfolder that is not searched.

    Raises:
        ImageError: no such folder, or no pictures in it.
    """
    root = Path(folder)
    if not os.path.isdir(root):
        raise ImageError(f"no such folder: {folder}")
    out = leave_out.resolve() if leave_out else None
    found = [
        path
        for path in sorted(root.rglob("*") if recursive else root.iterdir())
        if path.suffix.lower() in SUFFIXES and path.is_file() and (out is None or out not in path.resolve().parents)
    ]
    if not found:
        raise ImageError(f"no pictures in folder {folder}; it must hold some of {', '.join(sorted(SUFFIXES))}")
    return found


def find_pictures(source: str | os.PathLike[str], split: str = "") -> list[Entry]:
    """The pictures of one source, in a fixed order.

    Args:
        source: a picture; a folder, searched with its subfolders; a .txt list of paths, one a line; a .csv table with
            a column "file"; or a .tar shard. Paths in a list or table are relative to the folder beside it that has
            its name, if there is one, and else to its own folder.
        split: only the rows of a table with this in their column "split", if it has one; empty for all.

    Raises:
        ImageError: no such source, one of no known kind, or no pictures in it.
    """
    path = Path(source)
    if os.path.isdir(path):  # Path.is_dir raises if the name is too long
        return [Entry(found) for found in list_pictures(path, recursive=True)]
    if not os.path.exists(path):
        raise ImageError(f"no such file or folder: {path}")
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return [Entry(path)]
    if suffix not in (".tar", ".csv", ".txt"):
        raise ImageError(f"{path} is no picture, folder, .txt list, .csv table or .tar shard")
    try:
        found = _in_shard(path) if suffix == ".tar" else _in_table(path, split) if suffix == ".csv" else _in_list(path)
    except (OSError, UnicodeDecodeError) as error:
        raise ImageError(f"cannot read {path}: {error}") from error
    if not found:
        raise ImageError(f"no pictures in {path}; it must name or hold some")
    return found


def _in_shard(path: Path) -> list[Entry]:
    import tarfile  # slow to import, and rarely needed

    try:
        with tarfile.open(path, "r:") as shard:
            return [
                Entry(path, {}, member.name, member.offset_data, member.size)
                for member in shard
                if member.isfile() and Path(member.name).suffix.lower() in SUFFIXES
            ]
    except tarfile.TarError as error:
        raise ImageError(f"cannot read {path}: {error}") from error


def _in_table(path: Path, split: str) -> list[Entry]:
    import csv

    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        try:
            rows, columns = list(reader), reader.fieldnames or []
        except csv.Error as error:
            raise ImageError(f"cannot read {path}: {error}") from error
    if "file" not in columns:
        raise ImageError(f"table {path} has no column 'file'; it has {', '.join(columns) or 'none'}")
    splits = sorted({row["split"] or "" for row in rows}) if "split" in columns else []
    if split and splits and split not in splits:
        raise ImageError(f"no row of {path} has {split!r} in its column 'split'; it has {', '.join(splits)}")
    folder = _folder_of(path)
    return [
        Entry(folder / row["file"], {key: value or "" for key, value in row.items() if key and key != "file"})
        for row in rows
        if row["file"] and (not split or not splits or row["split"] == split)
    ]


def _in_list(path: Path) -> list[Entry]:
    folder = _folder_of(path)
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    return [Entry(folder / line.strip()) for line in lines if line.strip()]


def _folder_of(path: Path) -> Path:
    """The folder that the paths in a list or table are relative to."""
    beside = path.with_suffix("")
    return beside if beside.is_dir() else path.parent
