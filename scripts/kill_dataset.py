"""Kill the workers and the driver of data sets at random moments, and compare what comes out with an unbroken run.

    python scripts/kill_dataset.py [--kills 20] [--pictures 60] [--engine processes] [--seed 0]

A run whose worker is killed must end by itself; a run that is killed itself is resumed. Every data set must have the
shards and the manifest of the unbroken one: every picture exactly once. With --engine ray, workers are actors.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from PIL import Image


def make_pictures(folder: Path, count: int) -> None:
    """Small pictures in classes of ten."""
    rng = np.random.default_rng(0)
    for number in range(count):
        path = folder / f"{number // 10:03d}" / f"{number:05d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)).save(path)


def command(source: Path, out: Path, engine: str) -> list[str]:
    """The command that makes the data set, with two workers."""
    return [
        sys.executable, "-m", "pasticcio", "dataset", str(source), str(out), "--styles", "random",
        "--strength", "0.5,1", "--size", "64", "--as", "shards", "--shard-size", "8", "--workers", "2",
        "--engine", engine, "--resume",
    ]  # fmt: skip


def state(out: Path) -> dict[str, str]:
    """Every file of a data set with its sha256."""
    return {
        path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.suffix != ".parquet"
    }


def workers(driver: int, engine: str) -> list[int]:
    """The processes that render for a driver, by what /proc says of them."""
    wanted = "MapWorker" if engine == "ray" else "spawn_main"
    found = []
    parents = {int(path.name): path for path in Path("/proc").iterdir() if path.name.isdigit()}
    for number, path in parents.items():
        try:
            line = (path / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if wanted in line and driver in _ancestors(number):
            found.append(number)
    return sorted(found)


def _ancestors(number: int) -> list[int]:
    found = []
    while number > 1:
        try:
            number = int(Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
        found.append(number)
    return found


def run(source: Path, out: Path, engine: str, victim: str, after: float) -> tuple[int, bool]:
    """Run the command, and kill a worker or the driver some seconds after its beginning.

    Returns:
        The exit code, and whether there was something to kill.
    """
    process = subprocess.Popen(command(source, out, engine), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    killed = False
    end = time.monotonic() + after
    while process.poll() is None and time.monotonic() < end:
        time.sleep(0.01)
    while process.poll() is None and not killed:
        numbers = [process.pid] if victim == "driver" else workers(process.pid, engine)
        if numbers:
            try:
                os.kill(random.choice(numbers), signal.SIGKILL)
                killed = True
            except ProcessLookupError:
                continue
        time.sleep(0.01)
    return process.wait(), killed


def torture(engine: str, kills: int, pictures: int, seed: int) -> list[str]:
    """Kill so many workers and so many drivers; returns what was wrong."""
    random.seed(seed)
    wrong = []
    with tempfile.TemporaryDirectory() as folder:
        source, unbroken = Path(folder, "in"), Path(folder, "unbroken")
        make_pictures(source, pictures)
        begun = time.monotonic()
        subprocess.run(command(source, unbroken, engine), check=True, capture_output=True)
        length = time.monotonic() - begun
        wanted = state(unbroken)
        for victim in ("worker", "driver"):
            done, tries = 0, 0
            while done < kills and tries < 3 * kills:
                tries += 1
                out = Path(folder, f"{victim}-{tries}")
                code, killed = run(source, out, engine, victim, random.uniform(0.1, 0.95) * length)
                done += killed
                if victim == "worker" and code != 0:
                    wrong.append(f"{victim} {tries}: exit code {code}")
                if victim == "driver" and killed:
                    subprocess.run(command(source, out, engine), check=True, capture_output=True)
                if differ := set(wanted.items()) ^ set(state(out).items()):
                    wrong.append(f"{victim} {tries}: another data set: {sorted(differ)[:3]}")
            print(f"{engine}: {victim} killed {done} times in runs of {length:.1f} s", flush=True)
            if done < kills:
                wrong.append(f"{victim}: only {done} of {kills} kills came before the run was over")
    return wrong


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="of workers, and of drivers")
    parser.add_argument("--pictures", type=int, default=60)
    parser.add_argument("--engine", default="processes", choices=["processes", "ray"])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    wrong = torture(arguments.engine, arguments.kills, arguments.pictures, arguments.seed)
    for line in wrong:
        print(line)
    print("every data set is the unbroken one" if not wrong else f"{len(wrong)} faults")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
