"""Finding pictures: in folders, lists, tables and tar shards.

What is left out of a folder or a shard is logged as a warning, one for each, that counts and names it; see `Found`.
"""

from __future__ import annotations

import logging
import os
from dataclasses import dataclass, field
from pathlib import Path

from pasticcio.errors import ImageError
from pasticcio.image.sniffing import NO_PICTURE, check_kind, is_picture, left_out

SUFFIXES = frozenset(  # in lower case: of files that are taken for pictures unseen
    {".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".mpo", ".webp", ".tif", ".tiff", ".avif", ".gif", ".bmp"}
    | {".heic", ".heif", ".jxl"}  # not read, and so named as pictures that cannot be read, not passed over
)
LISTS = (".tar", ".csv", ".txt")
NAMED = 10  # files that a warning names
log = logging.getLogger(__name__)


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
            check_kind(str(self.path))
            with self.path.open("rb") as file:
                file.seek(self.offset)
                return file.read(self.size)
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
            raise ImageError(f"cannot read {self.name}: {getattr(error, 'strerror', None) or error}") from error


@dataclass(frozen=True)
class Found:
    """What a folder holds.

    Attributes:
        pictures: files, sorted by path. A file whose suffix says that it is a picture is taken for one; of others
            the content decides.
        others: what is left out, each with the reason; sorted by path.
    """

    pictures: list[Path]
    others: list[tuple[Path, str]]


def search(folder: str | os.PathLike[str], *, recursive: bool = False, leave_out: Path | None = None) -> Found:
    """The pictures in a folder, and all else in it. Links to folders are followed, and no folder is searched twice.

    Args:
        folder: where to look.
        recursive: in its subfolders too.
        leave_out: a subfolder that is not searched.

    Raises:
        ImageError: no such folder, or one that cannot be read.
    """
    root = Path(folder)
    if not os.path.isdir(root):
        raise ImageError(f"no such folder: {folder}")
    found, seen = Found([], []), {_identity(root)}
    skipped = _identity(leave_out) if leave_out is not None and os.path.isdir(leave_out) else None
    if skipped is not None and skipped not in seen:
        seen.add(skipped)
    else:
        skipped = None
    folders, links = [root], list[Path]()
    while folders or links:
        if not folders:  # links come last, so that a folder is found where it lies
            link = links.pop(0)
            if (place := _identity(link)) in seen:
                if place != skipped:
                    found.others.append((link, "a link to a folder that is searched already"))
                continue
            seen.add(place)
            folders.append(link)
        for path in _content(folders.pop(0), root, found):
            if reason := left_out(path):
                found.others.append((path, reason))
            elif os.path.isdir(path):
                if not recursive:
                    continue
                if path.is_symlink():
                    links.append(path)
                elif (place := _identity(path)) not in seen:
                    seen.add(place)
                    folders.append(path)
            elif not os.path.isfile(path):
                found.others.append((path, "a link to nothing" if path.is_symlink() else "no file"))
            elif path.suffix.lower() in SUFFIXES or is_picture(path):
                found.pictures.append(path)
            else:
                found.others.append((path, NO_PICTURE))
    return Found(sorted(found.pictures), sorted(found.others))


def list_pictures(
    folder: str | os.PathLike[str], *, recursive: bool = False, leave_out: Path | None = None
) -> list[Path]:
    """The pictures of `search`; what is left out is logged.

    Raises:
        ImageError: no such folder, or no pictures in it.
    """
    found = search(folder, recursive=recursive, leave_out=leave_out)
    told = _told(folder, [f"{os.path.relpath(path, folder)} ({reason})" for path, reason in found.others])
    if not found.pictures:
        raise ImageError(f"no pictures in folder {folder}" + (f"; {told}" if told else "; it is empty"))
    if told:
        log.warning(told)
    return found.pictures


def _told(source: str | os.PathLike[str], names: list[str]) -> str:
    """The count and the names of what is left out."""
    if not names:
        return ""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    what = "1 file is" if len(names) == 1 else f"{len(names)} files are"
    return f"{what} left out of {os.fspath(source)}: {', '.join(names[:NAMED])}{more}"


def _content(folder: Path, root: Path, found: Found) -> list[Path]:
    """What lies in a folder; one below the root that cannot be read is left out."""
    try:
        return sorted(folder.iterdir())
    except OSError as error:
        if folder == root:
            raise ImageError(f"cannot read folder {folder}: {error.strerror or error}") from error
        found.others.append((folder, f"cannot be read: {error.strerror or error}"))
        return []


def _identity(folder: Path) -> tuple[int, int]:
    """What tells one folder from another, by whatever path it is reached."""
    status = os.stat(folder)
    return status.st_dev, status.st_ino


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
    if suffix in SUFFIXES or (suffix not in LISTS and is_picture(path)):
        return [Entry(path)]
    if suffix not in LISTS:
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

    found, others = [], []
    try:
        with tarfile.open(path, "r:") as shard:
            for member in shard:
                name = Path(member.name)
                if not member.isfile():
                    continue
                reason = left_out(name)
                if not reason and name.suffix.lower() not in SUFFIXES:
                    with path.open("rb") as file:
                        file.seek(member.offset_data)
                        reason = "" if is_picture(name, file.read(member.size)) else NO_PICTURE
                if reason:
                    others.append(f"{member.name} ({reason})")
                else:
                    found.append(Entry(path, {}, member.name, member.offset_data, member.size))
    except tarfile.TarError as error:
        raise ImageError(f"cannot read {path}: {error}") from error
    if others:
        log.warning(_told(path, others))
    return found


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
    return beside if os.path.isdir(beside) else path.parent
