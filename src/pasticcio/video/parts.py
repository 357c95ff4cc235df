"""Parts: finished pieces of a clip, kept beside the output so that a run that was stopped can go on."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pasticcio.errors import OptionError, OutputError
from pasticcio.files import PREFIX, alone, make_folder, write_whole, writing
from pasticcio.video.steady import State

FORMAT = "pasticcio-parts-2"
LIST, LOCK, STATE = "parts.json", "lock", "state.npz"


@dataclass(frozen=True)
class End:
    """What is known when all frames are drawn.

    Attributes:
        tail: ticks for which the last frame is shown.
        notes: see `frames.Source`.
        damage: see `frames.Source`.
    """

    tail: int
    notes: tuple[str, ...] = ()
    damage: str = ""


@dataclass
class Parts:
    """Finished parts of a clip, in order, in a folder of their own.

    Attributes:
        folder: of the files.
        run: what the output depends on, each by its name. A run goes on only from parts of one that was the same.
        ticks: times of the frames of each part.
        sums: SHA-256 of the file of each part.
        end: None while frames are missing.
    """

    folder: Path
    run: Mapping[str, str]
    ticks: list[list[int]] = field(default_factory=list)
    sums: list[str] = field(default_factory=list)
    end: End | None = None
    _state: str = ""

    def path(self, number: int) -> Path:
        """The file of a part."""
        return self.folder / f"{number:05}.mkv"

    @property
    def count(self) -> int:
        """Frames in the parts."""
        return sum(map(len, self.ticks))

    @property
    def state(self) -> State:
        """The state of `Steady` after the last frame."""
        if not self.ticks:
            return State()
        with np.load(self.folder / self._state, allow_pickle=False) as kept:
            left, top = kept["place"]
            last = kept["last"] if kept["drawn"] else None
            return State((float(left), float(top)), last, kept["rows"] if kept["fitted"] else None)

    @contextlib.contextmanager
    def next(self) -> Iterator[Path]:
        """Yield the file of the next part, to be written; it counts when `add` was called."""
        with writing(self.path(len(self.ticks))) as partial:
            yield partial

    def add(self, ticks: list[int], state: State) -> None:
        """Count the part that was written last.

        Args:
            ticks: times of its frames.
            state: after the last of them.

        Raises:
            OutputError: it cannot be written down.
        """
        number, before = len(self.ticks), self._state
        name = f"{number:05}-{STATE}"
        with writing(self.folder / name) as partial, partial.open("wb") as file:
            last, rows = (np.zeros(0) if one is None else one for one in (state.last, state.rows))
            there = {"drawn": state.last is not None, "fitted": state.rows is not None}
            np.savez(file, place=state.place, last=last, rows=rows, **there)
        self._state = name
        self.ticks.append(ticks)
        self.sums.append(sum_of(self.path(number)))
        self._write()
        if before:
            (self.folder / before).unlink(missing_ok=True)

    def finish(self, end: End) -> None:
        """Write down that all frames are there."""
        self.end = end
        self._write()

    def _write(self) -> None:
        kept = {
            "format": FORMAT,
            "run": dict(self.run),
            "parts": [{"sha256": one, "ticks": ticks} for one, ticks in zip(self.sums, self.ticks, strict=True)],
            "state": {"file": self._state, "sha256": sum_of(self.folder / self._state)},
            "end": None if self.end is None else vars(self.end),
        }
        write_whole(self.folder / LIST, json.dumps(kept).encode())

    def _load(self) -> None:
        """Take up what an earlier run left, where it is whole and of the same run.

        Raises:
            OptionError: it is of another run.
        """
        try:
            kept = json.loads((self.folder / LIST).read_bytes())
            run, parts, state, end = kept["run"], kept["parts"], kept["state"], kept["end"]
            whole = kept["format"] == FORMAT and sum_of(self.folder / state["file"]) == state["sha256"]
            whole = whole and all(sum_of(self.path(i)) == one["sha256"] for i, one in enumerate(parts))
            ended = None if end is None else End(end["tail"], tuple(end["notes"]), end["damage"])
        except (OSError, ValueError, KeyError, TypeError):
            return
        if other := sorted(name for name in {*run, *self.run} if run.get(name) != self.run.get(name)):
            raise OptionError(
                f"{self.folder} holds parts of another run: {', '.join(other)} changed; leave --resume out to begin "
                "anew"
            )
        if whole:
            self.ticks, self.sums = [one["ticks"] for one in parts], [one["sha256"] for one in parts]
            self._state, self.end = state["file"], ended


@contextlib.contextmanager
def parts_of(out: Path, run: Mapping[str, str], resume: bool) -> Iterator[Parts]:
    """Yield the parts of an output; their folder is removed when the block ends.

    If the block raises, the folder stays for a later run, if there is a finished part in it.

    Args:
        out: the output.
        run: see `Parts`.
        resume: take up the parts that an earlier run left, if there are; else they are removed. Parts of which a byte
            changed are made anew.

    Raises:
        OptionError: the parts there are of another run.
        OutputError: the folder cannot be made, or another process is writing this output.
    """
    folder = folder_of(out)
    while True:
        make_folder(folder)
        try:
            with alone(folder / LOCK, wait=False) as there:
                if there:
                    yield from _held(folder, run, resume)
                    return
        except BlockingIOError as error:
            raise OutputError(f"cannot write {out}: another process is writing it; wait for its end") from error


def _held(folder: Path, run: Mapping[str, str], resume: bool) -> Iterator[Parts]:
    parts = Parts(folder, run)
    if resume:
        parts._load()
    if not parts.ticks:
        _empty(folder)
    try:
        yield parts
    except BaseException:
        if not parts.ticks:
            shutil.rmtree(folder, ignore_errors=True)
        else:  # a signal may come between the making of a file and the block that would remove it
            _empty(folder, PREFIX)
        raise
    shutil.rmtree(folder, ignore_errors=True)


def folder_of(out: Path) -> Path:
    """Where the parts of an output are."""
    return out.with_name(out.name + ".parts")


def _empty(folder: Path, prefix: str = "") -> None:
    """Remove the files whose names begin so, but the lock."""
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(prefix) and entry.name != LOCK and entry.is_file(follow_symlinks=False):
                os.unlink(entry.path)


def sum_of(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits.

    Raises:
        OSError: it cannot be read.
    """
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def described(values: Mapping[str, Any]) -> dict[str, str]:
    """Values as texts, of which those of arrays are sums."""
    return {
        name: hashlib.sha256(one.tobytes()).hexdigest() if isinstance(one, np.ndarray) else str(one)
        for name, one in values.items()
    }
