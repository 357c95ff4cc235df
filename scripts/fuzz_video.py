"""Fuzzing of clips: changed clips and animations must end in one line of error, or in a whole output.

    python scripts/fuzz_video.py [--inputs 1000] [--seconds 60] [--seed 0] [--failures fuzz-failures]

Prints inputs, outputs, errors and failures. Each input is written to the folder of failures before it is read, and
removed where it is no failure: one that ends the process stays too.
"""

from __future__ import annotations

import argparse
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from PIL import Image

from pasticcio.errors import PasticcioError
from pasticcio.video.convert import Made, Request, convert
from pasticcio.video.looks import Look, constant
from pasticcio.video.reading import read_frames
from pasticcio.video.steady import Steadiness

sys.path.insert(0, str(Path(__file__).parent))
sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))
from fuzz import mutate

from clips import make_clip, scene  # type: ignore[import-not-found]  # of the tests


def seeds(folder: Path) -> list[tuple[str, bytes]]:
    """Suffixes and bytes of clips and animations, made by code."""
    frames = scene(5)
    made = [
        make_clip(folder / "a.mp4", frames, sound="aac", chapters=[(0, "One"), (0.1, "Two")]),
        make_clip(folder / "b.mkv", frames, range(50, 55), sound="libmp3lame", subtitles=[(0.1, "Hello")]),
        make_clip(folder / "c.ts", frames, sound="mp2"),
        make_clip(folder / "d.webm", frames, codec="libvpx-vp9", form="yuva420p"),
        make_clip(folder / "e.avi", frames, codec="mpeg4"),
        make_clip(folder / "g.mkv", frames, form="yuv420p10le"),
    ]
    first, *others = map(Image.fromarray, frames)
    for suffix in (".gif", ".webp", ".png"):
        first.save(folder / f"f{suffix}", save_all=True, append_images=others, duration=40, loop=2)
        made.append(folder / f"f{suffix}")
    return [(path.suffix, path.read_bytes()) for path in made]


def outcome(source: Path, folder: Path, suffix: str) -> str:
    """What became of an input: "output", "error", or what is wrong."""
    out = folder / f"out{suffix}"
    request = Request(source, out, steadiness=Steadiness(anchor=False, carry=0))
    try:
        made = convert(request, lambda size: Made(constant(Look(lambda frame, *masks: frame))))
        if suffix == ".mkv" and (count := sum(1 for _ in read_frames(out))) != made.frames:
            return f"{count} frames are in the output, not {made.frames}"
        return "output"
    except PasticcioError as error:
        return "error" if "\n" not in str(error) and not out.exists() else f"{error!r}, with an output or more lines"
    except Exception as error:
        return repr(error)


def fuzz(inputs: int, seconds: float, seed: int, failures: Path) -> Counter[str]:
    """Try so many inputs, for so long; failures are printed.

    Returns:
        The number of outputs, errors and failures: "output", "error", "failure".
    """
    draw, counts, until = random.Random(seed), Counter[str](), time.monotonic() + seconds
    failures.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        clips = seeds(Path(name))
        while counts.total() < inputs and time.monotonic() < until:
            suffix, data = draw.choice(clips)
            source = failures / f"{seed}-{counts.total():06}{suffix}"
            source.write_bytes(mutate(data, draw))
            folder = Path(name, "out")
            folder.mkdir()
            found = outcome(source, folder, draw.choice((".mkv", ".png")))
            shutil.rmtree(folder)
            if found in ("output", "error"):
                source.unlink()
                counts[found] += 1
            else:
                print(f"{source}: {found}")
                counts["failure"] += 1
    return counts


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--failures", type=Path, default=Path("fuzz-failures"))
    given = parser.parse_args()
    counts = fuzz(given.inputs, given.seconds, given.seed, given.failures)
    of = ", ".join(f"{counts[kind]} {kind}s" for kind in ("output", "error", "failure"))
    print(f"{counts.total()} inputs: {of}")
    return int(bool(counts["failure"]))


if __name__ == "__main__":
    sys.exit(main())
