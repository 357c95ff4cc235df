"""Fuzzing: mutations of valid files for every reader; only the errors of `pasticcio.errors` may come out.

    python scripts/fuzz.py [TARGET ...] [--inputs 100000] [--processes 2] [--seconds 600] [--failures fuzz-failures]

Prints inputs, errors and failures of each target. Every failing input is written to the folder of failures.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import multiprocessing
import random
import signal
import sys
import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pasticcio.cli.arguments import weighted
from pasticcio.errors import ModelError, PasticcioError
from pasticcio.image.listing import find_pictures
from pasticcio.image.mask import read_mask
from pasticcio.image.read import read_picture
from pasticcio.model.config import ModelConfig
from pasticcio.model.folder import SHIPPED
from pasticcio.model.onnx_header import read_header
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.style import Style
from pasticcio.training.config import read_recipe
from pasticcio.training.pretrained import read_state

sys.path.insert(0, str(Path(__file__).parent))
import bad_pictures

SLOWEST = 10  # seconds that one input may take
ROOT = Path(__file__).parent.parent
PIECES = [
    b"\0",
    b"\xff" * 4,
    b"\x7f\xff\xff\xff",
    b"-1",
    b"NaN",
    b"1e999",
    b"[]",
    b"{}",
    b"null",
    b'"',
    b"[" * 2000,
    b"\n",
    b":",
    b"..",
]
Target = tuple[list[bytes], Callable[[bytes, Path], Any]]


def mutate(seed: bytes, draw: random.Random) -> bytes:
    """One to six changes: bytes set, flipped, cut out, doubled, or replaced by a piece that often does harm."""
    data = bytearray(seed)
    for _ in range(draw.randint(1, 6)):
        place = draw.randrange(min(len(data), draw.choice((64, 400, 1 << 30))) + 1) if data else 0
        kind = draw.randrange(6)
        if kind == 0 and place < len(data):
            data[place] = draw.randrange(256)
        elif kind == 1 and place < len(data):
            data[place] ^= 1 << draw.randrange(8)
        elif kind == 2:
            del data[place : place + draw.randint(1, 16)]
        elif kind == 3:
            data[place:place] = data[place : place + draw.randint(1, 32)]
        elif kind == 4:
            piece = draw.choice(PIECES)
            data[place : place + draw.choice((0, len(piece)))] = piece
        elif draw.random() < 0.2:
            del data[place:]
    return bytes(data)


def _on_disk(suffix: str, read: Callable[[Path], Any]) -> Callable[[bytes, Path], Any]:
    def check(data: bytes, folder: Path) -> None:
        path = folder / f"input{suffix}"
        path.write_bytes(data)
        read(path)

    return check


def _picture(data: bytes, folder: Path) -> None:
    read_picture(data, max_megapixels=4)


def _mask(data: bytes, folder: Path) -> None:
    read_mask(data, 32, 40)


def _header(data: bytes, folder: Path) -> None:
    try:
        read_header(data)
    except ValueError as error:  # as `check_graph` does
        raise ModelError(str(error)) from error


def _recipe(path: Path) -> None:
    read_recipe(path)


def _weights(path: Path) -> None:
    read_state(path)


def _words(data: bytes, folder: Path) -> None:
    weighted(data.decode("latin-1").split("\n"))


def _config(data: bytes, folder: Path) -> None:
    (folder / "config.json").write_bytes(data)
    ModelConfig.read(folder)


def targets() -> dict[str, Target]:
    """For every target its seeds, and what reads an input."""
    default = SHIPPED / "default"
    files = {name: data for name, data in bad_pictures.FILES.items() if len(data) < 6000}
    deep = [data for name, data in files.items() if name.startswith(("deep", "float", "whole", "nan"))]
    tagged = [data for name, data in files.items() if name.startswith(("exif", "profile"))]
    style = {"format": "pasticcio-style-1", "embedding": [0.5] * 8, "model": "a", "name": "b"}
    with tempfile.TemporaryDirectory() as folder:
        Style(np.full(8, 0.5, np.float32), "model", "name").save(Path(folder, "style.json"))
        styles = [Path(folder, "style.json").read_bytes(), json.dumps(style).encode()]
    head = json.dumps({"w": {"dtype": "F32", "shape": [2, 2], "data_offsets": [0, 16]}}).encode()
    gaussian = next((SHIPPED.parent.parent / "style" / "library").glob("*.npz")).read_bytes()
    return {
        "decoders": (list(files.values()), _picture),
        "exif and icc": (tagged, _picture),
        "16 bits": (deep, _picture),
        "masks": (list(files.values()), _mask),
        "styles": (styles, _on_disk(".json", Style.load)),
        "gaussians": ([gaussian], _on_disk(".npz", StyleGaussian.load)),
        "config.json": ([(default / "config.json").read_bytes()], _config),
        "onnx headers": (
            [(default / "regions.onnx").read_bytes()[-9000:], b"\x3a\x0a\x5a\x03\x0a\x01x\x0a\x03\x3a\x01y"],
            _header,
        ),
        "safetensors": ([len(head).to_bytes(8, "little") + head + bytes(16)], _on_disk(".safetensors", _weights)),
        "recipes": (
            [path.read_bytes() for path in sorted((ROOT / "recipes").glob("*.toml"))],
            _on_disk(".toml", _recipe),
        ),
        "tables": (
            [b"file,split,artist\na.jpg,train,x\nb.jpg,test,y\n"],
            _on_disk(".csv", partial(find_pictures, split="train")),
        ),
        "names and weights": ([b"dance:0.5\nkiss:0.5", b"a.jpg:1", b"c:\\x.jpg:0.1\nb"], _words),
    }


def _late(*_: Any) -> None:
    raise TimeoutError(f"more than {SLOWEST} s")


def work(job: tuple[str, int, int, float, str]) -> tuple[int, int, list[str]]:
    """Try inputs of one target: how many were tried, how many were refused, and what failed."""
    name, seed, inputs, seconds, failures = job
    seeds, check = targets()[name]
    draw, end, refused = random.Random(seed), time.monotonic() + seconds, 0
    failed: dict[str, None] = {}
    warnings.simplefilter("ignore")  # Pillow's, of damaged tags
    signal.signal(signal.SIGALRM, _late)
    tried = 0
    with tempfile.TemporaryDirectory() as folder:
        while tried < inputs and time.monotonic() < end:
            data = mutate(draw.choice(seeds), draw)
            tried += 1
            signal.alarm(SLOWEST)
            try:
                check(data, Path(folder))
            except PasticcioError:
                refused += 1
            except (Exception, RecursionError) as error:
                last = error.__traceback__
                while last and last.tb_next:
                    last = last.tb_next
                where = f"{Path(last.tb_frame.f_code.co_filename).name}:{last.tb_lineno}" if last else ""
                key = f"{type(error).__name__} at {where}: {str(error)[:100]!r}"
                if key not in failed and len(failed) < 20:
                    failed[key] = None
                    kept = Path(failures, name.replace(" ", "-"))
                    kept.mkdir(parents=True, exist_ok=True)
                    (kept / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
            finally:
                signal.alarm(0)
    return tried, refused, list(failed)


def fuzz(
    name: str, inputs: int, processes: int, seconds: float, failures: str, seed: int = 0
) -> tuple[int, int, list[str]]:
    """Try inputs of one target in several processes."""
    jobs = [(name, seed + 1000 * i, -(-inputs // processes), seconds, failures) for i in range(processes)]
    if processes == 1:
        return work(jobs[0])
    with multiprocessing.get_context("spawn").Pool(processes) as pool:
        done = pool.map(work, jobs)
    return sum(one[0] for one in done), sum(one[1] for one in done), sorted({key for one in done for key in one[2]})


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("targets", nargs="*")
    parser.add_argument("--inputs", type=int, default=100_000)
    parser.add_argument("--processes", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=600, help="of each target, at most")
    parser.add_argument("--failures", default="fuzz-failures")
    given = parser.parse_args()
    bad = 0
    for name in given.targets or targets():
        tried, refused, failed = fuzz(name, given.inputs, given.processes, given.seconds, given.failures)
        print(f"{name}: {tried} inputs, {refused} refused, {len(failed)} kinds of failure", flush=True)
        for key in failed:
            print(f"    {key}", flush=True)
        bad += len(failed)
    sys.exit(bad > 0)
