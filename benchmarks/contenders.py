"""What `speed.py` times: other people's networks, the paper's and ours, each under its runtimes.

Nothing heavy is imported before a contender is loaded: every one is loaded in a process of its own, whose memory is
measured too.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pasticcio.files import write_whole

RENDER, PREDICT, PEAK = "render", "predict", "peak"
FIXED = 384  # Magenta's networks of a fixed size
GEMM_SIDES = (512, 1024, 1536)
MAGENTA = {"f16_384": "float16, 384 only", "quantized_384": "8-bit, 384 only", "quantized_dynamic": "8-bit weights"}


@dataclass(frozen=True)
class Job:
    """What is asked of a contender: pictures of one size, and the threads for it."""

    height: int
    width: int
    batch: int
    threads: int


Run = Callable[[], Any]


@dataclass(frozen=True)
class Contender:
    """One way to make pictures (or embeddings, or matrix products).

    Attributes:
        name: in the table.
        task: `RENDER`, `PREDICT` or `PEAK`.
        peer: whether it is somebody else's; ratios are to the fastest of these.
        precision: of the products: "float32", "bfloat16" or "int8".
        needs: files that have to be there.
        packages: that have to be installed.
        load: the job to a function that does it once; of `PEAK`, that returns multiply-adds a second.
        count: the job to the multiply-adds of a run. It is called before `load`, and writes exported files.
        fixed: side of the only pictures it takes, 0 for any.
    """

    name: str
    task: str
    peer: bool
    precision: str
    needs: tuple[Path, ...]
    packages: tuple[str, ...]
    load: Callable[[Job], Run]
    count: Callable[[Job], int] | None = None
    fixed: int = 0

    def missing(self) -> str:
        """Why it cannot be timed here, or nothing."""
        for path in self.needs:
            if not path.is_file():
                return f"{path} is not there"
        for package in self.packages:
            if importlib.util.find_spec(package) is None:
                return f"{package} is not installed"
        if self.precision == "bfloat16" and not has_bfloat16():
            return "this CPU has no bfloat16"
        return ""


def contenders(shared: Path, models: list[str], cache: Path) -> list[Contender]:
    """Every row, peers first."""
    found = [*_peaks(), *_magenta(shared / "peers"), *_adain(shared, cache), *_paper(cache)]
    for model in models:
        found += _ours(model)
    return found


def _magenta(peers: Path) -> Iterator[Contender]:
    """Magenta's mobile networks (style prediction: MobileNet-v2), under LiteRT."""
    needs = ("ai_edge_litert",)
    for kind, label in MAGENTA.items():
        path = peers / f"style_transfer_{kind}.tflite"
        precision = "float32" if kind.startswith("f16") else "int8"  # float16 is how it is stored
        fixed = FIXED if kind.endswith(str(FIXED)) else 0
        load, count = functools.partial(_tflite, path), functools.partial(tflite_count, path)
        yield Contender(f"Magenta {label}, LiteRT", RENDER, True, precision, (path,), needs, load, count, fixed)
    path = peers / "style_predict_quantized_256.tflite"
    load, count = functools.partial(_tflite, path), functools.partial(tflite_count, path)
    yield Contender("Magenta predictor, LiteRT", PREDICT, True, "int8", (path,), needs, load, count)


def _adain(shared: Path, cache: Path) -> Iterator[Contender]:
    files = adain_files(shared)
    path = cache / "adain.onnx"

    def load(job: Job) -> Run:
        import torch
        from methods import Adain

        network = Adain(files).to(memory_format=torch.channels_last)
        style = network.style(torch.rand(1, 3, 256, 256))
        return _torch(lambda content: network(content, *style), job)

    def write() -> None:
        import torch
        from methods import Adain

        network = Adain(files)
        example = torch.rand(2, 3, 256, 320)
        to_onnx(network, (example, *network.style(example[:1])), ["content", "mean", "deviation"], path)

    yield from _both("AdaIN", files, load, write, path)


def adain_files(shared: Path) -> tuple[Path, Path]:
    """The encoder's and the decoder's weights."""
    return shared / "weights/vgg19_normalised_conv4_1.safetensors", shared / "peers/adain_decoder.safetensors"


def _paper(cache: Path) -> Iterator[Contender]:
    """The paper's transfer network with random weights: scales and shifts are its inputs, the heads not timed."""
    path = cache / "paper.onnx"

    def network() -> Any:
        import torch

        from pasticcio.nn.paper import PaperTransfer

        torch.manual_seed(0)
        return PaperTransfer().eval()

    def load(job: Job) -> Run:
        import torch

        transfer = network().to(memory_format=torch.channels_last)
        style = transfer.gamma_mask()[None]
        return _torch(lambda content: transfer(content, style), job)

    def write() -> None:
        import torch

        transfer = network()
        to_onnx(transfer, (torch.rand(2, 3, 256, 320), transfer.gamma_mask()[None]), ["content", "style"], path)

    yield from _both("Paper's network", (), load, write, path)


def _both(
    name: str, files: tuple[Path, ...], load: Callable[[Job], Run], write: Callable[[], None], path: Path
) -> Iterator[Contender]:
    """A peer under torch and, from a file that is written once, under onnxruntime."""

    def exported(job: Job) -> Run:
        return _onnxruntime(path, job)

    def count(job: Job) -> int:
        if not path.is_file():
            write()
        return onnx_count(path, job)

    yield Contender(f"{name}, torch", RENDER, True, "float32", files, ("torch", "onnx"), load, count)
    yield Contender(
        f"{name}, onnxruntime", RENDER, True, "float32", files, ("torch", "onnx", "onnxscript"), exported, count
    )


def _ours(model: str) -> Iterator[Contender]:
    """A model of this project: every graph that wants a picture and at most vectors beside it, and torch."""
    from pasticcio.model.folder import PREDICT as PREDICTS
    from pasticcio.model.folder import TRANSFER, Model

    found = Model.open(model)

    def torch_load(job: Job) -> Run:
        import torch

        from pasticcio.training.model_folder import load_network

        network = load_network(found.folder).to(memory_format=torch.channels_last)
        embedding = torch.rand(1, found.embedding)
        return _torch(lambda content: network.render(content, embedding), job)

    name = f"Pasticcio {found.name}"
    count = functools.partial(onnx_count, found.transfer)
    weights = found.folder / "model.safetensors"
    yield Contender(f"{name}, torch", RENDER, False, "float32", (weights,), ("torch", "onnx"), torch_load, count)
    for path in sorted(found.folder.glob("*.onnx"), key=lambda path: (path.name != TRANSFER, path.name)):
        if not is_plain(path):
            continue
        task = PREDICT if path.name == PREDICTS else RENDER
        label = f"{name} predictor" if task == PREDICT else name
        if path.name not in (TRANSFER, PREDICTS):
            label += f", {path.stem}"
        count = functools.partial(onnx_count, path)
        own = "int8" if path.stem.endswith("int8") else "float32"
        yield Contender(
            f"{label}, onnxruntime", task, False, own, (path,), ("onnx",),
            functools.partial(_onnxruntime, path), count,
        )  # fmt: skip
        for precision, still in itertools.product(
            ("int8",) if own == "int8" else ("float32", "bfloat16"), (False, True)
        ):
            load = functools.partial(_openvino, path, precision, still)
            kind = f"OpenVINO {precision}" + (" compiled for the size" if still else "")
            yield Contender(f"{label}, {kind}", task, False, precision, (path,), ("openvino", "onnx"), load, count)


def _peaks() -> Iterator[Contender]:
    """Products of square matrices: the fastest that each library does here."""
    for precision in ("float32", "bfloat16"):
        yield Contender(
            f"torch.mm, {precision}", PEAK, False, precision, (), ("torch",), functools.partial(_torch_peak, precision)
        )
    yield Contender("numpy matmul, float32", PEAK, False, "float32", (), (), _numpy_peak)
    yield Contender("onnxruntime MatMulInteger, int8", PEAK, False, "int8", (), ("onnx",), _integer_peak)


def _tflite(path: Path, job: Job) -> Run:
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
    """A TFLite graph made ready for a size, and inputs for it."""
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


def _onnxruntime(path: Path, job: Job) -> Run:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = job.threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    inputs = {i.name: sample(i.shape, i.type, job) for i in session.get_inputs()}
    return lambda: session.run(None, inputs)[0]


def _openvino(path: Path, precision: str, still: bool, job: Job) -> Run:
    """As it is, for pictures of any size; or `still`: compiled for those of one size."""
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


def _torch(render: Callable[[Any], Any], job: Job) -> Run:
    import torch

    torch.set_num_threads(job.threads)
    content = torch.rand(job.batch, 3, job.height, job.width).to(memory_format=torch.channels_last)

    def run() -> Any:
        with torch.inference_mode():
            return render(content)

    return run


def _torch_peak(precision: str, job: Job) -> Run:
    import torch

    torch.set_num_threads(job.threads)
    dtype = getattr(torch, precision)
    pairs = [(torch.rand(n, n).to(dtype), torch.rand(n, n).to(dtype)) for n in GEMM_SIDES]
    return lambda: max(_rate(lambda p=pair: torch.mm(*p), len(pair[0])) for pair in pairs)


def _numpy_peak(job: Job) -> Run:
    pairs = [np.random.default_rng(0).random((2, n, n), dtype=np.float32) for n in GEMM_SIDES]
    return lambda: max(_rate(lambda p=pair: p[0] @ p[1], len(pair[0])) for pair in pairs)


def _integer_peak(job: Job) -> Run:
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
    """Something for an input of a graph: a picture where it has three channels, else a row of numbers.

    Args:
        shape: with names or None for what is free.
        kind: as onnxruntime or OpenVINO name types.
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
    """Whether a graph takes one picture, and beside it only what is of known length."""
    shapes = [i.shape for i in _session(path).get_inputs()]
    rest = [shape for shape in shapes if not is_picture(shape)]
    return len(rest) == len(shapes) - 1 and all(isinstance(dim, int) for shape in rest for dim in shape[1:])


def tflite_count(path: Path, job: Job) -> int:
    """Multiply-adds of one run of a graph, whose sides are multiples of 4.

    Run with the plain kernels: of what XNNPACK took over, the interpreter tells the shapes as they were in the file.
    They are slow: large pictures are reckoned from two small ones, as so much a pixel and so much beside.
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
                free.setdefault(name, length)  # a batch of pictures before the row of numbers that serves all
    return onnx_multiply_adds(path, free)


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def to_onnx(network: Any, example: tuple[Any, ...], inputs: list[str], path: Path) -> None:
    """Export a network whose first input is pictures of any number and size."""
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


def check(output: Any, contender: Contender, job: Job) -> None:
    """Make sure that something came out, and of the size that went in.

    Raises:
        ValueError: it did not.
    """
    values = np.asarray(output)
    if not np.isfinite(values).all():
        raise ValueError("the output is not finite")
    size = job.batch * 3 * job.height * job.width
    if contender.task == RENDER and math.prod(values.shape) != size:
        raise ValueError(f"the output has shape {values.shape}")
