"""The graphs of a model with weights of 16 bits: half of the bytes that a browser has to load.

Weights are kept as float16, and a Cast behind each makes float32 of it, which the runtime does once, when it loads the
graph. Arithmetic stays float32. What several graphs share lies once, in one file of weights.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pasticcio.errors import ModelError, OptionError
from pasticcio.extras import extra
from pasticcio.model.checks import check_graph
from pasticcio.model.folder import GRAPHS, STRENGTH, Model

if TYPE_CHECKING:
    import onnx

WEIGHTS = "weights.bin"
PRECISIONS = (16, 32)
LEAST = 256  # numbers of a tensor from which on it is kept in 16 bits
LARGEST = 65504.0  # of float16


def page_graphs(model: Model, precision: int = 16) -> dict[str, bytes]:
    """The files by which a browser runs a model: its graphs, and the weights outside of them.

    Args:
        model: a model whose folder has all graphs but, perhaps, the one in 8 bits.
        precision: 16, or 32 for the weights as they are.

    Returns:
        The bytes of each file, by its name.

    Raises:
        OptionError: another precision.
        ModelError: a graph that is missing, damaged or of another model, or weights too large for 16 bits.
        MissingExtraError: 16 bits without the package onnx.
    """
    if precision not in PRECISIONS:
        raise OptionError(f"precision is {precision}; it must be 16 or 32")
    if model.table:
        raise ModelError(f"model {model.name} has a fixed number of styles and embeds no picture, which the page does")
    if model.pixels is None:
        raise ModelError(f"{model.folder} has no pixels.onnx, which the page runs; export it anew")
    paths = [path for name in (*GRAPHS, STRENGTH) if os.path.isfile(path := model.folder / name)]
    if model.regions not in paths:
        raise ModelError(f"{model.folder} has no regions.onnx")
    for path in paths:
        check_graph(path)
    try:
        if precision == 32:
            return {path.name: path.read_bytes() for path in paths}
        with extra("page", "weights of 16 bits"):
            import onnx  # noqa: F401
        shared = _Shared()
        graphs = {path.name: _halved(path, shared) for path in paths}
        return {**graphs, WEIGHTS: bytes(shared.data)}
    except OSError as error:
        raise ModelError(f"cannot read {error.filename}: {error.strerror or error}") from error


def external(files: Mapping[str, bytes]) -> str:
    """The name of the file, among those of `page_graphs`, that holds the weights outside the graphs."""
    return WEIGHTS if WEIGHTS in files else "transfer.onnx"


class _Shared:
    """The weights outside the graphs: equal tensors once, each at a multiple of 64 bytes."""

    def __init__(self) -> None:
        self.data = bytearray()
        self._places: dict[bytes, int] = {}

    def place(self, data: bytes) -> int:
        """Where a tensor's bytes lie."""
        if data not in self._places:
            self.data += bytes(-len(self.data) % 64)
            self._places[data] = len(self.data)
            self.data += data
        return self._places[data]


def _halved(path: Path, shared: _Shared) -> bytes:
    """A graph whose large weights are float16, those of the transfer network among the shared ones."""
    import onnx
    from onnx.external_data_helper import set_external_data

    try:
        model = onnx.load(str(path))
    except Exception as error:  # protobuf's errors have no public base class
        raise ModelError(f"{path} cannot be read: {error}; install the model anew") from error
    alone = path.name == "predict.onnx"  # no other graph has its weights
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != onnx.TensorProto.FLOAT or np.prod(tensor.dims, initial=1) < LEAST:
            continue
        values = onnx.numpy_helper.to_array(tensor)
        if not (np.abs(values) <= LARGEST).all():
            raise ModelError(f"{path}: {tensor.name} has numbers beyond those of 16 bits; ask for precision 32")
        name = tensor.name
        half = onnx.numpy_helper.from_array(values.astype(np.float16), f"{name}.half")
        if not alone:
            offset, length = shared.place(half.raw_data), len(half.raw_data)
            set_external_data(half, WEIGHTS, offset, length)
            half.ClearField("raw_data")
        tensor.CopyFrom(half)
        casts.append(onnx.helper.make_node("Cast", [half.name], [name], to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *model.graph.node]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    _forget_inputs(model)
    data: bytes = model.SerializeToString()
    return data


def _forget_inputs(model: onnx.ModelProto) -> None:
    """Leave out what the exporter wrote about its own Python code: no runtime reads it."""
    del model.graph.metadata_props[:]
    for node in model.graph.node:
        del node.metadata_props[:]
        node.ClearField("doc_string")
    del model.functions[:]
    del model.graph.value_info[:]
