"""What `speed.py` times: other people's networks, the paper's and ours, each under its runtimes.

Each contender is loaded in a process of its own, whose memory is measured; nothing heavy is imported before that.
"""

from __future__ import annotations

import functools
import importlib.util
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from runners import (
    Job,
    Run,
    has_bfloat16,
    integer_peak,
    is_plain,
    numpy_peak,
    onnx_count,
    onnxruntime_session,
    openvino_request,
    tflite,
    tflite_count,
    to_onnx,
    torch_network,
    torch_peak,
)

RENDER, PREDICT, PEAK = "render", "predict", "peak"
FIXED = 384  # side of the pictures of Magenta's networks of fixed size
MAGENTA = {"f16_384": "float16, 384 only", "quantized_384": "8-bit, 384 only", "quantized_dynamic": "8-bit weights"}


@dataclass(frozen=True)
class Contender:
    """One way to render pictures, to embed styles or to multiply matrices.

    Attributes:
        name: as in the table.
        task: `RENDER`, `PREDICT` or `PEAK`.
        peer: whether it is other people's work; ratios are to the fastest of these.
        precision: arithmetic of the products: "float32", "bfloat16" or "int8".
        needs: files that it reads.
        packages: packages that it imports.
        load: takes the job, returns a function that does it once (for `PEAK`, that returns multiply-adds per second).
        count: takes the job, returns the multiply-adds of one run. Called before `load`; writes exported files.
        fixed: the only side of pictures that it takes, in pixels; 0 where it takes any.
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
        """Why it cannot be timed here; empty if it can."""
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
    """All rows of the tables: the matrix products, then the peers, then our models."""
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
        load, count = functools.partial(tflite, path), functools.partial(tflite_count, path)
        yield Contender(f"Magenta {label}, LiteRT", RENDER, True, precision, (path,), needs, load, count, fixed)
    path = peers / "style_predict_quantized_256.tflite"
    load, count = functools.partial(tflite, path), functools.partial(tflite_count, path)
    yield Contender("Magenta predictor, LiteRT", PREDICT, True, "int8", (path,), needs, load, count)


def _adain(shared: Path, cache: Path) -> Iterator[Contender]:
    files = adain_files(shared)
    path = cache / "adain.onnx"

    def load(job: Job) -> Run:
        import torch
        from methods import Adain

        network = Adain(files).to(memory_format=torch.channels_last)
        style = network.style(torch.rand(1, 3, 256, 256))
        return torch_network(lambda content: network(content, *style), job)

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
    """The paper's transfer network with random weights; scales and shifts are inputs, so the heads are not timed."""
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
        return torch_network(lambda content: transfer(content, style), job)

    def write() -> None:
        import torch

        transfer = network()
        to_onnx(transfer, (torch.rand(2, 3, 256, 320), transfer.gamma_mask()[None]), ["content", "style"], path)

    yield from _both("Paper's network", (), load, write, path)


def _both(
    name: str, files: tuple[Path, ...], load: Callable[[Job], Run], write: Callable[[], None], path: Path
) -> Iterator[Contender]:
    """A peer under torch, and under onnxruntime from a file that is exported once."""

    def exported(job: Job) -> Run:
        return onnxruntime_session(path, job)

    def count(job: Job) -> int:
        if not path.is_file():
            write()
        return onnx_count(path, job)

    yield Contender(f"{name}, torch", RENDER, True, "float32", files, ("torch", "onnx"), load, count)
    yield Contender(
        f"{name}, onnxruntime", RENDER, True, "float32", files, ("torch", "onnx", "onnxscript"), exported, count
    )


def _ours(model: str) -> Iterator[Contender]:
    """A model of this project: torch, and every graph whose inputs are one picture and vectors."""
    from pasticcio.model.folder import PREDICT as PREDICTS
    from pasticcio.model.folder import TRANSFER, Model

    found = Model.open(model)

    def torch_load(job: Job) -> Run:
        import torch

        from pasticcio.training.model_folder import load_network

        network = load_network(found.folder).to(memory_format=torch.channels_last)
        embedding = torch.rand(1, found.embedding)
        return torch_network(lambda content: network.render(content, embedding), job)

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
            functools.partial(onnxruntime_session, path), count,
        )  # fmt: skip
        for precision, still in itertools.product(
            ("int8",) if own == "int8" else ("float32", "bfloat16"), (False, True)
        ):
            load = functools.partial(openvino_request, path, precision, still)
            kind = f"OpenVINO {precision}" + (" compiled for the size" if still else "")
            yield Contender(f"{label}, {kind}", task, False, precision, (path,), ("openvino", "onnx"), load, count)


def _peaks() -> Iterator[Contender]:
    """Products of square matrices, as fast as each library computes them here."""
    for precision in ("float32", "bfloat16"):
        yield Contender(
            f"torch.mm, {precision}", PEAK, False, precision, (), ("torch",), functools.partial(torch_peak, precision)
        )
    yield Contender("numpy matmul, float32", PEAK, False, "float32", (), (), numpy_peak)
    yield Contender("onnxruntime MatMulInteger, int8", PEAK, False, "int8", (), ("onnx",), integer_peak)


def check(output: Any, contender: Contender, job: Job) -> None:
    """Check that an output is finite and has the size of the input.

    Raises:
        ValueError: it is not, or has another.
    """
    values = np.asarray(output)
    if not np.isfinite(values).all():
        raise ValueError("the output is not finite")
    size = job.batch * 3 * job.height * job.width
    if contender.task == RENDER and math.prod(values.shape) != size:
        raise ValueError(f"the output has shape {values.shape}")
