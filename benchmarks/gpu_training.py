"""Crops a second of a training on a GPU, in float32 and bf16, in eager mode and with torch.compile.

    python benchmarks/gpu_training.py [--recipe recipes/fast.toml] [--stage 9] [--batches 8,32,64] [--steps 30]
    python benchmarks/gpu_training.py --tiny

Trains the networks of a recipe's stage with its losses. Weights begin at random, the loss network's too: they do not
change the time. Pictures are drawn by code and lie on the device (`data.resident`), so that no decoding is measured.
Each row warms up, compiles where it says so, and then takes the median time of a step. --tiny takes the networks of
recipes/smoke.toml at small sizes: to see, on a CPU too, that everything runs. It has not been run on a GPU yet.
"""

from __future__ import annotations

import argparse
import dataclasses
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch

from pasticcio.errors import PasticcioError
from pasticcio.training.config import TrainConfig, read_recipe
from pasticcio.training.train import Run

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "scripts"))
from generate_pictures import generate  # noqa: E402

WARM = 5  # steps that are not timed; the first one compiles
MODES = (("float32", False), ("bf16", False), ("float32", True), ("bf16", True))
TINY = ("data.crop=32", "data.style_crop=32", "data.style_size=[32, 32]")


def stage(recipe: Path, number: int, pictures: Path, settings: Sequence[str] = ()) -> TrainConfig:
    """A stage of a recipe that begins with random weights and trains on generated pictures."""
    more = [f"data.{kind}={pictures / kind}" for kind in ("photos", "styles")]
    more += ["loss_network.weights=random", "data.resident=true", "data.procedural=0.0", "data.keep_mb=0", "cache=''"]
    config = read_recipe(recipe, [*more, *settings])[number - 1]
    return dataclasses.replace(config, start="", branch="", inception="", reuse=1)


def machine() -> str:
    """The card, or the CPU that stands in for it."""
    if torch.cuda.is_available():
        return f"{torch.cuda.get_device_name()}, torch {torch.__version__}"
    threads = torch.get_num_threads()
    return f"torch finds no CUDA device here: {threads} threads of the CPU, which say nothing about a GPU"


def step_times(config: TrainConfig, steps: int) -> Iterator[float]:
    """Seconds of every step after the first ones."""
    run = Run(dataclasses.replace(config, steps=WARM + steps))
    before = time.perf_counter()
    for number, parts in enumerate(run.parts()):
        run.advance(parts)  # reads the losses, and so waits for the device
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        now = time.perf_counter()
        if number >= WARM:
            yield now - before
        before = now


def rows(config: TrainConfig, batches: Sequence[int], modes: Sequence[tuple[str, bool]], steps: int) -> Iterator[str]:
    """The table, line by line as it is measured."""
    yield "| crop | batch | type | compiled | ms a step | crops a second | peak MB |"
    yield "|---:|---:|---|---|---:|---:|---:|"
    for batch in batches:
        for precision, compiled in modes:
            torch.compiler.reset()
            if torch.cuda.is_available():
                torch.cuda.reset_peak_memory_stats()
            one = dataclasses.replace(config, batch=batch, precision=precision, compile=compiled)
            start = f"| {config.data.crop} | {batch} | {precision} | {'yes' if compiled else 'no'} |"
            try:
                seconds = statistics.median(step_times(one, steps))
            except (PasticcioError, RuntimeError) as error:  # too little memory among them
                yield f"{start} {str(error).splitlines()[0][:60]} | | |"
                continue
            memory = f"{torch.cuda.max_memory_allocated() / 1e6:.0f}" if torch.cuda.is_available() else ""
            yield f"{start} {1000 * seconds:.1f} | {batch / seconds:.0f} | {memory} |"


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--recipe", type=Path, default=ROOT / "recipes" / "fast.toml")
    parser.add_argument("--stage", type=int, default=9)
    parser.add_argument("--batches", default="8,32,64")
    parser.add_argument("--steps", type=int, default=30, help="timed, of each row")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--eager", action="store_true", help="leave out torch.compile")
    arguments = parser.parse_args(given)
    if not torch.cuda.is_available() and not arguments.tiny:
        sys.exit("torch finds no CUDA device here; --tiny runs small networks on the CPU, to see that they run")
    modes = [mode for mode in MODES if not (arguments.eager and mode[1])]
    batches = [2] if arguments.tiny else [int(batch) for batch in arguments.batches.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        count, side = (4, 64) if arguments.tiny else (64, 512)
        generate(Path(folder), count=count, side=side)
        if arguments.tiny:
            config = stage(ROOT / "recipes" / "smoke.toml", 1, Path(folder), TINY)
        else:
            config = stage(arguments.recipe, arguments.stage, Path(folder))
        print(f"{machine()}\n")
        for line in rows(config, batches, modes, min(arguments.steps, 2) if arguments.tiny else arguments.steps):
            print(line, flush=True)


if __name__ == "__main__":
    main()
