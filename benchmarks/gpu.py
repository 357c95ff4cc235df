"""Our models and AdaIN under torch on a GPU: `python benchmarks/speed.py --device cuda`.

The table has milliseconds and the name of the card, for float32, float16 and bfloat16 (autocast, which keeps statistics
in float32), in eager mode and compiled with CUDA graphs. It has not been run on a GPU yet.
"""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from contenders import adain_files
from methods import Adain
from torch import Tensor

from pasticcio.model.folder import Model
from pasticcio.training.model_folder import load_network

TYPES = (torch.float32, torch.float16, torch.bfloat16)
BATCHES = (1, 8)
WARM, TIMED = 10, 50


def compare(shared: Path, model: str, sizes: Sequence[tuple[int, int]]) -> str:
    """A Markdown table of each method, size, batch and type."""
    if not torch.cuda.is_available():
        sys.exit("torch finds no CUDA device here; leave out --device cuda")
    network = load_network(Model.open(model).folder).cuda().to(memory_format=torch.channels_last)
    embedding = torch.rand(1, network.config.embedding, device="cuda")
    renders: dict[str, Callable[[Tensor], Tensor]] = {
        f"Pasticcio {model}": lambda content: network.render(content, embedding)
    }
    files = adain_files(shared)
    if all(path.is_file() for path in files):
        peer = Adain(files).cuda().to(memory_format=torch.channels_last)
        style = peer.style(torch.rand(1, 3, 256, 256, device="cuda"))
        renders["AdaIN"] = lambda content: peer(content, *style)
    lines = [
        f"{torch.cuda.get_device_name()}, torch {torch.__version__}", "",
        "| method | size | batch | type | ms | compiled, ms | frames/s | peak MB |",
        "|---|---|---:|---|---:|---:|---:|---:|",
    ]  # fmt: skip
    for name, render in renders.items():
        for height, width in sizes:
            for batch in BATCHES:
                for dtype in TYPES:
                    content = torch.rand(batch, 3, height, width, device="cuda")
                    content = content.contiguous(memory_format=torch.channels_last)
                    torch.cuda.reset_peak_memory_stats()
                    plain = _median(render, content, dtype)
                    torch.compiler.reset()
                    fast = _median(torch.compile(render, mode="reduce-overhead", dynamic=False), content, dtype)
                    memory = torch.cuda.max_memory_allocated() / 1e6
                    lines.append(
                        f"| {name} | {width}x{height} | {batch} | {str(dtype).removeprefix('torch.')} | {plain:.2f} "
                        f"| {fast:.2f} | {1000 * batch / min(plain, fast):.0f} | {memory:.0f} |"
                    )
    return "\n".join(lines)


@torch.inference_mode()
def _median(render: Callable[[Tensor], Tensor], content: Tensor, dtype: torch.dtype) -> float:
    """Median milliseconds of a run."""
    took = []
    with torch.autocast("cuda", dtype, enabled=dtype != torch.float32):
        for run in range(WARM + TIMED):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            render(content)
            end.record()
            end.synchronize()
            if run >= WARM:
                took.append(begin.elapsed_time(end))
    return statistics.median(took)
