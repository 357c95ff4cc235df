"""The speed benchmark: our networks and other people's, timed in turns in one run.

    python benchmarks/speed.py --shared ../shared --results runs/speed.json
    python benchmarks/speed.py --sizes 512 --batches 1 --methods Magenta Pasticcio
    python benchmarks/speed.py --profile

Each method runs in a process of its own with --threads threads, which is stopped between its turns so that none of its
threads spins. A turn is one untimed run (if runs are short) and several timed ones; five rounds of turns make --repeats
runs. There are fewer if they would take more than --seconds, and for methods over three times slower than the fastest
peer. A run is left out if it would take longer than --limit, extrapolated from a smaller picture, and so are batches of
more than 4.2 megapixels. Each size and batch is measured with new processes and then kept in --results; what the file
has already is not measured again.

The time is that from a picture in memory, in the layout and type that the network takes, to the output in memory. The
style is embedded beforehand. For a GPU (--device cuda) see `gpu.py`.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from contenders import PEAK, PREDICT, RENDER, Contender, contenders
from runners import Job
from speed_profile import profile
from speed_table import Cell, machine, summary, table
from worker import SHORT, Worker, work

SIZES = ("256", "384", "512", "1024", "1920x1080", "2048")
BATCHES = (1, 8)
ROUNDS = 5
LEAST = 5  # timed runs of the slowest
FAR = 3.0  # times the fastest peer's time: a method that takes longer is timed less often
MOST = 2048 * 2048  # pixels in a batch of several
STYLE_SIDE = 256


def main() -> None:
    arguments = parse()
    if arguments.worker:
        work(arguments)
        return
    if arguments.profile:
        size = pixels(arguments.sizes[0] if arguments.sizes != SIZES else "512")
        print(profile(arguments.models[0], Job(*size, 1, arguments.threads)))
        return
    if arguments.device == "cuda":
        from gpu import compare

        print(compare(arguments.shared, arguments.models[0], [pixels(size) for size in arguments.sizes]))
        return
    results: dict[str, Any] = {"machine": machine(arguments.threads), "cells": {}}
    if arguments.results and arguments.results.exists():
        results["cells"] = json.loads(arguments.results.read_text())["cells"]
    everyone = contenders(arguments.shared, arguments.models, arguments.cache)
    for task, job in jobs(arguments):
        key = title(task, job)
        if key in results["cells"]:
            continue
        chosen = [c for c in everyone if c.task in (task, PEAK) and fits(c, job) and wanted(c, arguments.methods)]
        if all(c.task == PEAK for c in chosen):
            continue
        results["cells"][key] = measure(chosen, job, results["cells"], arguments)
        if arguments.results:
            arguments.results.parent.mkdir(parents=True, exist_ok=True)
            arguments.results.write_text(json.dumps(results))
    print(results["machine"])
    for key, cell in results["cells"].items():
        print(table(key, cell))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of the shared data")
    parser.add_argument("--models", nargs="+", default=["default", "fast"], help="names or folders of our models")
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="sides of squares, or WIDTHxHEIGHT")
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--methods", nargs="+", default=[], help="only those with one of these words in their names")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeats", type=int, default=15, help="timed runs of each method")
    parser.add_argument("--seconds", type=float, default=15.0, help="for the timed runs of one method at one size")
    parser.add_argument("--limit", type=float, default=6.0, help="seconds; no run longer than that is begun")
    parser.add_argument("--cache", type=Path, default=Path("runs/speed"), help="folder for exported peers")
    parser.add_argument("--results", type=Path, help="JSON file of what is measured already")
    parser.add_argument("--profile", action="store_true", help="time by operator of our graph at the first size")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def jobs(arguments: argparse.Namespace) -> Iterator[tuple[str, Job]]:
    """What is measured, small before large."""
    yield PREDICT, Job(STYLE_SIDE, STYLE_SIDE, 1, arguments.threads)
    sizes = [(*pixels(size), batch) for batch in arguments.batches for size in arguments.sizes]
    for height, width, batch in sorted(sizes, key=lambda size: (size[2], size[0] * size[1])):
        if batch == 1 or height * width * batch <= MOST:
            yield RENDER, Job(height, width, batch, arguments.threads)


def pixels(size: str) -> tuple[int, int]:
    """Height and width of "512" or "1920x1080"."""
    width, _, height = size.partition("x")
    return int(height or width), int(width)


def title(task: str, job: Job) -> str:
    """The heading of a table."""
    what = "embedding a style" if task == PREDICT else f"batch of {job.batch}"
    return f"{job.width}x{job.height}, {what}"


def fits(contender: Contender, job: Job) -> bool:
    return contender.fixed in (0, job.width if job.width == job.height else -1)


def wanted(contender: Contender, words: list[str]) -> bool:
    return contender.task == PEAK or not words or any(word.lower() in contender.name.lower() for word in words)


def measure(chosen: list[Contender], job: Job, before: dict[str, Cell], arguments: argparse.Namespace) -> Cell:
    """Run everyone in turn on one size and batch."""
    cell: Cell = {}
    workers: list[Worker] = []
    where = title(next(c.task for c in chosen if c.task != PEAK), job)
    try:
        for contender in chosen:
            row = cell[contender.name] = {k: getattr(contender, k) for k in ("task", "peer", "precision")}
            reason = contender.missing() or too_slow(contender, job, before, arguments.limit)
            if reason:
                row["left_out"] = reason
                continue
            progress(f"{where}: {contender.name} is counted")
            try:
                row["count"] = contender.count(job) if contender.count else None
            except ValueError as error:
                row["left_out"] = str(error)
                continue
            workers.append(Worker(contender, job, arguments))
        for step in ("loaded", "warmed up"):
            for worker in list(workers):
                progress(f"{where}: {worker.contender.name} is {step}")
                try:
                    if step == "loaded":
                        worker.answer()
                    else:
                        worker.warm = worker.ask("warm")["seconds"]
                except RuntimeError as error:
                    cell[worker.contender.name]["left_out"] = str(error)
                    workers.remove(worker)
                    worker.end()
        nearest = min((w.warm for w in workers if w.contender.peer), default=math.inf)
        took: dict[str, list[list[float]]] = defaultdict(list)
        for turn in range(ROUNDS):
            progress(f"{where}: round {turn + 1} of {ROUNDS}")
            for worker in workers:
                total = runs(worker.warm, nearest, arguments.repeats, arguments.seconds)
                count = total * (turn + 1) // ROUNDS - total * turn // ROUNDS
                ask = f"run {count} {int(worker.warm < SHORT)}"
                took[worker.contender.name].append(worker.ask(ask)["figures"] if count else [])
        for worker in workers:
            cell[worker.contender.name] |= worker.ask("end") | {"idle": worker.idle}
            cell[worker.contender.name] |= summary(took[worker.contender.name])
    finally:
        for worker in workers:
            worker.end()
        progress("")
    return cell


def runs(own: float, peer: float, repeats: int, seconds: float) -> int:
    """How many timed runs there are for a method that takes `own` seconds where the fastest peer takes `peer`."""
    enough = LEAST if own > FAR * peer else int(seconds / own)
    return min(repeats, max(LEAST, enough))


def too_slow(contender: Contender, job: Job, before: dict[str, Cell], limit: float) -> str:
    """Why a run is not begun, judging by the largest of the smaller pictures."""
    area = job.height * job.width * job.batch
    for cell in reversed(before.values()):
        row = cell.get(contender.name, {})
        if row.get("area", area) >= area or contender.task == PEAK:
            continue
        seconds = row["median"] * area / row["area"]
        return f"would take {seconds:.0f} s a run" if seconds > limit else ""
    return ""


def progress(text: str) -> None:
    print(f"\r{text:<90}", end="" if text else "\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
