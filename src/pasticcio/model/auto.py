"""The runtime "auto": the fastest that is installed, by a measurement on first use that is kept.

Where onnxruntime is alone nothing is measured. Else each runtime renders a 256-pixel picture, in turn, so that
whatever else the machine does falls on all alike; the least time of each counts. It takes two to four seconds,
nearly all of them OpenVINO's import and compilation. What was found is kept in the cache folder for the same
model, versions, CPU and number of threads.
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from pasticcio.cache import keep_table, load_table
from pasticcio.errors import PasticcioError
from pasticcio.model.folder import Model
from pasticcio.model.sessions import ONNXRUNTIME, OPENVINO, is_installed

FILE = "runtimes.json"
MOST = 64  # choices that are kept
CANDIDATES = ONNXRUNTIME, OPENVINO  # float32 alone: what changes pictures is asked for by name
ROUNDS = 5
MARGIN = 0.97  # of onnxruntime's time, which starts in a tenth of OpenVINO's

Trial = Callable[[str], Callable[[], object]]


@dataclass(frozen=True)
class Choice:
    """Which runtime "auto" stands for.

    Attributes:
        runtime: its name.
        milliseconds: that each runtime took for a picture of 256 x 256; empty where there was none to choose from.
        kept: whether they were measured in an earlier run.
        why: for people.
    """

    runtime: str
    milliseconds: dict[str, float]
    kept: bool
    why: str


def choose(model: Model, threads: int | None, trial: Trial) -> Choice:
    """The fastest runtime for a model on this machine.

    Args:
        model: the model.
        threads: for the networks; None for one per core.
        trial: of a runtime's name, loads it and returns a function that renders one picture; raises
            PasticcioError where the runtime cannot.
    """
    candidates = [runtime for runtime in CANDIDATES if is_installed(runtime)]
    if len(candidates) == 1:
        return Choice(ONNXRUNTIME, {}, False, "it is the only one installed")
    key = _key(model, threads, candidates)
    table = load_table(FILE)
    found = _valid(table.get(key), candidates)
    kept = found is not None
    if found is None:
        found = measure(candidates, trial)
        table.pop(key, None)
        keep_table(dict([*list(table.items())[1 - MOST :], (key, found)]), FILE)
    return _fastest(found, kept)


def measure(candidates: list[str], trial: Trial) -> dict[str, float]:
    """Milliseconds of every runtime that can render at all, in turn; the least of several rounds."""
    renders = {}
    for runtime in candidates:
        try:
            render = trial(runtime)
            render()  # the first is slower
        except PasticcioError:
            if runtime == ONNXRUNTIME:
                raise
            continue
        renders[runtime] = render
    times: dict[str, list[float]] = {runtime: [] for runtime in renders}
    for _ in range(ROUNDS):
        for runtime, render in renders.items():
            render()  # threads of the one before still spin for a while
            begun = time.perf_counter()
            render()
            times[runtime].append(time.perf_counter() - begun)
    return {runtime: round(1e3 * min(seconds), 2) for runtime, seconds in times.items()}


def _fastest(milliseconds: dict[str, float], kept: bool) -> Choice:
    limits = {name: value * (MARGIN if name == ONNXRUNTIME else 1.0) for name, value in milliseconds.items()}
    runtime = min(limits, key=lambda name: limits[name])
    said = ", ".join(f"{name} {value:.1f} ms" for name, value in milliseconds.items())
    return Choice(runtime, milliseconds, kept, f"fastest at 256 pixels: {said}; {'kept' if kept else 'measured now'}")


def _valid(found: object, candidates: list[str]) -> dict[str, float] | None:
    """What the cache holds, if it is what `measure` returns."""
    if not isinstance(found, dict) or not found or not set(found) <= set(candidates) or ONNXRUNTIME not in found:
        return None
    if not all(isinstance(value, (int, float)) and value > 0 for value in found.values()):
        return None
    return {str(name): float(value) for name, value in found.items()}


def _key(model: Model, threads: int | None, candidates: list[str]) -> str:
    graph = model.transfer.stat()
    parts = [model.fingerprint, str(graph.st_size), cpu_name(), f"{cores()} cores", f"threads {threads or 'all'}"]
    parts += [f"{name} {version(name)}" for name in candidates]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]


@cache
def version(package: str) -> str:
    """Of an installed package; empty where it does not say."""
    import importlib.metadata

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def cpu_name() -> str:
    """The CPU's name, for people and for keys."""
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    import platform

    return platform.processor() or platform.machine()
