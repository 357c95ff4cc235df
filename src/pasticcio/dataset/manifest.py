"""The manifest of a data set: a row for every output, kept in a part for every group until all groups are there.

A part, `parts/000012.jsonl`, is written after the pictures of its group, and holds their checksums: a group without a
part, or whose checksums do not agree, is not done. When the last group is done, all rows go into `manifest.jsonl` and,
where pyarrow is installed, `manifest.parquet`.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from pasticcio.errors import MissingExtraError, OutputError
from pasticcio.extras import extra
from pasticcio.files import make_folder, write_whole, writing

PARTS, NAME = "parts", "manifest"
FORMAT = "pasticcio-dataset-1"
CHUNK = 1 << 20  # bytes read at a time


@dataclass(frozen=True)
class Row:
    """What became of one output.

    Attributes:
        key: name of the output within the data set, without suffix.
        source: where its picture lay.
        label: class of the picture; empty where there is none, or where a member of its sample says it.
        style, strength, seed: see `Choice`.
        model: fingerprint of the model.
        file: the output's file, or the shard that it is a member of, below the data set's folder; empty where there is
            no output.
        sha256: of the output's bytes; empty where there is no output.
        error: why there is no output; empty where there is one.
    """

    key: str
    source: str
    label: str
    style: str
    strength: float
    seed: int
    model: str
    file: str
    sha256: str
    error: str

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


def part_path(out: Path, group: int) -> Path:
    """The part of a group."""
    return out / PARTS / f"{group:06d}.jsonl"


def write_part(out: Path, group: int, rows: Sequence[Row], shard: tuple[str, str] | None) -> None:
    """Write the part of a group whose outputs are there.

    Args:
        out: folder of the data set.
        group: number.
        rows: of the group.
        shard: the tar shard of the group, below `out`, and its sha256; None where outputs are files of their own.

    Raises:
        OutputError: it cannot be written.
    """
    head = {"format": FORMAT, "group": group, "rows": len(rows), "shard": shard}
    write_whole(
        part_path(out, group), "".join(f"{line}\n" for line in [json.dumps(head), *map(Row.to_json, rows)]).encode()
    )


def done(out: Path, group: int, keys: Sequence[str]) -> list[Row] | None:
    """The rows of a group that is done; None where it is not.

    Args:
        out: folder of the data set.
        group: number.
        keys: of its outputs.
    """
    try:
        head, rows = _read_part(part_path(out, group))
    except (OSError, ValueError, TypeError, KeyError):
        return None
    if head.get("format") != FORMAT or [row.key for row in rows] != list(keys):
        return None
    files = [tuple(head["shard"])] if head.get("shard") else [(row.file, row.sha256) for row in rows if row.file]
    return rows if all(_checksum(out / name) == sha256 for name, sha256 in files) else None


def _read_part(path: Path) -> tuple[dict[str, Any], list[Row]]:
    first, *rows = path.read_text(encoding="utf-8").splitlines()
    head = json.loads(first)
    if head["rows"] != len(rows):
        raise ValueError(f"it has {len(rows)} of {head['rows']} rows")
    return head, [Row(**json.loads(row)) for row in rows]


def _checksum(path: Path) -> str:
    """sha256 of a file; empty where it cannot be read."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
    except OSError:
        return ""
    return digest.hexdigest()


def merge(out: Path, groups: int) -> bool:
    """Write the whole manifest where the parts of all groups are there; whether they are.

    Raises:
        OutputError: it cannot be written.
    """
    if not all(os.path.isfile(part_path(out, group)) for group in range(groups)):
        return False
    with writing(out / f"{NAME}.jsonl") as partial, partial.open("w", encoding="utf-8") as file:
        for rows in _all_rows(out, groups):
            file.writelines(f"{row.to_json()}\n" for row in rows)
    with contextlib.suppress(MissingExtraError):
        _merge_parquet(out, groups)
    return True


def _all_rows(out: Path, groups: int) -> Iterator[list[Row]]:
    for group in range(groups):
        try:
            yield _read_part(part_path(out, group))[1]
        except (OSError, ValueError, TypeError, KeyError) as error:
            path = part_path(out, group)
            raise OutputError(f"{path} is damaged: {error}; remove it, and go on with --resume") from error


def _merge_parquet(out: Path, groups: int) -> None:
    with extra("dataset", "a manifest in Parquet"):
        import pyarrow
        from pyarrow import parquet
    kinds = {"strength": pyarrow.float64(), "seed": pyarrow.int64()}
    schema = pyarrow.schema([(one.name, kinds.get(one.name, pyarrow.string())) for one in fields(Row)])
    with writing(out / f"{NAME}.parquet") as partial, parquet.ParquetWriter(partial, schema) as writer:
        for rows in _all_rows(out, groups):
            texts = [{name: _text(value) for name, value in asdict(row).items()} for row in rows]
            writer.write_table(pyarrow.Table.from_pylist(texts, schema))


def _text(value: Any) -> Any:
    """A value without the parts of file names that are no text, which Parquet cannot hold."""
    return value.encode("utf-8", "backslashreplace").decode() if isinstance(value, str) else value


def begin(out: Path, group_numbers: Iterator[int] | range) -> bool:
    """Make the folder of parts; whether one of these groups has a part already.

    Raises:
        OutputError: it cannot be made.
    """
    make_folder(out / PARTS)
    there = {entry.name for entry in os.scandir(out / PARTS)}
    return any(part_path(out, group).name in there for group in group_numbers)
