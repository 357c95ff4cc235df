"""What an ONNX file says before any runtime is handed it: inputs, outputs, domains of operators, files outside it.

The package `onnx` is not in the base install. The walk follows only the fields that are needed, by their numbers in
onnx.proto (github.com/onnx/onnx, onnx/onnx.proto), and skips the weights.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

DEEPEST = 64  # subgraphs within each other
_SIZES = {1: 8, 5: 4}  # of the wire types of a fixed size, in bytes
# The messages within each message that may hold operators or weights: number of the field -> message.
_WITHIN: dict[str, dict[int, str]] = {
    "model": {7: "graph", 20: "training", 25: "function"},
    "training": {1: "graph", 2: "graph"},
    "graph": {1: "node", 5: "tensor", 11: "input", 12: "output", 15: "sparse"},
    "function": {7: "node", 11: "attribute"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
    "tensor": {13: "external"},
}
_TYPES = {1: "float32", 2: "uint8", 3: "int8", 6: "int32", 7: "int64", 9: "bool", 10: "float16", 11: "float64"}


class Value(NamedTuple):
    """An input or output.

    Attributes:
        type: of its numbers, as numpy has it; ONNX's number for other types, "0" where it has none.
        sizes: 0 where a size is free.
    """

    type: str
    sizes: tuple[int, ...]


@dataclass
class OnnxHeader:
    """What was found.

    Attributes:
        inputs, outputs: of the graph, by name.
        domains: of the operators; "" is ONNX's own.
        external: for every tensor kept in another file, its keys and values ("location", "offset", "length").
    """

    inputs: dict[str, Value] = field(default_factory=dict)
    outputs: dict[str, Value] = field(default_factory=dict)
    domains: set[str] = field(default_factory=set)
    external: list[dict[str, str]] = field(default_factory=list)


def read_header(data: bytes) -> OnnxHeader:
    """Read the header of an ONNX file.

    Args:
        data: the whole file.

    Raises:
        ValueError: it is no ONNX file, or is cut off.
    """
    header = OnnxHeader()
    _walk(memoryview(data), "model", header, 0)
    if not header.inputs:
        raise ValueError("it holds no graph with inputs")
    return header


def _walk(data: memoryview, message: str, header: OnnxHeader, depth: int) -> None:
    if depth > DEEPEST:
        raise ValueError(f"its graphs lie within each other more than {DEEPEST} deep")
    within = _WITHIN[message]
    external: dict[str, str] = {}
    for number, value in _fields(data):
        if isinstance(value, int):
            continue
        if message == "node" and number == 7:
            header.domains.add(_text(value))
        kind = within.get(number)
        if kind == "external":
            pair = {key: _text(text) for key, text in _fields(value) if not isinstance(text, int)}
            external[pair.get(1, "")] = pair.get(2, "")
        elif kind in ("input", "output"):
            if depth == 1:  # others are those of subgraphs
                (header.inputs if kind == "input" else header.outputs).update([_value(value)])
        elif kind:
            _walk(value, kind, header, depth + 1)
    if external:
        header.external.append(external)


def _value(data: memoryview) -> tuple[str, Value]:
    """Name, type and sizes of a ValueInfoProto."""
    name, kind, sizes = "", 0, []
    for number, value in _fields(data):
        if number == 1 and not isinstance(value, int):
            name = _text(value)
        for tensor in _messages([value] if number == 2 else [], 1):  # TypeProto.tensor_type
            kind = next((n for key, n in _fields(tensor) if key == 1 and isinstance(n, int)), 0)
            for shape in _messages([tensor], 2):
                for size in _messages([shape], 1):
                    sizes.append(next((n for key, n in _fields(size) if key == 1 and isinstance(n, int)), 0))
    return name, Value(_TYPES.get(kind, str(kind)), tuple(sizes))


def _messages(parents: list[int | memoryview], number: int) -> Iterator[memoryview]:
    for parent in parents:
        if not isinstance(parent, int):
            yield from (value for key, value in _fields(parent) if key == number and not isinstance(value, int))


def _text(data: memoryview) -> str:
    return bytes(data).decode("utf-8", "backslashreplace")


def _fields(data: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """The fields of a message: a number, or the bytes of a text or message."""
    at, end = 0, len(data)
    while at < end:
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in _SIZES:
            size = _SIZES[wire]
        else:
            raise ValueError("it is no ONNX file")
        if at + size > end:
            raise ValueError("it is cut off, or no ONNX file")
        if wire == 2:
            yield number, data[at : at + size]
        at += size


def _varint(data: memoryview, at: int) -> tuple[int, int]:
    value = 0
    for shift in range(0, 70, 7):
        if at >= len(data):
            raise ValueError("it is cut off, or no ONNX file")
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
    raise ValueError("it is no ONNX file")
