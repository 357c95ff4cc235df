"""Items: the pictures of a folder tree, a list, a table or webdataset tar shards, each with a key and a label.

Items come one at a time and in a fixed order, so that a million of them need no memory.
"""

from __future__ import annotations

import glob
import hashlib
import logging
import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np

from pasticcio.errors import ImageError, OptionError
from pasticcio.image.listing import LISTS, NAMED, SUFFIXES, Entry, find_pictures, search
from pasticcio.image.sniffing import left_out

TAR = ".tar"
LABELS = ("class", "label")  # columns of a table that name the class of a picture
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Item:
    """A picture of a data set.

    Attributes:
        key: its name within the source: the path without suffix, or the key of a webdataset sample.
        picture: where it lies.
        label: its class: the first folder of its path, or what a table says; empty where there is none.
        members: of a webdataset sample, the other members: suffix and place.
    """

    key: str
    picture: Entry
    label: str = ""
    members: tuple[tuple[str, Entry], ...] = ()


@dataclass(frozen=True)
class Survey:
    """What a source holds.

    Attributes:
        count: items.
        classes: their labels, sorted.
        digest: sha256 of all keys and labels in their order.
    """

    count: int
    classes: tuple[str, ...]
    digest: str


def items(source: str | os.PathLike[str], leave_out: Path | None = None) -> Iterator[Item]:
    """The items of a source.

    Args:
        source: a folder that is searched through; a folder with tar shards; a .tar shard; a .txt list or a .csv table,
            see `find_pictures`, of which a column "class" or "label" names the class.
        leave_out: a subfolder that is not searched.

    Raises:
        ImageError: no such source, or one that cannot be read.
    """
    path = Path(source)
    if os.path.isdir(path):
        shards = sorted(Path(shard) for shard in glob.glob(os.path.join(glob.escape(str(path)), "*" + TAR)))
        if shards:
            _tell(str(path), [f"{one} (only the shards of this folder are read)" for one in _beside(path, leave_out)])
        yield from _of_shards(shards) if shards else _of_tree(path, leave_out)
    elif not os.path.isfile(path):
        raise ImageError(f"no such file or folder: {path}")
    elif path.suffix.lower() == TAR:
        yield from _of_shards([path])
    elif path.suffix.lower() in LISTS:
        yield from _of_list(path)
    else:
        raise ImageError(f"{path} is no folder, .txt list, .csv table or .tar shard")


def survey(again: Callable[[], Iterable[Item]], names: Callable[[Item], Iterable[str]], source: str) -> Survey:
    """Look at all items once, which takes 8 bytes of memory for each output.

    Args:
        again: gives the items, every time that it is called.
        names: of the outputs of an item, which must differ.
        source: what they come from, for messages.

    Raises:
        ImageError: there are none.
        OptionError: two outputs would have one name.
    """
    count, classes, digest, seen = 0, set[str](), hashlib.sha256(), array("Q")
    for item in again():
        count += 1
        classes.add(item.label)
        digest.update(as_bytes(item.key) + b"\0" + as_bytes(item.label) + b"\0")
        seen.extend(_short(name) for name in names(item))
    if not count:
        raise ImageError(f"no pictures in {source}")
    hashes = np.sort(np.frombuffer(seen, np.uint64))
    if (same := np.flatnonzero(hashes[1:] == hashes[:-1])).size:
        wanted = int(hashes[same[0]])
        pairs = [(item.picture.name, name) for item in again() for name in names(item) if _short(name) == wanted]
        (one, name), (two, _) = pairs[:2]
        raise OptionError(f"{one} and {two} would both be {name} in the data set; rename or remove one")
    return Survey(count, tuple(sorted(classes - {""})), digest.hexdigest())


def as_bytes(key: str) -> bytes:
    """A key as it is hashed; names of files may hold bytes that are no text."""
    return key.encode("utf-8", "surrogateescape")


def _short(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(as_bytes(name), digest_size=8).digest(), "little")


def _key(path: PurePath) -> str:
    """A path without its suffix, as one below the data set's folder, wherever it led before; empty for a mere ".."."""
    parts = [part for part in path.parts if part not in (path.anchor, ".", "..")]
    if not parts:
        return ""
    return "/".join([*parts[:-1], PurePath(parts[-1]).stem])


def _label(key: str) -> str:
    return key.partition("/")[0] if "/" in key else ""


def _of_tree(root: Path, leave_out: Path | None) -> Iterator[Item]:
    """The pictures of a folder, then those of its subfolders; no folder is searched twice.

    Links to folders come last, so that a picture gets the label of the folder where it lies.
    """
    others, seen = list[str](), set[tuple[int, int]]()
    skipped = _identity(leave_out) if leave_out is not None and os.path.isdir(leave_out) else None
    folders, links = [root], list[Path]()
    while folders or links:
        folder = folders.pop() if folders else links.pop(0)
        try:
            if (place := _identity(folder)) in seen or place == skipped:
                if place != skipped:
                    others.append(f"{folder} (a folder that is searched already)")
                continue
            seen.add(place)
            found = search(folder)
            below = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
        except (ImageError, OSError) as error:
            if folder == root:
                raise ImageError(f"cannot read folder {root}: {error}") from error
            others.append(f"{folder} ({error})")
            continue
        others += [f"{path} ({reason})" for path, reason in found.others]
        for path in found.pictures:
            key = _key(path.relative_to(root))
            yield Item(key, Entry(path), _label(key))
        wanted = [folder / name for name in below if not left_out(folder / name)]
        links += [path for path in wanted if path.is_symlink()]
        folders += [path for path in reversed(wanted) if not path.is_symlink()]
    _tell(str(root), others)


def _beside(folder: Path, leave_out: Path | None) -> list[str]:
    """The names of pictures and subfolders that lie beside shards."""
    names = [path for path in sorted(folder.iterdir()) if not left_out(path)]
    kept = leave_out.resolve() if leave_out is not None else None
    return [
        path.name for path in names if path.suffix.lower() in SUFFIXES or (path.is_dir() and path.resolve() != kept)
    ]


def _identity(folder: Path) -> tuple[int, int]:
    status = os.stat(folder)
    return status.st_dev, status.st_ino


def _of_list(path: Path) -> Iterator[Item]:
    entries = find_pictures(path)
    beside = path.with_suffix("")
    for entry in entries:
        for folder in (beside, path.parent):
            if entry.path.is_relative_to(folder):
                key = _key(entry.path.relative_to(folder))
                break
        else:
            key = _key(entry.path)
        if not key:
            raise ImageError(f"{path} names {entry.path}, which is a folder; name a picture, or remove the line")
        label = next((entry.columns[name] for name in LABELS if entry.columns.get(name)), _label(key))
        yield Item(key, Entry(entry.path), label)


def _of_shards(paths: list[Path]) -> Iterator[Item]:
    """Webdataset samples: members that follow each other and agree up to the first dot of their file's name."""
    for path in paths:
        others = list[str]()
        key, members = "", list[tuple[str, Entry]]()
        for entry in _members(path, others):
            folder, slash, name = entry.member.rpartition("/")
            stem, _, suffix = name.partition(".")
            if left_out(Path(name)) or not stem:
                others.append(f"{entry.member} ({left_out(Path(name)) or 'no name'})")
                continue
            if members and folder + slash + stem != key:
                yield from _sample(key, members, others)
                members = []
            key = folder + slash + stem
            members.append((suffix, entry))
        if members:
            yield from _sample(key, members, others)
        _tell(str(path), others)


def _sample(key: str, members: list[tuple[str, Entry]], others: list[str]) -> Iterator[Item]:
    pictures = [suffix for suffix, _ in members if "." + suffix.rpartition(".")[2].lower() in SUFFIXES]
    if not pictures:
        others.append(f"{key} (no picture among its members {', '.join(suffix for suffix, _ in members)})")
        return
    chosen = min(pictures, key=lambda suffix: suffix.count("."))  # "jpg" rather than "seg.png"
    (picture,) = [entry for suffix, entry in members if suffix == chosen][:1]
    rest = tuple((suffix, entry) for suffix, entry in members if entry is not picture)
    yield Item("/".join(part for part in key.split("/") if part not in ("", ".", "..")), picture, "", rest)


def _members(path: Path, others: list[str]) -> Iterator[Entry]:
    """The files of a shard; its links, which have no content of their own, go to `others`."""
    import tarfile  # slow to import, and rarely needed

    try:
        with tarfile.open(path, "r:") as shard:
            for member in shard:
                shard.members = []  # type: ignore[attr-defined]  # it would keep a record of every member
                if member.isfile():
                    yield Entry(path, {}, member.name, member.offset_data, member.size)
                elif not member.isdir():
                    others.append(f"{member.name} (a link or device, no file)")
            end = shard.offset
        with path.open("rb") as file:  # tarfile takes whatever is no member for the end
            file.seek(end)
            if file.read(tarfile.BLOCKSIZE) != bytes(tarfile.BLOCKSIZE):
                raise ImageError(f"{path} is cut off or damaged after {end} bytes; copy it anew, or make it anew")
    except (OSError, tarfile.TarError) as error:
        raise ImageError(f"cannot read {path}: {error}; a shard is an uncompressed tar file") from error


def _tell(source: str, others: list[str]) -> None:
    if others:
        more = f" and {len(others) - NAMED} more" if len(others) > NAMED else ""
        log.warning("%d left out of %s: %s%s", len(others), source, ", ".join(others[:NAMED]), more)
