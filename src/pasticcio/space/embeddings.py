"""A table of style embeddings: many pictures, their names, and what is known of them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import OptionError, StyleError, nearest
from pasticcio.space.formats import FORMAT, Parts, read, write
from pasticcio.style.style import Style


@dataclass(frozen=True)
class Embeddings:
    """Styles of N pictures, one a row.

    Attributes:
        names: of the pictures: the names of their files, without suffix.
        vectors: float32 (N, E), finite.
        paths: of the pictures, for thumbnails.
        model: fingerprint of the model that the embeddings belong to.
        side: short side, in pixels, that the pictures were resized to.
        columns: further facts, such as "artist" or "class": N strings each, empty where unknown.

    Raises:
        StyleError: the lengths differ, or an embedding is not finite.
    """

    names: list[str]
    vectors: NDArray[np.float32]
    paths: list[Path]
    model: str
    side: int
    columns: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        lengths = {len(self.names), len(self.vectors), len(self.paths), *map(len, self.columns.values())}
        if lengths != {len(self.names)} or self.vectors.ndim != 2 or not np.isfinite(self.vectors).all():
            raise StyleError(
                f"a table of embeddings has a row of finite numbers for each name; this one has lengths {lengths}"
            )

    def __len__(self) -> int:
        return len(self.names)

    def style(self, row: int) -> Style:
        """Row `row` as a style."""
        return Style(self.vectors[row], self.model, self.names[row])

    def column(self, name: str) -> list[str]:
        """The values of a column.

        Raises:
            OptionError: there is no column of this name.
        """
        if name not in self.columns:
            raise OptionError(f"the embeddings have no column {name!r}; {nearest(name, self.columns)}")
        return self.columns[name]

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Embeddings:
        """The rows of these numbers, in this order."""
        numbers = [int(row) for row in rows]
        return replace(
            self,
            names=[self.names[i] for i in numbers],
            vectors=self.vectors[numbers],
            paths=[self.paths[i] for i in numbers],
            columns={key: [values[i] for i in numbers] for key, values in self.columns.items()},
        )

    def where(self, column: str, value: str) -> Embeddings:
        """The rows that have `value` in `column`."""
        return self.take([i for i, found in enumerate(self.column(column)) if found == value])

    def find(self, name: str | os.PathLike[str]) -> int | None:
        """The number of the row with a name, a file name or a path; None if there is none."""
        wanted = Path(name)
        for values in (self.names, [path.name for path in self.paths]):
            if str(name) in values:
                return values.index(str(name))
        resolved = wanted.resolve()
        return next((i for i, path in enumerate(self.paths) if path == wanted or path.resolve() == resolved), None)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the table, whole or not at all; paths of pictures are kept relative to its folder.

        Args:
            path: .npz, .json, or .parquet (which needs pyarrow: the extra "analysis").

        Raises:
            OutputError: another suffix, or a place that cannot be written.
        """
        target = Path(path)
        paths = [_relative(place, target.parent) for place in self.paths]
        columns = {"name": self.names, "path": paths, **self.columns}
        write(target, Parts({"format": FORMAT, "model": self.model, "side": self.side}, columns, self.vectors))

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embeddings:
        """Read what `save` wrote.

        Raises:
            StyleError: no such file, or not such a file.
        """
        source = Path(path)
        head, columns, vectors = read(source)
        names, places = columns.pop("name"), columns.pop("path")
        found = [source.parent / place for place in places]  # an absolute place stays what it is
        return cls(names, vectors, found, head["model"], head["side"], columns)


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()
