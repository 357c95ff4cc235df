"""How each runtime is made ready for pictures of one size, and how many multiply-adds its graphs take.

Nothing heavy is imported before a runtime is used, so that the memory of a process is that of its own runtime.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pasticcio.files import write_whole

GEMM_SIDES = (512, 1024, 1536)  # of the square matrices whose products measure the peak


@dataclass(frozen=True)
class Job:
    """The work of one run: pictures of one size, and the number of threads."""

    height: int
    width: int
    batch: int
    threads: int


Run = Callable[[], Any]


def tflite(path: Path, job: Job) -> Run:
    from ai_edge_litert.interpreter import OpResolverType

    interpreter, inputs = _interpreter(path, job, OpResolverType.AUTO)
    out = interpreter.get_output_details()[0]["index"]

    def run() -> Any:
        for index, value in inputs.items():
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        return interpreter.get_tensor(out)

    return run


def _interpreter(path: Path, job: Job, kernels: Any) -> tuple[Any, dict[int, np.ndarray]]:
    """A TFLite interpreter for pictures of one size, and its inputs."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=job.threads, experimental_op_resolver_type=kernels)
    for detail in interpreter.get_input_details():
        picture = detail["shape"][-1] == 3
        shape = (job.batch, job.height, job.width, 3) if picture else (job.batch, *detail["shape"][1:])
        interpreter.resize_tensor_input(detail["index"], shape)
    interpreter.allocate_tensors()
    rng = np.random.default_rng(0)
    return interpreter, {
        detail["index"]: rng.random(detail["shape"], dtype=np.float32) for detail in interpreter.get_input_details()
    }


def onnxruntime_session(path: Path, job: Job) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = {i.name: sample(i.shape, i.type, job) for i in session.get_inputs()}
    return lambda: session.run(None, inputs)[0]


def openvino_request(path: Path, precision: str, still: bool, job: Job) -> Run:
    """The graph as it is, for pictures of any size; with `still`, compiled for this size alone."""
    import openvino

    hints = {
        "INFERENCE_NUM_THREADS": job.threads,
        "NUM_STREAMS": 1,
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_PRECISION_HINT": {"bfloat16": "bf16"}.get(precision, "f32"),
    }
    core = openvino.Core()
    model = core.read_model(path)
    inputs = {}
    for one in model.inputs:
        shape = [dim.get_length() if dim.is_static else None for dim in one.get_partial_shape()]
        inputs[one.get_any_name()] = sample(shape, one.get_element_type().to_string(), job)
    if still:
        model.reshape({name: value.shape for name, value in inputs.items()})
    request = core.compile_model(model, "CPU", hints).create_infer_request()
    return lambda: next(iter(request.infer(inputs, share_inputs=True).values()))


def torch_network(render: Callable[[Any], Any], job: Job) -> Run:
    import torch

    torch.set_num_threads(job.threads)
    content = torch.rand(job.batch, 3, job.height, job.width).to(memory_format=torch.channels_last)

    def run() -> Any:
        with torch.inference_mode():
            return render(content)

    return run


def torch_peak(precision: str, job: Job) -> Run:
    import torch

    torch.set_num_threads(job.threads)
    dtype = getattr(torch, precision)
    pairs = [(torch.rand(n, n).to(dtype), torch.rand(n, n).to(dtype)) for n in GEMM_SIDES]
    return lambda: max(_rate(lambda p=pair: torch.mm(*p), len(pair[0])) for pair in pairs)


def numpy_peak(job: Job) -> Run:
    pairs = [np.random.default_rng(0).random((2, n, n), dtype=np.float32) for n in GEMM_SIDES]
    return lambda: max(_rate(lambda p=pair: p[0] @ p[1], len(pair[0])) for pair in pairs)


def integer_peak(job: Job) -> Run:
    import onnx.parser
    import onnxruntime

    graph = """<ir_version: 9, opset_import: ["": 18]>
        g (uint8[n,n] a, int8[n,n] b) => (int32[n,n] y) { y = MatMulInteger(a, b) }"""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    session = onnxruntime.InferenceSession(onnx.parser.parse_model(graph).SerializeToString(), options)
    rng = np.random.default_rng(0)
    pairs = [
        {"a": rng.integers(0, 256, (n, n), np.uint8), "b": rng.integers(-127, 128, (n, n), np.int8)} for n in GEMM_SIDES
    ]
    return lambda: max(_rate(lambda p=pair: session.run(None, p), len(pair["a"])) for pair in pairs)


def _rate(product: Run, side: int) -> float:
    begun = time.perf_counter()
    product()
    return side**3 / (time.perf_counter() - begun)


def sample(shape: list[Any], kind: str, job: Job) -> np.ndarray:
    """A random value for an input of a graph: a picture where the input has three channels, else a row of numbers.

    Args:
        shape: of the input; dimensions of any length are names or None.
        kind: its type, as named by onnxruntime or OpenVINO.
    """
    rng = np.random.default_rng(0)
    if is_picture(shape):
        size = (job.batch, 3, job.height, job.width) if shape[1] == 3 else (job.batch, job.height, job.width, 3)
    else:
        size = tuple(dim if isinstance(dim, int) else 1 for dim in shape)
    if kind in ("tensor(uint8)", "u8"):
        return rng.integers(0, 256, size, np.uint8)
    return rng.random(size, dtype=np.float32)


def is_picture(shape: list[Any]) -> bool:
    """Whether an input is (B, 3, H, W) or (B, H, W, 3)."""
    return len(shape) == 4 and 3 in (shape[1], shape[3])


def is_plain(path: Path) -> bool:
    """Whether a graph takes one picture, and otherwise only inputs of fixed length."""
    shapes = [i.shape for i in _session(path).get_inputs()]
    rest = [shape for shape in shapes if not is_picture(shape)]
    return len(rest) == len(shapes) - 1 and all(isinstance(dim, int) for shape in rest for dim in shape[1:])


def tflite_count(path: Path, job: Job) -> int:
    """Multiply-adds of one run of a graph; the sides of the pictures are multiples of 4.

    The graph is run with TFLite's own kernels, because for operators that XNNPACK runs, the interpreter reports the
    shapes of the file instead of the real ones. These kernels are slow, so large pictures are extrapolated from two
    small ones, as a constant plus an amount per pixel.
    """
    from ai_edge_litert.interpreter import OpResolverType
    from counts import tflite_multiply_adds

    def counted(height: int, width: int) -> int:
        small = Job(height, width, 1, job.threads)
        interpreter, inputs = _interpreter(path, small, OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES)
        for index, value in inputs.items():
            interpreter.set_tensor(index, value)
        interpreter.invoke()
        return tflite_multiply_adds(interpreter)

    area = job.height * job.width
    if area <= 512 * 512:
        return job.batch * counted(job.height, job.width)
    one, two = counted(128, 128), counted(128, 256)
    return job.batch * (2 * one - two + round((two - one) * area / 128**2))


def onnx_count(path: Path, job: Job) -> int:
    """Multiply-adds of one run of a graph."""
    from counts import onnx_multiply_adds

    free: dict[str, int] = {}
    for one in sorted(_session(path).get_inputs(), key=lambda one: not is_picture(one.shape)):
        for name, length in zip(one.shape, sample(one.shape, one.type, job).shape, strict=True):
            if isinstance(name, str):
                free.setdefault(name, length)  # pictures come first: their batch size is the one that counts
    return onnx_multiply_adds(path, free)


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def to_onnx(network: Any, example: tuple[Any, ...], inputs: list[str], path: Path) -> None:
    """Export a network to ONNX. Its first input is pictures of any number and size."""
    import torch

    free = ({0: "batch", 2: "height", 3: "width"}, *({} for _ in inputs[1:]))
    program = torch.onnx.export(
        network, example, dynamo=True, dynamic_shapes=free, input_names=inputs, external_data=False, verbose=False
    )
    assert program is not None
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, program.model_proto.SerializeToString())


def has_bfloat16() -> bool:
    """Whether the CPU multiplies bfloat16 itself."""
    try:
        flags = Path("/proc/cpuinfo").read_text()
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
