"""Whether memory stays flat over many renders.

    python benchmarks/memory.py [--renders 10000] [--warm 500]

Photos of 40 different sizes are rendered in turn, with masks, tiles and strengths among them. The resident memory after
the first renders, in which buffers grow, is compared with that at the end.
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer

SIZES = [(48 + 4 * (i % 8), 64 + 8 * (i % 5)) for i in range(40)]


def main(arguments: Sequence[str] | None = None) -> tuple[int, int]:
    """Render, and print the resident memory; returns it after the first renders and at the end, in bytes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--renders", type=int, default=10_000)
    parser.add_argument("--warm", type=int, default=500)
    asked = parser.parse_args(arguments)
    stylizer, rng = Stylizer(threads=1, runtime="onnxruntime"), np.random.default_rng(0)
    first = 0
    for number in range(asked.renders):
        if number == asked.warm:
            first = resident()
        height, width = SIZES[number % len(SIZES)]
        photo = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        options = (
            Options(),
            Options(strength=0.5),
            Options(mask=np.full((height, width), 200, np.uint8)),
            Options(tile=64),
        )[number % 4]
        stylizer.stylize(photo, "dance" if number % 2 else photo[::-1], options)
    last = resident()
    print(f"{asked.renders} renders: {first >> 10} KiB resident after {asked.warm}, {last >> 10} KiB at the end")
    return first, last


def resident() -> int:
    """Bytes of this process in memory, after everything that is free was given back."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096


if __name__ == "__main__":
    main()
