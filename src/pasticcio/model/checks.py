"""Whether the files of a model folder are those that its configuration names, checked before a runtime reads them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pasticcio.errors import ModelError
from pasticcio.model.config import CONFIG, REMEDY
from pasticcio.model.onnx_header import OnnxHeader, Value, read_header

HASHES = "sha256"  # the key of config.json
DECLARED = re.compile(
    r"(\w+) \(([^)]*)\)"
)  # how `config.json` describes an input or output, such as "uint8 (batch, 3)"
REGIONS = "regions.onnx"  # has a table of its own
DOMAINS = frozenset({"", "ai.onnx", "com.microsoft"})  # ONNX's operators, and onnxruntime's for 8 bits


def hashes(folder: Path) -> dict[str, str]:
    """The sha256 of every graph and weights file in a folder, by file name."""
    files = sorted(path for path in folder.iterdir() if path.suffix in (".onnx", ".safetensors"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def check_graph(graph: Path) -> None:
    """Make sure that a graph may be handed to a runtime.

    Its sha256, and that of each file whose weights it reads, must be the one in the `config.json` beside it, if that
    has a table of hashes. Its operators must be ONNX's own, its weights in its folder, and its inputs and outputs those
    of the configuration: by name, type, number of dimensions, and sizes that are fixed.

    Raises:
        ModelError: names the file and what is wrong with it.
    """
    raw = _config(graph.parent)
    table = _table(graph.parent, raw)
    data = _read(graph, table)
    try:
        header = read_header(data)
    except ValueError as error:
        raise _refused(graph, str(error)) from error
    if foreign := sorted(header.domains - DOMAINS):
        raise _refused(graph, f"it has operators of the domain {foreign[0]!r}, which is not one of ONNX")
    _check_values(graph, header, raw)
    _check_external(graph, header, table)


def check_weights(path: Path) -> None:
    """Make sure that a weights file has the sha256 that the `config.json` beside it has, if that has a table of hashes.

    Raises:
        ModelError: names the file and what is wrong with it.
    """
    _read(path, _table(path.parent, _config(path.parent)))


def _table(folder: Path, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    table = raw.get(HASHES, {})
    if not isinstance(table, dict):
        raise ModelError(f"{folder / CONFIG} is damaged: {HASHES} is no JSON object; {REMEDY}")
    return table


def _config(folder: Path) -> Mapping[str, Any]:
    """The JSON object in `config.json`; empty for a graph that lies in no model folder."""
    try:
        raw = json.loads((folder / CONFIG).read_bytes())
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"cannot read {folder / CONFIG}: {error}; {REMEDY}") from error
    return raw if isinstance(raw, dict) else {}


def _read(path: Path, table: Mapping[str, Any]) -> bytes:
    """The bytes of a file whose hash is that of the table; any bytes where the table is empty."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ModelError(f"cannot load {path}: {error.strerror or error}") from error
    if not table:
        return data
    if path.name not in table:
        raise _refused(path, f"{CONFIG} has the hashes of other files and none of this one")
    found = hashlib.sha256(data).hexdigest()
    if found != table[path.name]:
        raise _refused(path, f"its sha256 begins {found[:12]}, not {str(table[path.name])[:12]} as {CONFIG} has it")
    return data


def _check_external(graph: Path, header: OnnxHeader, table: Mapping[str, Any]) -> None:
    sizes: dict[str, int] = {}
    for place in header.external:
        name = place.get("location", "")
        beside = graph.parent / name
        plain = name not in ("", ".", "..") and not set(name) & set("/\\:\0")
        # Both ends are followed: a folder of links into one store is a folder like any other.
        if not plain or beside.resolve().parent != graph.resolve().parent:
            raise _refused(graph, f"it reads weights from {name!r}, which lies outside its folder")
        if name not in sizes:
            sizes[name] = len(_read(beside, table))
        try:
            offset, length = int(place.get("offset", 0)), int(place.get("length", 0))
        except ValueError:
            raise _refused(graph, f"the place of its weights in {name} is no number") from None
        if min(offset, length) < 0 or offset + length > sizes[name]:
            raise _refused(
                graph, f"it reads bytes {offset} to {offset + length} of {name}, which has only {sizes[name]}"
            )


def _check_values(graph: Path, header: OnnxHeader, raw: Mapping[str, Any]) -> None:
    network = raw.get("network")
    embedding = network.get("embedding") if isinstance(network, dict) else None
    for name in ("embedding", "embeddings"):
        size = (header.inputs[name].sizes or (0,))[-1] if name in header.inputs else 0
        if embedding is not None and size not in (0, embedding):
            raise _refused(graph, f"its input {name} has {size} numbers, and {CONFIG} says {embedding}")
    for kind, found in (("inputs", header.inputs), ("outputs", header.outputs)):
        listed = _listed(graph.name, kind, raw)
        if listed and set(listed) != set(found):
            raise _refused(graph, f"its {kind} are {', '.join(sorted(found))}; {CONFIG} has {', '.join(listed)}")
        for name, text in listed.items():
            if not _agrees(found[name], str(text)):
                free = ("?" if size == 0 else str(size) for size in found[name].sizes)
                raise _refused(
                    graph, f"its {kind[:-1]} {name} is {found[name].type} ({', '.join(free)}); {CONFIG} has {text}"
                )


def _listed(graph: str, kind: str, raw: Mapping[str, Any]) -> Mapping[str, Any]:
    """What the configuration says of a graph's inputs or outputs, by name; empty where it says nothing."""
    table = raw.get("regions" if graph == REGIONS else kind)
    listed = table.get(kind if graph == REGIONS else graph) if isinstance(table, dict) else None
    if not isinstance(table, dict) or not isinstance(listed, dict):
        return {}
    if graph != REGIONS:
        return listed
    scales = table.get("scales")
    known = scales if isinstance(scales, list) else []  # masks_K stands for a mask at each scale K
    return {
        one: text
        for name, text in listed.items()
        for one in ([f"{name[:-1]}{k}" for k in known] if name[-2:] == "_K" else [name])
    }


def _agrees(value: Value, text: str) -> bool:
    """Whether a value has the type, the number of dimensions and the fixed sizes of a description."""
    described = DECLARED.match(text)
    if described is None:
        return True
    sizes = described[2].split(", ")
    fits = all(size in (0, int(one)) for one, size in zip(sizes, value.sizes, strict=False) if one.isdecimal())
    return value.type == described[1] and len(sizes) == len(value.sizes) and fits


def _refused(path: Path, why: str) -> ModelError:
    return ModelError(f"{path} is damaged or not of this model: {why}; {REMEDY}")
