"""Multiply-adds of ONNX and TFLite graphs. Only convolutions and matrix products are counted."""

from __future__ import annotations

import math
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Shape = Sequence[int]


def onnx_multiply_adds(path: Path, free: Mapping[str, int]) -> int:
    """Multiply-adds of one run of an ONNX graph.

    onnxruntime first replaces values that depend only on the sizes by constants, such as a padding computed from the
    picture's size; onnx can then infer the shapes.

    Args:
        path: the graph's file.
        free: a size for each named dimension of its inputs.

    Raises:
        ValueError: a shape cannot be inferred.
    """
    import onnx
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.log_severity_level = 3
    for name, size in free.items():
        options.add_free_dimension_override_by_name(name, size)
    with tempfile.TemporaryDirectory() as folder:
        folded = Path(folder, "folded.onnx")
        options.optimized_model_filepath = str(folded)
        onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        graph = onnx.shape_inference.infer_shapes(onnx.load(folded, load_external_data=False), data_prop=True).graph
    shapes = {
        value.name: [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.input, *graph.output)
    }
    shapes |= {value.name: list(value.dims) for value in graph.initializer}
    total = 0
    for node in graph.node:
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        inputs = [shapes.get(name, []) for name in node.input]
        output = shapes.get(node.output[0], [])
        found = _onnx_node(node.op_type, inputs, output, attributes)
        if found == 0 and node.op_type in COUNTED:
            raise ValueError(f"{path}: the shapes of {node.op_type} {node.name} cannot be inferred")
        total += found
    return total


COUNTED = {
    "Conv", "FusedConv", "ConvInteger", "QLinearConv", "ConvTranspose",
    "MatMul", "FusedMatMul", "MatMulInteger", "QLinearMatMul", "Gemm", "FusedGemm",
}  # fmt: skip


def _onnx_node(kind: str, inputs: Sequence[Shape], output: Shape, attributes: Mapping[str, Any]) -> int:
    """Multiply-adds of one operator; 0 if it is not counted or a dimension is unknown."""
    if kind not in COUNTED:
        return 0
    if kind == "QLinearConv":  # x, its scale and zero, w, ...
        inputs = inputs[0], inputs[3]
    if kind == "QLinearMatMul":
        inputs = inputs[0], inputs[3]
    if "Conv" in kind:
        kernel = math.prod(inputs[1][1:])  # (outputs, inputs / groups, height, width); transposed: the two exchanged
        return math.prod(inputs[0] if kind == "ConvTranspose" else output) * kernel
    inner = inputs[0][-2 if kind.endswith("Gemm") and attributes.get("transA") else -1]
    return math.prod(output) * inner


def tflite_multiply_adds(interpreter: Any) -> int:
    """Multiply-adds of one run of a TFLite graph, at the sizes of its last run.

    The operators are read through a private method of the interpreter, as there is no public one. The shapes are
    right only without delegates.
    """
    shapes = {detail["index"]: [int(n) for n in detail["shape"]] for detail in interpreter.get_tensor_details()}
    total = 0
    for node in interpreter._get_ops_details():
        kind = node["op_name"]
        inputs, output = [shapes.get(int(i), []) for i in node["inputs"]], shapes.get(int(node["outputs"][0]), [])
        if kind == "CONV_2D":  # kernels are (outputs, height, width, inputs)
            total += math.prod(output) * math.prod(inputs[1][1:])
        elif kind == "DEPTHWISE_CONV_2D":  # (1, height, width, outputs)
            total += math.prod(output) * math.prod(inputs[1][1:3])
        elif kind == "TRANSPOSE_CONV":  # its inputs: size of the output, kernels, picture
            total += math.prod(inputs[2]) * math.prod(inputs[1][:3])
        elif kind == "FULLY_CONNECTED":
            total += math.prod(output) * inputs[1][-1]
    return total
