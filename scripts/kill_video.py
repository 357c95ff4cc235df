"""Kill `pasticcio video` at random moments, resume it, and compare the outputs with that of an unbroken run.

    python scripts/kill_video.py [--kills 20] [--frames 500] [--seed 0]

The clip has sound, subtitles and chapters, its rate varies, and its camera moves, so that each frame depends on the
last. After a kill there must be no output under its own name, or all of it; after `--resume` the frames, their times,
and the packets of sound and subtitles must be those of the unbroken run, and nothing else may be left beside the
output. Every second kill comes after a part of the clip is finished. A run that ends before its kill is counted apart.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from pasticcio.video.convert import PART
from pasticcio.video.parts import LIST, folder_of

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from clips import make_clip, scene, see  # type: ignore[import-not-found]  # of the tests

SIZE = 24, 32  # of the frames, height and width
STARTS = 5  # for each kill, at most
KILLED, ENDED = "killed", "ended"


def make_source(path: Path, count: int) -> Path:
    """A clip with all that one may have, whose camera goes to and fro."""
    moving = scene(60, SIZE, 1)
    frames = [moving[min(number % 118, 118 - number % 118)] for number in range(count)]
    ticks = [2 * number + number % 3 // 2 for number in range(count)]  # a variable rate
    end = count / 25
    return Path(
        make_clip(
            path, frames, ticks, rate=50, sound="aac", subtitles=[(0.1, "Hello"), (end / 2, "again")],
            chapters=[(0, "One"), (end / 3, "Two")],
        )
    )  # fmt: skip


def start(source: Path, out: Path) -> subprocess.Popen[bytes]:
    """The command, which goes on from the parts that there are."""
    command = [
        sys.executable, "-m", "pasticcio", "video", str(source), "-s", "dance", "-o", str(out), "--fast", "--resume",
        "--runtime", "onnxruntime",
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def killed(source: Path, out: Path, after: float, part: bool) -> str:
    """Kill the command that many seconds after its start, or after its first part is finished.

    Returns:
        KILLED, or ENDED where it had ended.
    """
    process = start(source, out)
    while part and process.poll() is None and not (folder_of(out) / LIST).exists():
        time.sleep(0.01)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        os.kill(process.pid, signal.SIGKILL)
    return KILLED if process.wait() == -signal.SIGKILL else ENDED


def differences(one: Any, other: Any) -> list[str]:
    """What of two clips differs."""
    kinds = "times", "packets", "starts", "chapters", "duration"
    found = [kind for kind in kinds if getattr(one, kind) != getattr(other, kind)]
    same = len(one.frames) == len(other.frames) and all(map(_equal, one.frames, other.frames))
    return found if same else ["frames", *found]


def _equal(one: Any, other: Any) -> bool:
    return bool((one == other).all())


def torture(kills: int, frames: int, seed: int) -> tuple[Counter[str], list[str]]:
    """Kill and resume so often.

    Returns:
        How many were killed, with how many parts, and how many had ended; and what was wrong.
    """
    draw, counts, wrong = random.Random(seed), Counter[str](), list[str]()
    with tempfile.TemporaryDirectory() as name:
        source = make_source(Path(name, "in.mp4"), frames)
        begun = time.monotonic()
        if start(source, Path(name, "whole.mp4")).wait():
            return counts, ["the unbroken run failed"]
        length, whole = time.monotonic() - begun, see(Path(name, "whole.mp4"))
        tries = 0
        while counts[KILLED] < kills and tries < STARTS * kills:
            tries += 1
            folder = Path(name, str(tries))
            folder.mkdir()
            out = folder / "out.mp4"
            part = bool(tries % 2) and frames > PART
            counts[what := killed(source, out, draw.uniform(0.0, 0.5 if part else 1.0) * length, part)] += 1
            if what == KILLED:
                counts["with finished parts"] += (folder_of(out) / LIST).exists()
                if out.exists() and differences(see(out), whole):
                    wrong.append(f"kill {tries}: there is half an output")
                if code := start(source, out).wait():
                    wrong.append(f"kill {tries}: exit code {code}")
                    continue
            if apart := differences(see(out), whole):
                wrong.append(f"{what} {tries}: other {', '.join(apart)}")
            if (left := sorted(os.listdir(folder))) != [out.name]:
                wrong.append(f"{what} {tries}: left are {left}")
    if counts[KILLED] < kills:
        wrong.append(f"only {counts[KILLED]} of {kills} kills came before the run was over")
    return counts, wrong


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--frames", type=int, default=500, help=f"of the clip; a part has {PART}")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts, wrong = torture(given.kills, given.frames, given.seed)
    for line in wrong:
        print(line)
    print(", ".join(f"{count} {what}" for what, count in counts.items()) + f", {len(wrong)} faults")
    return int(bool(wrong))


if __name__ == "__main__":
    sys.exit(main())
