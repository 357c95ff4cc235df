"""How long the command line takes to start, and what takes the time.

    python benchmarks/cold_start.py [--runs 9]

The first table has the wall-clock time of whole processes in turns (median and minimum): `--help`, and `stylize` of
a photo of 512 x 512 pixels (scikit-image's astronaut, style coffee, JPEG to JPEG), without and with the embedding
in the cache. The other tables split up the second command: milliseconds of imports, measured by `-X importtime`, which
itself takes time, and of each step, in a process of its own. Steps overlap, so their sum is more than the whole.
"""

from __future__ import annotations

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from skimage import data

IMPORTS = ("typer", "rich", "pydantic", "numpy", "PIL", "onnxruntime", "pasticcio")
STEPS = """
import sys, time
from concurrent.futures import ThreadPoolExecutor
import numpy, onnxruntime, PIL.Image
from pasticcio.image.read import read_picture
from pasticcio.image.write import save_picture
from pasticcio.render.stylizer import Stylizer
photo, style, out = sys.argv[1:]
laps = []
def lap(name, begun):
    laps.append((name, 1e3 * (time.perf_counter() - begun)))
begun = time.perf_counter(); picture = read_picture(photo); lap("decode", begun)
stylizer = Stylizer()
for graph in ("predict", "transfer"):
    begun = time.perf_counter()
    onnxruntime.InferenceSession(str(getattr(stylizer.model, graph)), providers=["CPUExecutionProvider"])
    lap(f"load {graph}.onnx", begun)
begun = time.perf_counter(); stylizer.embed(style, side=512); lap("embed (with its loading)", begun)
begun = time.perf_counter(); painted = stylizer.paint(picture, style); lap("render, first (with its loading)", begun)
begun = time.perf_counter(); stylizer.paint(picture, style); lap("render, second", begun)
begun = time.perf_counter(); save_picture(painted, out); lap("encode", begun)
for name, took in laps:
    print(f"{name}|{took:.1f}")
"""


def wall(arguments: list[str], environment: dict[str, str]) -> float:
    """Wall-clock seconds of a process."""
    begun = time.perf_counter()
    subprocess.run([sys.executable, *arguments], env=environment, check=True, capture_output=True)
    return time.perf_counter() - begun


def import_milliseconds(arguments: list[str], environment: dict[str, str]) -> dict[str, float]:
    """Milliseconds of the modules of each package, without the modules that these import."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], env=environment, check=True, capture_output=True, text=True
    )
    sums = dict.fromkeys([*IMPORTS, "everything else"], 0.0)
    for own, name in re.findall(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)", done.stderr):
        package = name.split(".")[0]
        package = {"pydantic_core": "pydantic", "annotated_types": "pydantic", "typing_inspection": "pydantic"}.get(
            package, package
        )
        sums[package if package in sums else "everything else"] += int(own) / 1e3
    return sums


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        photo, style, out = (str(Path(folder, name)) for name in ("photo.jpg", "style.jpg", "out.jpg"))
        Image.fromarray(data.astronaut()).save(photo, quality=92)
        Image.fromarray(data.coffee()).save(style, quality=92)
        base = {**os.environ, "XDG_CACHE_HOME": folder, "PASTICCIO_RUNTIME": "onnxruntime"}
        base.pop("PYTHONDONTWRITEBYTECODE", None)  # packages installed by pip have bytecode
        off, on = {**base, "PASTICCIO_CACHE": "0"}, {**base, "PASTICCIO_CACHE": "1"}
        stylize = ["-m", "pasticcio", "stylize", photo, "-s", style, "-o", out]
        commands = {
            "python -c pass": (["-c", "pass"], off),
            "pasticcio --help": (["-m", "pasticcio", "--help"], off),
            "pasticcio stylize, style never seen": (stylize, off),
            "pasticcio stylize, embedding kept": (stylize, on),
        }
        times: dict[str, list[float]] = {name: [] for name in commands}
        for turn in range(runs + 1):
            for name, (arguments, environment) in commands.items():
                took = wall(arguments, environment)
                if turn:
                    times[name].append(1e3 * took)
        print("| command | median ms | least |\n|---|---|---|")
        for name, found in times.items():
            print(f"| {name} | {statistics.median(found):.0f} | {min(found):.0f} |")
        print("\n| imports, own ms | --help | stylize |\n|---|---|---|")
        of_help = import_milliseconds(["-m", "pasticcio", "--help"], off)
        of_stylize = import_milliseconds(stylize, off)
        for name in of_help:
            print(f"| {name} | {of_help[name]:.0f} | {of_stylize[name]:.0f} |")
        steps = subprocess.run(
            [sys.executable, "-c", STEPS, photo, style, out], env=off, check=True, capture_output=True, text=True
        )
        print("\n| step | ms |\n|---|---|")
        for line in steps.stdout.splitlines():
            print("| {} | {} |".format(*line.split("|")))


if __name__ == "__main__":
    main()
