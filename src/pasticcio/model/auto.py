"""The runtime "auto": the fastest that is installed, by a measurement that is made once and kept.

Nothing is measured where only onnxruntime is installed. Otherwise each runtime renders a picture of 256 x 256 pixels
several times, in turn, so that other load on the machine slows all of them; the shortest time of each counts. The
times are kept in the cache folder, for the same model, versions, CPU and number of threads.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pasticcio.cache import keep_table, load_table
from pasticcio.errors import PasticcioError
from pasticcio.model.folder import Model
from pasticcio.model.machine import cores, cpu_name
from pasticcio.model.names import ONNXRUNTIME, OPENVINO
from pasticcio.model.package import is_installed, version

FILE = "runtimes.json"
MOST_KEPT = 64  # measurements that are kept
CANDIDATES = ONNXRUNTIME, OPENVINO  # both compute in float32: a less precise runtime must be asked for by name
ROUNDS = 5
MARGIN = 0.97  # OpenVINO, which loads more slowly, must be 3% faster than onnxruntime to be chosen

Trial = Callable[[str], Callable[[], object]]


@dataclass(frozen=True)
class Choice:
    """The runtime that was chosen.

    Attributes:
        runtime: its name.
        milliseconds: the time of each runtime for a picture of 256 x 256; empty where nothing was measured.
        kept: whether the times were measured in an earlier run.
        why: the reason, for people.
    """

    runtime: str
    milliseconds: dict[str, float]
    kept: bool
    why: str


def choose(
    model: Model,
    threads: int | None,
    trial: Trial,
    *,
    candidates: Sequence[str] | None = None,
    most_kept: int = MOST_KEPT,
    clock: Callable[[], float] = time.perf_counter,
) -> Choice:
    """The fastest runtime for a model on this machine.

    Args:
        model: the model.
        threads: for the networks; None for one per core.
        trial: given a runtime's name, loads it and returns a function that renders one picture; raises
            PasticcioError where the runtime cannot.
        candidates: runtimes to choose from, onnxruntime among them; by default those that are installed.
        most_kept: number of measurements that are kept; the oldest give way.
        clock: returns seconds.
    """
    if candidates is None:
        candidates = [runtime for runtime in CANDIDATES if is_installed(runtime)]
    if len(candidates) == 1:
        return Choice(candidates[0], {}, kept=False, why="it is the only one installed")
    key = _key(model, threads, candidates)
    table = load_table(FILE)
    found = _valid(table.get(key), candidates)
    kept = found is not None
    if found is None:
        found = measure(candidates, trial, clock)
        table.pop(key, None)
        newest = list(table.items())[-(most_kept - 1) :] if most_kept > 1 else []
        keep_table(dict([*newest, (key, found)]), FILE)
    return _fastest(found, kept)


def measure(
    candidates: Sequence[str], trial: Trial, clock: Callable[[], float] = time.perf_counter
) -> dict[str, float]:
    """The milliseconds that each runtime takes for a picture; a runtime that cannot render is left out.

    Args:
        candidates, trial, clock: see `choose`.

    Raises:
        PasticcioError: onnxruntime cannot render.
    """
    renders = {}
    for runtime in candidates:
        try:
            render = trial(runtime)
            render()  # the first picture takes longer
        except PasticcioError:
            if runtime == ONNXRUNTIME:
                raise
            continue
        renders[runtime] = render
    times: dict[str, list[float]] = {runtime: [] for runtime in renders}
    for _ in range(ROUNDS):
        for runtime, render in renders.items():
            render()  # not timed: threads of the runtime before still take the CPU for a moment
            begun = clock()
            render()
            times[runtime].append(clock() - begun)
    return {runtime: round(1e3 * min(seconds), 2) for runtime, seconds in times.items()}


def _fastest(milliseconds: dict[str, float], kept: bool) -> Choice:
    limits = {name: value * (MARGIN if name == ONNXRUNTIME else 1.0) for name, value in milliseconds.items()}
    runtime = min(limits, key=lambda name: limits[name])
    said = ", ".join(f"{name} {value:.1f} ms" for name, value in milliseconds.items())
    why = f"fastest at 256 pixels: {said}; {'kept' if kept else 'measured now'}"
    return Choice(runtime, milliseconds, kept, why)


def _valid(found: object, candidates: Sequence[str]) -> dict[str, float] | None:
    """What the cache holds, if `measure` can have returned it for these candidates."""
    if not isinstance(found, dict) or not found or not set(found) <= set(candidates) or ONNXRUNTIME not in found:
        return None
    if not all(isinstance(value, (int, float)) and value > 0 for value in found.values()):
        return None
    return {str(name): float(value) for name, value in found.items()}


def _key(model: Model, threads: int | None, candidates: Sequence[str]) -> str:
    """A name for everything that the times depend on."""
    graph = model.transfer.stat()
    parts = [model.fingerprint, str(graph.st_size), cpu_name(), f"{cores()} cores", f"threads {threads or 'all'}"]
    parts += [f"{name} {version(name)}" for name in candidates]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:24]
