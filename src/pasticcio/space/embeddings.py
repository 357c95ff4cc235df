"""Tables of style embeddings: many pictures embedded, and kept with their names and what is known of them."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.errors import ImageError, MissingExtraError, OptionError, OutputError, StyleError, nearest
from pasticcio.image.picture import READABLE, Array, open_image, writing
from pasticcio.model.folder import Model
from pasticcio.render.embedder import style_view
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style

FORMAT = "pasticcio-embeddings-1"
SUFFIXES = (".npz", ".parquet", ".json")
OWN = ("name", "path", "embedding")  # columns that are not about the works
DRAFT = 3  # a JPEG this many times larger than it is looked at is decoded at a fraction of its size

Report = Callable[[int, int], None]


@dataclass(frozen=True)
class Entry:
    """A picture to embed: where it lies, and what a table says of it."""

    path: Path
    columns: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Embeddings:
    """Styles of many pictures, one a row.

    Attributes:
        names: of the pictures: their files' names without suffix.
        vectors: float32 (N, E).
        paths: of the pictures, for thumbnails.
        model: fingerprint of the model they belong to.
        side: short side, in pixels, at which the pictures were looked at.
        columns: what else is known, such as "artist" or "class": N strings each, empty where unknown.
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
                f"a table of embeddings has a row of finite numbers a name; this one has lengths {lengths}"
            )

    def __len__(self) -> int:
        return len(self.names)

    def style(self, row: int) -> Style:
        """Row `row` as a style."""
        return Style(self.vectors[row], self.model, self.names[row])

    def column(self, name: str) -> list[str]:
        """The values of a column.

        Raises:
            OptionError: there is none of that name.
        """
        if name not in self.columns:
            raise OptionError(f"the embeddings have no column {name!r}; {nearest(name, self.columns)}")
        return self.columns[name]

    def take(self, rows: Sequence[int] | NDArray[np.intp]) -> Embeddings:
        """Some of the rows, in the order given."""
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
        """The row of a name, a file name or a path; None where there is none."""
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
        check_table(target)
        paths = [_relative(p, target.parent) for p in self.paths]
        head = {"format": FORMAT, "model": self.model, "side": self.side}
        with writing(target) as partial:
            if target.suffix.lower() == ".npz":
                texts = {f"column:{key}": np.array(values, dtype=np.str_) for key, values in self.columns.items()}
                with partial.open("wb") as file:
                    np.savez_compressed(
                        file,
                        head=np.array(json.dumps(head)),
                        name=np.array(self.names, dtype=np.str_),
                        path=np.array(paths, dtype=np.str_),
                        embedding=self.vectors,
                        **texts,  # type: ignore[arg-type]
                    )
            elif target.suffix.lower() == ".json":
                rows = [
                    {"name": name, "path": place, **{key: values[i] for key, values in self.columns.items()}}
                    | {"embedding": [float(f"{x:.7g}") for x in self.vectors[i]]}
                    for i, (name, place) in enumerate(zip(self.names, paths, strict=True))
                ]
                lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
                partial.write_text(json.dumps(head)[:-1] + ', "rows": [\n' + lines + "\n]}\n", encoding="utf-8")
            else:
                arrow, parquet = _arrow()
                flat = arrow.array(self.vectors.ravel())
                vectors = arrow.FixedSizeListArray.from_arrays(flat, self.vectors.shape[1])
                table = arrow.table({"name": self.names, "path": paths, "embedding": vectors, **self.columns})
                parquet.write_table(table.replace_schema_metadata({"pasticcio": json.dumps(head)}), partial)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Embeddings:
        """Read what `save` wrote.

        Raises:
            StyleError: no such file, or not such a file.
        """
        source = Path(path)
        try:
            head, columns, vectors = _read(source)
            if head["format"] != FORMAT:
                raise ValueError(f"format {head['format']!r}")
            names, places = columns.pop("name"), columns.pop("path")
            found = [source.parent / place for place in places]  # an absolute place stays what it is
            return cls(names, vectors, found, str(head["model"]), int(head["side"]), columns)
        except FileNotFoundError:
            raise StyleError(f"no such file: {source}") from None
        except MissingExtraError:
            raise
        except (OSError, ValueError, KeyError, TypeError, EOFError, AttributeError) as error:
            reason = (str(error).splitlines() or [""])[0]
            raise StyleError(f"{source} is no table of embeddings that 'pasticcio embed' wrote ({reason})") from error


def embed_pictures(
    entries: Sequence[Entry],
    model: str | os.PathLike[str] | Model = "default",
    *,
    side: int | None = None,
    workers: int | None = None,
    report: Report | None = None,
) -> tuple[Embeddings, list[ImageError]]:
    """The styles of many pictures.

    Every worker thread decodes a picture and runs the style prediction network on it with one thread:
    on few cores that keeps all of them at work without waiting for pictures of equal size. The styles
    are those of `Stylizer.embed`, but for JPEGs at least three times larger than they are looked at,
    which are decoded at a half, a quarter or an eighth of their size.

    Args:
        entries: see `find_pictures`.
        model: name of a shipped model, or a model folder.
        side: short side, in pixels, at which the pictures are looked at; by default the model's, 256.
        workers: threads; by default one a core.
        report: called with pictures done and in all.

    Returns:
        The table, in the order of `entries` without the bad pictures, and the errors of those.

    Raises:
        ImageError: none of the pictures can be read.
    """
    stylizer = Stylizer(model, threads=1)
    looked_at = side or stylizer.model.style_side

    def embed(entry: Entry) -> NDArray[np.float32] | ImageError:
        try:
            view = style_view(open_reduced(entry.path, looked_at), looked_at)
        except ImageError as error:
            return error
        batch = np.ascontiguousarray(view.transpose(2, 0, 1)[None])
        row: NDArray[np.float32] = stylizer.run(stylizer.model.predict, style=batch)[0]
        return row

    rows: list[NDArray[np.float32]] = []
    good: list[Entry] = []
    bad: list[ImageError] = []
    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        try:
            for done, (entry, found) in enumerate(zip(entries, pool.map(embed, entries), strict=True), start=1):
                if isinstance(found, ImageError):
                    bad.append(found)
                else:
                    rows.append(found)
                    good.append(entry)
                if report:
                    report(done, len(entries))
        finally:
            pool.shutdown(cancel_futures=True)
    if not good:
        raise bad[0] if bad else ImageError("no pictures to embed: name files, folders or tables with some")
    keys = list(dict.fromkeys(key for entry in good for key in entry.columns if key not in OWN))
    columns = {key: [entry.columns.get(key, "") for entry in good] for key in keys}
    names, paths = [entry.path.stem for entry in good], [entry.path for entry in good]
    return Embeddings(names, np.stack(rows), paths, stylizer.model.fingerprint, looked_at, columns), bad


def open_reduced(path: Path, side: int) -> Array:
    """`open_image`, at a fraction of the size where a JPEG is far larger than `side` (its decoder can do that)."""
    if path.suffix.lower() in (".jpg", ".jpeg"):
        try:
            with Image.open(path) as image:
                if min(image.size) >= DRAFT * side:
                    # draft() chooses the smallest size with both sides at least those asked for
                    image.draft(None, (DRAFT * side // 2,) * 2)
                    return open_image(image)
        except (OSError, ImageError, Image.DecompressionBombError):
            pass  # reading it whole will say why
    return open_image(path)


def find_pictures(sources: Sequence[str | os.PathLike[str]], split: str = "") -> list[Entry]:
    """The pictures of some sources, in order.

    Args:
        sources: picture files, folders (searched through), or .csv tables with a column "file"; its other
            columns are kept, and its files lie in the folder beside it that has its name, or else beside it.
        split: only rows of tables with this in their column "split"; all by default.

    Raises:
        ImageError: a folder or table without pictures, a table without such a column, or no such file.
    """
    return [entry for source in sources for entry in _find(Path(source), split)]


def check_table(path: Path) -> None:
    """Refuse what could not be written, before any work is done.

    Raises:
        OutputError: unknown suffix or missing folder.
        MissingExtraError: .parquet without pyarrow.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"cannot write {path}: a table of embeddings ends in {', '.join(SUFFIXES)}")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}")
    if path.suffix.lower() == ".parquet":
        _arrow()


def read_columns(path: Path, names: Sequence[str]) -> dict[str, list[str]]:
    """The columns of a .csv about works, brought into the order of `names` by its column "file" or "name".

    Raises:
        OptionError: no such table, or none of its rows is about one of `names`.
    """
    rows = _rows(path)
    key = next((key for key in ("file", "name") if rows and key in rows[0]), None)
    if key is None:
        raise OptionError(f"table {path} has no column 'file' or 'name' to tell its rows apart")
    # a file's stem or the whole of a name: names may hold points
    known = {(Path(row[key]).stem if key == "file" else row[key]): row for row in rows}
    if not known.keys() & set(names):
        raise OptionError(f"no row of {path} is about one of the {len(names)} pictures, the first being {names[0]}")
    others = [column for column in rows[0] if column != key]
    return {column: [known.get(name, {}).get(column) or "" for name in names] for column in others}


def _find(source: Path, split: str) -> Iterator[Entry]:
    if source.is_dir():
        paths = sorted(path for path in source.rglob("*") if path.suffix.lower() in READABLE)
        if not paths:
            raise ImageError(f"no pictures in folder {source}; it must hold some of {', '.join(sorted(READABLE))}")
        yield from map(Entry, paths)
    elif source.suffix.lower() == ".csv":
        rows = _rows(source)
        if not rows or "file" not in rows[0]:
            raise ImageError(f"table {source} has no rows with a column 'file'")
        beside = source.with_suffix("")
        folder = beside if beside.is_dir() else source.parent
        for row in rows:
            if not split or row.get("split", split) == split:
                columns = {key: value or "" for key, value in row.items() if key and key != "file"}
                yield Entry(folder / row["file"], columns)
    else:
        yield Entry(source)


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OptionError(f"cannot read table {path}: {error}") from error


def _read(source: Path) -> tuple[dict[str, str], dict[str, list[str]], NDArray[np.float32]]:
    suffix = source.suffix.lower()
    if suffix == ".npz":
        with np.load(source, allow_pickle=False) as file:
            columns = {key.removeprefix("column:"): file[key].tolist() for key in file if key.startswith("column:")}
            columns |= {"name": file["name"].tolist(), "path": file["path"].tolist()}
            return json.loads(str(file["head"])), columns, file["embedding"].astype(np.float32)
    if suffix == ".json":
        values = json.loads(source.read_text(encoding="utf-8"))
        rows = values["rows"]
        columns = {key: [str(row[key]) for row in rows] for key in rows[0] if key != "embedding"}
        return values, columns, np.array([row["embedding"] for row in rows], np.float32)
    if suffix == ".parquet":
        _, parquet = _arrow()
        table = parquet.read_table(source)
        head = json.loads((table.schema.metadata or {})[b"pasticcio"])
        columns = {key: table.column(key).to_pylist() for key in table.column_names if key != "embedding"}
        vectors = np.stack(table.column("embedding").to_numpy(zero_copy_only=False))
        return head, columns, vectors.astype(np.float32)
    raise ValueError(f"its suffix is none of {', '.join(SUFFIXES)}")


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.resolve().as_posix()


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError as error:
        raise MissingExtraError("a .parquet table", "analysis") from error
    return pyarrow, parquet
