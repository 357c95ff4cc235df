"""Work that is killed at random moments: nothing half-written is taken for whole, and the next start clears up.

    python benchmarks/faults.py [--kills 50] [--renames 10] [--finish-every 5] [--seed 0] [--model FOLDER] [TASK ...]

TASK is among folder, train, export, download, table, map and quantize; by default all. Each is done unbroken, for its
time, and then begun again and again and killed with SIGKILL at a random moment of that time, until so many have been
killed before they had ended; and after that so often just before a file that is written gets its own name. After every
kill what the killed process left is looked at: whatever is there under its own name must be whole, or be refused with
an error of Pasticcio's own. After some kills the work is done to its end, and must then be complete, and no leftover be
there.

What is done is in `tasks`. The graphs of an export are traced once, see `tasks.traced`. What is quantized is a copy of
the model in FOLDER, or else a small model made for it.
"""

from __future__ import annotations

import argparse
import dataclasses
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
from tasks import TASKS, Download, Quantize, Task, Train, begin, in_fork, leftovers, visible

from pasticcio.image.write import save_image

STARTS = 10  # for each kill, at most


@dataclasses.dataclass
class Result:
    """What became of a task's kills.

    Attributes:
        kills: processes that were killed at a random moment before they had ended.
        renames: processes that were killed just before a rename.
        ended: processes that had ended before they were killed.
        leftovers: kills after which there was an unfinished file.
        faults: what was taken for whole and was not, or was left at the end.
    """

    kills: int = 0
    renames: int = 0
    ended: int = 0
    leftovers: int = 0
    faults: list[str] = dataclasses.field(default_factory=list)


def to_rename(work: Callable[[], None], number: int, count: Any) -> None:
    """Do a work up to its so-many-th rename of a file, and be killed there; all of it where it has fewer.

    Args:
        work: see `Task.work`.
        number: of the rename, from 1.
        count: a shared integer, to which the renames are added.
    """
    rename = os.replace

    def killed(*arguments: Any) -> None:
        count.value += 1
        if count.value == number:
            os.kill(os.getpid(), signal.SIGKILL)
        rename(*arguments)

    with mock.patch.object(os, "replace", killed):
        work()


def torment(task: Task, kills: int, renames: int, finish_every: int, draw: random.Random) -> Result:
    """Kill a task again and again, see the module's description."""
    result = Result()
    if not in_fork(task.work):
        result.faults.append("it fails unbroken")
        return result
    if not in_fork(task.look, True):
        result.faults.append("it is not complete unbroken")
    clear(task, draw, 1.0)
    begun, count = time.monotonic(), multiprocessing.Value("i", lock=False)
    in_fork(to_rename, task.work, 0, count)  # a second time: at first, code was compiled and graphs were traced
    seconds, last = time.monotonic() - begun, count.value
    for number in range(1, STARTS * (kills + renames)):
        if result.kills == kills and result.renames == renames:
            return result
        clear(task, draw, 0.7)
        if result.kills < kills:
            process = begin(task.work)
            process.join(draw.uniform(0.0, seconds))
            if process.exitcode is None:
                os.kill(process.pid, signal.SIGKILL)
            process.join()
            result.kills += process.exitcode == -signal.SIGKILL
        else:
            count.value = 0
            process = begin(to_rename, task.work, draw.randint(1, last), count)
            process.join()
            result.renames += process.exitcode == -signal.SIGKILL
        result.ended += process.exitcode == 0
        if process.exitcode not in (0, -signal.SIGKILL):
            result.faults.append(f"start {number} failed")
        result.leftovers += bool(leftovers(task.place))
        if not in_fork(task.look, False):
            result.faults.append(f"half-written after start {number}")
        if number % finish_every == 0 or (result.kills, result.renames) == (kills, renames):
            if not in_fork(task.work):
                result.faults.append(f"the start after start {number} failed")
            elif not in_fork(task.look, True):
                result.faults.append(f"not complete after start {number}")
            result.faults += [f"left after start {number}: {path.name}" for path in leftovers(task.place)]
    result.faults.append(f"only {result.kills} kills and {result.renames} at renames")
    return result


def clear(task: Task, draw: random.Random, share: float) -> None:
    """Remove a share of what is done, so that there is work; a model's weights and temporary files stay."""
    for path in visible(task.place):
        keep = path.name in ("model.safetensors", "config.json") or isinstance(task, Train | Download)
        if isinstance(task, Quantize):
            keep = "int8" not in path.name
        if not keep and draw.random() < share:
            path.unlink()
    if isinstance(task, Train) and (task.place / "run" / "model" / "config.json").exists():
        for path in visible(task.place / "run"):
            path.unlink()


def main(arguments: Sequence[str] | None = None) -> dict[str, Result]:
    """Torment the tasks, and print a table of what became of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("tasks", nargs="*", metavar="TASK")
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--renames", type=int, default=10)
    parser.add_argument("--finish-every", type=int, default=5)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--model", type=Path)
    asked = parser.parse_args(arguments)
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        material = Path(folder, "material")
        rng = np.random.default_rng(0)
        for kind in ("photos", "styles"):
            (material / kind).mkdir(parents=True)
            for number in range(8):
                picture = rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)
                save_image(picture, material / kind / f"{number}.png")
        if asked.model:
            shutil.copytree(asked.model, material / "model")
        print("| task | kills | at renames | had ended | with leftovers | faults |\n|---|---|---|---|---|---|")
        for name in asked.tasks or TASKS:
            task = TASKS[name](Path(folder, name), material)
            draw = random.Random(asked.seed)
            result = results[name] = torment(task, asked.kills, asked.renames, asked.finish_every, draw)
            counts = (result.kills, result.renames, result.ended, result.leftovers, len(result.faults))
            print(f"| {name} | {' | '.join(map(str, counts))} |", flush=True)
            for fault in result.faults:
                print(f"{name}: {fault}", file=sys.stderr)
    return results


if __name__ == "__main__":
    sys.exit(1 if any(result.faults for result in main().values()) else 0)
