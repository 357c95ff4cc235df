"""Sinks: where outputs go, group by group: a tree of files, or webdataset tar shards.

A group counts when its part of the manifest is there, which is written last. A shard appears whole or not at all, and
so does every file of a tree. The headers of shards hold neither times nor owners, so that equal pictures make equal
shards.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal, Protocol

from pasticcio.dataset.manifest import Row, write_part
from pasticcio.dataset.work import Result
from pasticcio.files import make_folder, write_whole, writing

if TYPE_CHECKING:
    import tarfile

Kind = Literal["tree", "shards"]
FOLDERS: dict[Kind, str] = {"tree": "pictures", "shards": "shards"}


class Group(Protocol):
    """A group that is being written."""

    def add(self, result: Result, members: list[tuple[str, bytes]]) -> str:
        """Write an output and its members, suffix and bytes; returns the file that holds it, below the data set."""


class Sink:
    """Writes results.

    Args:
        out: folder of the data set.
        kind: "tree" or "shards".
        suffix: of the outputs, such as ".jpg".
        model: fingerprint of the model, for the manifest.
        classes: names of classes in the order of their numbers, for the member "cls" of outputs that have a label and
            no such member.
    """

    def __init__(self, out: Path, kind: Kind, suffix: str, model: str, classes: Iterable[str]) -> None:
        self._out, self._kind, self._suffix, self._model = out, kind, suffix, model
        self._numbers = {name: number for number, name in enumerate(classes)}

    def write(self, results: Iterable[Result]) -> Iterator[Row]:
        """Write results as they come; the rows of a group are true once its last one is followed by another group.

        Args:
            results: those of one group follow each other.

        Raises:
            OutputError: a place that cannot be written; the group that was begun does not count.
        """
        for number, some in groupby(results, key=lambda result: result.task.group):
            rows = list[Row]()
            with self._group(number) as (group, shard):
                for result in some:
                    file = "" if result.error else group.add(result, self._members(result))
                    sha256 = "" if result.error else hashlib.sha256(result.data).hexdigest()
                    task = result.task
                    rows.append(
                        Row(
                            task.name, task.item.picture.name, task.item.label, task.style, task.strength, task.seed,
                            self._model, file, sha256, result.error,
                        )
                    )  # fmt: skip
                    yield rows[-1]
            write_part(self._out, number, rows, (shard[0], shard[1]) if shard else None)

    def _members(self, result: Result) -> list[tuple[str, bytes]]:
        """What goes with an output; a member that has its suffix gives way to it."""
        members = [(suffix, data) for suffix, data in result.members if suffix != self._suffix[1:]]
        label = result.task.item.label
        if self._kind == "shards" and label and "cls" not in dict(members):
            members.append(("cls", str(self._numbers[label]).encode()))
        return members

    @contextmanager
    def _group(self, number: int) -> Iterator[tuple[Group, list[str]]]:
        """A group to write to, and a list that holds the name and the sha256 of its shard when the block has ended."""
        folder = self._out / FOLDERS[self._kind]
        make_folder(folder)
        if self._kind == "tree":
            yield _Files(self._out, self._suffix), []
            return
        import tarfile  # slow to import

        name, shard = f"{FOLDERS['shards']}/{number:06d}.tar", list[str]()
        with writing(self._out / name) as partial, partial.open("wb") as file:
            hashed = _Hashed(file)
            with tarfile.open(fileobj=hashed, mode="w", format=tarfile.PAX_FORMAT) as tar:  # type: ignore[call-overload]
                yield _Members(tar, name, self._suffix), shard
            shard += [name, hashed.digest.hexdigest()]


class _Files:
    """A group of a tree: files of their own."""

    def __init__(self, out: Path, suffix: str) -> None:
        self._out, self._suffix = out, suffix

    def add(self, result: Result, members: list[tuple[str, bytes]]) -> str:
        base = f"{FOLDERS['tree']}/{result.task.name}"
        make_folder((self._out / base).parent)
        for suffix, data in [*members, (self._suffix[1:], result.data)]:
            write_whole(self._out / f"{base}.{suffix}", data)
        return base + self._suffix


class _Members:
    """A group in a tar shard: members that agree up to the first dot."""

    def __init__(self, tar: tarfile.TarFile, name: str, suffix: str) -> None:
        self._tar, self._name, self._suffix = tar, name, suffix

    def add(self, result: Result, members: list[tuple[str, bytes]]) -> str:
        import tarfile

        for suffix, data in [(self._suffix[1:], result.data), *members]:
            info = tarfile.TarInfo(f"{result.task.name}.{suffix}")
            info.size = len(data)
            self._tar.addfile(info, io.BytesIO(data))
        self._tar.members = []  # type: ignore[attr-defined]  # it would keep a record of every member
        return self._name


class _Hashed:
    """A file that is written from its beginning to its end, with the sha256 of what was written."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self.digest = file, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.digest.update(data)
        return self._file.write(data)

    def tell(self) -> int:
        return self._file.tell()


def names(key: str, count: int, kind: Kind) -> list[str]:
    """The names of the outputs of an item, without suffix.

    Args:
        key: of the item.
        count: styles for each picture.
        kind: in a shard the file's name has no dots: its reader cuts it at the first.
    """
    if kind == "shards":
        folder, slash, name = key.rpartition("/")
        key = folder + slash + name.replace(".", "_")
    return [key] if count == 1 else [f"{key}-{place}" for place in range(count)]
