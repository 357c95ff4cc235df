"""A run: all that a data set is made of, checked before it begins, and the groups that are not done."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any, Literal, get_args

from pasticcio.dataset.choice import Chooser, Palette
from pasticcio.dataset.local import cores, in_processes, in_threads
from pasticcio.dataset.manifest import FORMAT, Row, begin, done, merge
from pasticcio.dataset.sink import FOLDERS, Kind, Sink, names
from pasticcio.dataset.source import Item, as_bytes, items, survey
from pasticcio.dataset.work import Look, Result, Task
from pasticcio.errors import DataError, OptionError, OutputError
from pasticcio.files import make_folder, remove_leftovers, write_whole
from pasticcio.model.folder import SHIPPED, Model
from pasticcio.render.declare import check_value
from pasticcio.render.options import shared

Engine = Literal["processes", "threads", "ray"]
ENGINES: tuple[Engine, ...] = get_args(Engine)
HEAD, CLASSES = "dataset.json", "classes.txt"


@dataclass(frozen=True)
class Recipe:
    """What the outputs depend on, besides the pictures and the styles.

    Attributes:
        seed: 0 or more: of the choice of styles and strengths.
        styles_per_picture: outputs of each picture, in different styles.
        strength: lowest and highest, see `Options`; drawn evenly between them.
        look: size, crop and format.
        kind: "tree" of files, or "shards".
        shard_size: outputs in a shard, or in a group of files of a tree.

    Raises:
        OptionError: a value outside its range.
    """

    seed: int = 0
    styles_per_picture: int = 1
    strength: tuple[float, float] = (1.0, 1.0)
    look: Look = field(default_factory=Look)
    kind: Kind = "tree"
    shard_size: int = 1000

    def __post_init__(self) -> None:
        check_value("seed", self.seed, **shared("seed"))
        check_value("styles_per_picture", self.styles_per_picture, type=int, range=(1, None))
        check_value("shard_size", self.shard_size, type=int, range=(1, None))
        check_value("as", self.kind, type=str, choices=tuple(FOLDERS))
        for strength in self.strength:
            check_value("strength", strength, **shared("strength"))
        if self.strength[0] > self.strength[1]:
            raise OptionError(f"strength is {self.strength[0]:g},{self.strength[1]:g}; the lower must be first")


@dataclass(frozen=True)
class Engines:
    """What does the work; the outputs do not depend on it.

    Attributes:
        engine: "processes" of one thread, "threads" of this process, or "ray".
        workers: how many; by default one for every core.
        address: of a Ray cluster, see `in_ray`.
        shard: (i, n): of all groups only the i-th of every n, where i counts from 1; for n machines without Ray.

    Raises:
        OptionError: a value outside its range.
    """

    engine: Engine = "processes"
    workers: int | None = None
    address: str | None = None
    shard: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        check_value("engine", self.engine, type=str, choices=ENGINES)
        if self.workers is not None:
            check_value("workers", self.workers, type=int, range=(1, None))
        if self.address is not None and self.engine != "ray":
            raise OptionError(f"address is {self.address}; it is for engine ray: leave it out")
        number, count = self.shard
        if not 1 <= number <= count:
            raise OptionError(f"shard is {number}/{count}; the first number counts from 1 to the second")

    def results(self, tasks: Iterator[Task], model: str, look: Look) -> Iterator[Result]:
        """Render tasks, in their order."""
        if self.engine == "ray":
            from pasticcio.dataset.ray_engine import in_ray

            return in_ray(tasks, model, look, self.workers, self.address)
        chosen = in_threads if self.engine == "threads" else in_processes
        return chosen(tasks, model, look, self.workers or cores())


class Run:
    """A data set that is to be made, or to be finished.

    Args:
        source: see `items`.
        out: folder of the data set; it is made.
        palette: the styles.
        recipe: what the outputs depend on.
        model: name of a shipped model, or a model folder.
        engines: what does the work.
        resume: go on with the data set in `out`: groups that are done are kept. Without it a folder that holds some of
            the groups is refused.

    Attributes:
        total: outputs of this run, those that are kept included.

    Raises:
        ImageError: no such source, no pictures in it, or a shard that cannot be read.
        OptionError: values that do not fit each other, two outputs of one name, or a folder of another data set.
        OutputError: the folder cannot be written, or holds groups already.
        ModelError: see `Model.open`.
    """

    def __init__(
        self,
        source: str | os.PathLike[str],
        out: str | os.PathLike[str],
        palette: Palette,
        recipe: Recipe,
        *,
        model: str = "default",
        engines: Engines | None = None,
        resume: bool = False,
    ) -> None:
        self.source, self.out, self.recipe, self.resume = Path(source), Path(out), recipe, resume
        self.engines = engines or Engines()
        opened = Model.open(model)
        self.model = opened.name if opened.folder.parent == SHIPPED else os.path.abspath(opened.folder)
        self.fingerprint = opened.fingerprint
        self._chooser = Chooser(palette, recipe.seed, recipe.styles_per_picture, recipe.strength)
        self._check_place()
        self._survey = survey(self._items, self._names, str(source))
        self._per_group = max(1, recipe.shard_size // recipe.styles_per_picture)
        self.groups = -(-self._survey.count // self._per_group)
        number, count = self.engines.shard
        mine = range(number - 1, self.groups, count)
        full = len(mine) * self._per_group
        last = self._per_group * self.groups - self._survey.count if self.groups - 1 in mine else 0
        self.total = (full - last) * recipe.styles_per_picture
        self._begin(mine, palette.digest)

    def rows(self, max_bad: int | None = None) -> Iterator[Row]:
        """Make what is not there, and say of every output of this run what became of it.

        Rows of groups that are kept come first. When the last group of the data set is there, its manifest is written.

        Args:
            max_bad: pictures that lack an output, those of groups that are kept included, after which the run stops;
                by default it never does.

        Raises:
            DataError: more than `max_bad`, or an engine that cannot begin. Groups that are done stay.
            OutputError: a place that cannot be written. Groups that are done stay.
            ModelError, MissingExtraError: see the engines.
        """
        bad, last = 0, ""  # a picture counts once, in however many styles it fails
        for row in self._all_rows():
            yield row
            if row.error and row.source != last:
                bad, last = bad + 1, row.source
            if max_bad is not None and bad > max_bad:
                raise DataError(
                    f"{bad} pictures cannot be used, and --max-bad is {max_bad}; the last: {row.error}; groups that "
                    "are done stay: mend the pictures or raise --max-bad, and go on with --resume"
                )
        self._clear()
        merge(self.out, self.groups)

    def _all_rows(self) -> Iterator[Row]:
        kept = set[int]()
        if self.resume:
            self._clear()
            for group, found in self._mine():
                keys = [name for item in found for name in self._names(item)]
                if (rows := done(self.out, group, keys)) is not None:
                    kept.add(group)
                    yield from rows
        look = self.recipe.look
        results = self.engines.results(self._tasks(kept), self.model, look)
        sink = Sink(self.out, self.recipe.kind, look.format, self.fingerprint, self._survey.classes)
        try:
            yield from sink.write(results)
        finally:
            results.close()  # type: ignore[attr-defined]  # all engines are generators

    def _items(self) -> Iterator[Item]:
        return items(self.source, leave_out=self.out)

    def _names(self, item: Item) -> list[str]:
        return names(item.key, self.recipe.styles_per_picture, self.recipe.kind)

    def _mine(self) -> Iterator[tuple[int, list[Item]]]:
        """The groups of this run, with their items."""
        number, count = self.engines.shard
        found, group = self._items(), 0
        while some := list(islice(found, self._per_group)):
            if group % count == number - 1:
                yield group, some
            group += 1

    def _tasks(self, kept: set[int]) -> Iterator[Task]:
        number = 0
        for group, found in self._mine():
            if group in kept:
                continue
            for item in found:
                for name, choice in zip(self._names(item), self._chooser.choose(item.key), strict=True):
                    yield Task(number, group, name, item, choice.style, choice.embedding, choice.strength, choice.seed)
                    number += 1

    def _check_place(self) -> None:
        """Refuse a folder in which outputs could replace pictures, or be taken for some."""
        source, out = self.source.resolve(), self.out.resolve()
        if out == source or out in source.parents:
            raise OptionError(f"the data set {self.out} would hold its own source, {self.source}; name another folder")

    def _begin(self, mine: range, styles: str) -> None:
        """Write what the data set is made of, or compare it with what is there."""
        make_folder(self.out)
        head: dict[str, Any] = {
            "version": FORMAT,
            "model": self.fingerprint,
            "styles": styles,
            **_flat(self.recipe),
            **{name: value for name, value in asdict(self._survey).items() if name != "digest"},
            "keys": self._survey.digest,
        }
        head = json.loads(json.dumps(head))
        path = self.out / HEAD
        there = sorted(os.listdir(self.out))  # once: another machine may begin the same data set at this moment
        if HEAD in there:
            self._compare(path, head)
        elif foreign := [name for name in there if not name.startswith(".")]:
            raise OutputError(f"{self.out} holds {foreign[0]} and no data set; name a new or an empty folder")
        else:
            made_with = {name: version(name) for name in ("pasticcio", "onnxruntime", "numpy", "Pillow")}
            text = json.dumps({**head, "made_with": {"python": sys.version.split()[0], **made_with}}, indent=1)
            write_whole(path, (text + "\n").encode())
            if self._survey.classes:
                write_whole(self.out / CLASSES, b"".join(as_bytes(one) + b"\n" for one in self._survey.classes))
        if begin(self.out, mine) and not self.resume:
            raise OutputError(f"{self.out} holds a part of this data set; go on with --resume, or name another folder")

    def _compare(self, path: Path, head: dict[str, Any]) -> None:
        try:
            before = json.loads(path.read_text(encoding="utf-8"))
            differ = [name for name in head if before.get(name) != head[name]]
        except (OSError, ValueError, AttributeError) as error:
            raise OutputError(f"{path} cannot be read: {error}; name another folder") from error
        if differ:
            name = differ[0]
            values = f"{before.get(name)!r}, and now it is {head[name]!r}" if name != "classes" else "others"
            raise OptionError(
                f"{self.out} was begun with {name} = {values}; give the same pictures, styles and options, or name "
                "another folder"
            )

    def _clear(self) -> None:
        """Remove what killed processes left; what a living one is writing stays."""
        for folder, _, _ in os.walk(self.out):
            remove_leftovers(folder)


def _flat(recipe: Recipe) -> dict[str, Any]:
    """The values of a recipe by name."""
    values = asdict(recipe)
    look = values.pop("look")
    look.pop("max_megapixels")
    return {**values, **look}
