"""The files of a table of embeddings: .npz, .json and .parquet.

A table consists of a head (a JSON object with the keys "format", "model" and "side"), of columns of strings, among them
"name" and "path", and of embeddings, float32 (N, E).
"""

from __future__ import annotations

import json
import os
import tokenize
import zipfile
import zlib
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import OutputError, StyleError
from pasticcio.extras import extra
from pasticcio.files import writing

FORMAT = "pasticcio-embeddings-1"
SUFFIXES = (".npz", ".parquet", ".json")
OWN = ("name", "path", "embedding")  # columns that every table has
PREFIX = "column:"  # of the other columns in an .npz file


class Parts(NamedTuple):
    """The parts of a table, as the module's docstring has them."""

    head: dict[str, Any]
    columns: dict[str, list[str]]
    vectors: NDArray[np.float32]


class _Flaw(Exception):  # noqa: N818 (`read` makes an error of it)
    """What is wrong with a file."""


def check_table(path: Path) -> None:
    """Refuse a file that could not be written, before any work is done.

    Raises:
        OutputError: unknown suffix or missing folder.
        MissingExtraError: .parquet without pyarrow.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise OutputError(f"cannot write {path}: a table of embeddings ends in {', '.join(SUFFIXES)}")
    if not os.path.isdir(path.parent):
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}")
    if path.suffix.lower() == ".parquet":
        _arrow()


def write(path: Path, parts: Parts) -> None:
    """Write a table, whole or not at all, in the format that the suffix names.

    Raises:
        OutputError, MissingExtraError: see `check_table`; or the file cannot be written.
    """
    check_table(path)
    with writing(path) as partial:
        {".npz": _write_npz, ".json": _write_json, ".parquet": _write_parquet}[path.suffix.lower()](partial, parts)


def read(path: Path) -> Parts:
    """Read what `write` wrote.

    Raises:
        StyleError: no such file, or not such a file.
        MissingExtraError: .parquet without pyarrow.
    """
    if not os.path.isfile(path):
        raise StyleError(f"no such file: {path}")
    try:
        reader = {".npz": _read_npz, ".json": _read_json, ".parquet": _read_parquet}.get(path.suffix.lower())
        if reader is None:
            raise _Flaw(f"its suffix is none of {', '.join(SUFFIXES)}")
        parts = reader(path)
        _check_head(parts.head)
        return parts
    except _Flaw as error:
        raise StyleError(f"{path} is no table of embeddings that 'pasticcio embed' wrote ({error})") from error


def _check_head(head: Any) -> None:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise _Flaw(f"its format is not {FORMAT!r}")
    if not isinstance(head.get("model"), str) or not isinstance(head.get("side"), int):
        raise _Flaw("it does not say of which model and at which size its embeddings are")


def _check_columns(found: Any) -> None:
    if missing := [name for name in OWN if name not in found]:
        raise _Flaw(f"it has no {', '.join(missing)}")


def _write_npz(path: Path, parts: Parts) -> None:
    texts = {key if key in OWN else PREFIX + key: np.array(values, np.str_) for key, values in parts.columns.items()}
    with path.open("wb") as file:
        np.savez_compressed(file, head=np.array(json.dumps(parts.head)), embedding=parts.vectors, **texts)  # type: ignore[arg-type]


def _read_npz(path: Path) -> Parts:
    try:
        with zipfile.ZipFile(path):  # numpy would also open other files
            pass
        with np.load(path, allow_pickle=False) as file:
            arrays = {key: file[key] for key in file.files}
        head = json.loads(str(arrays.get("head", "null")))
    except (
        OSError,
        ValueError,
        EOFError,
        LookupError,
        RuntimeError,
        SyntaxError,
        zipfile.BadZipFile,
        tokenize.TokenError,
        zlib.error,
    ) as error:
        raise _Flaw(_first_line(error)) from error
    _check_columns(arrays)
    if arrays["embedding"].ndim != 2 or arrays["embedding"].dtype.kind != "f":
        raise _Flaw("its embeddings are no rows of numbers")
    columns = {key.removeprefix(PREFIX): arrays[key].tolist() for key in arrays if key.startswith(PREFIX)}
    columns |= {"name": arrays["name"].tolist(), "path": arrays["path"].tolist()}
    return Parts(head, columns, arrays["embedding"].astype(np.float32))


def _write_json(path: Path, parts: Parts) -> None:
    rows = [
        {key: values[i] for key, values in parts.columns.items()} | {"embedding": [float(f"{x:.7g}") for x in vector]}
        for i, vector in enumerate(parts.vectors)
    ]
    lines = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
    path.write_text(json.dumps(parts.head)[:-1] + ', "rows": [\n' + lines + "\n]}\n", encoding="utf-8")


def _read_json(path: Path) -> Parts:
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise _Flaw(_first_line(error)) from error
    _check_head(head)
    rows = head.get("rows")
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) for row in rows):
        raise _Flaw("it has no rows")
    _check_columns(rows[0])
    if any(row.keys() != rows[0].keys() for row in rows):
        raise _Flaw("its rows differ in their columns")
    vectors = [row["embedding"] for row in rows]
    if not all(isinstance(vector, list) and len(vector) == len(vectors[0]) for vector in vectors):
        raise _Flaw("its embeddings are no rows of one length")
    if not all(type(x) in (int, float) for vector in vectors for x in vector):
        raise _Flaw("its embeddings are no numbers")
    columns = {key: [str(row[key]) for row in rows] for key in rows[0] if key != "embedding"}
    return Parts(head, columns, np.array(vectors, np.float32))


def _write_parquet(path: Path, parts: Parts) -> None:
    arrow, parquet = _arrow()
    vectors = arrow.FixedSizeListArray.from_arrays(arrow.array(parts.vectors.ravel()), parts.vectors.shape[1])
    own = {"name": parts.columns["name"], "path": parts.columns["path"], "embedding": vectors}
    table = arrow.table(own | {key: values for key, values in parts.columns.items() if key not in OWN})
    parquet.write_table(table.replace_schema_metadata({"pasticcio": json.dumps(parts.head)}), path)


def _read_parquet(path: Path) -> Parts:
    arrow, parquet = _arrow()
    try:
        table = parquet.read_table(path)
        head = json.loads((table.schema.metadata or {}).get(b"pasticcio", b"null"))
    except (OSError, ValueError, arrow.ArrowException) as error:
        raise _Flaw(_first_line(error)) from error
    _check_head(head)
    _check_columns(table.column_names)
    columns = {key: table.column(key).to_pylist() for key in table.column_names if key != "embedding"}
    vectors = np.stack(table.column("embedding").to_numpy(zero_copy_only=False))
    return Parts(head, columns, vectors.astype(np.float32))


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]


def _arrow() -> tuple[Any, Any]:
    with extra("analysis", "a .parquet table"):
        import pyarrow
        from pyarrow import parquet
    return pyarrow, parquet
