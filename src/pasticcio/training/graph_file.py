"""ONNX files: written from modules, with weights that lie in other files of their folder."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.helper
import onnx.numpy_helper
import onnxscript.optimizer
import torch
from torch import Tensor, nn

from pasticcio.files import write_whole

FOLDED = 1 << 20  # numbers
HALVED = 1 << 14  # numbers; smaller matrices stay in single precision
SHARED_BYTES = 1024  # smaller weights are written into each graph


def write_graph(
    graph: nn.Module,
    example: tuple[Tensor, ...],
    shapes: dict[str, dict[int, str]],
    outputs: list[str],
    path: Path,
    together: int = 0,
    folded: int = FOLDED,
    operators: Mapping[Any, Callable[..., Any]] | None = None,
) -> None:
    """Export a module.

    Args:
        graph: the module.
        example: its inputs.
        shapes: of each input by name, the names of the axes that are free.
        outputs: their names.
        path: of the file.
        together: so many of the last inputs are one tuple to torch.
        folded: what is computed of weights alone is computed now, up to so many numbers; 0 leaves all to the runtime.
        operators: how operators of our own are written in ONNX.
    """
    free = tuple(shapes.values())
    with _quiet():
        program = torch.onnx.export(
            graph.eval(),
            example,
            dynamo=True,
            dynamic_shapes=(*free[:-together], free[-together:]) if together else free,
            input_names=list(shapes),
            output_names=outputs,
            external_data=False,
            optimize=folded > 0,
            verbose=False,
            custom_translation_table=dict(operators or {}),
        )
        assert program is not None
        written = program.model_proto
        if folded:
            written = onnxscript.optimizer.optimize(written, input_size_limit=folded, output_size_limit=folded)
    for node in written.graph.node:  # where each came from, in thousands of lines of our own source
        del node.metadata_props[:]
        node.doc_string = ""
    save_graph(written, path)


def halve(path: Path, lent: str) -> None:
    """Rewrite a graph so that its large matrices lie in the file in half precision, where that loses nothing.

    A model folder's matrices are numbers of half precision. Those with `lent` in their names stay as they are, as
    other graphs borrow them.
    """
    graph = onnx.load(path)
    for weights in graph.graph.initializer:
        values = onnx.numpy_helper.to_array(weights)
        if lent in weights.name or values.ndim < 2 or values.size < HALVED or values.dtype != np.float32:
            continue
        if np.array_equal(values, half := values.astype(np.float16)):
            name = weights.name
            weights.CopyFrom(onnx.numpy_helper.from_array(half, f"{name}.half"))
            cast = onnx.helper.make_node("Cast", [f"{name}.half"], [name], to=onnx.TensorProto.FLOAT)
            graph.graph.node.insert(0, cast)
    save_graph(graph, path)


def borrow(path: Path, lenders: Sequence[Path]) -> None:
    """Rewrite a graph so that the weights which other graphs of its folder hold are read from there."""
    save_graph(borrowing(onnx.load(path), lenders), path)


def borrowing(graph: onnx.ModelProto, lenders: Sequence[Path]) -> onnx.ModelProto:
    """The graph with the weights that the files of other graphs hold too read from there."""
    contents = [(lender.name, lender.read_bytes()) for lender in lenders]
    for weights in graph.graph.initializer:
        length = len(weights.raw_data)
        places = ((name, data.find(weights.raw_data)) for name, data in contents if length >= SHARED_BYTES)
        name, place = next((found for found in places if found[1] >= 0), ("", -1))
        if name:
            weights.ClearField("raw_data")
            weights.data_location = onnx.TensorProto.EXTERNAL
            for key, value in (("location", name), ("offset", place), ("length", length)):
                weights.external_data.add(key=key, value=str(value))
    return graph


def save_graph(graph: onnx.ModelProto, path: Path) -> None:
    """Write a graph, whole or not at all."""
    write_whole(path, graph.SerializeToString())


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter prints, warns of torchvision's absence and of its own deprecations."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)
