"""The engine of many machines: Ray Data, on this machine or on a cluster whose machines share the folders.

Tasks go to Ray in portions, so that a data set of any size takes the same memory here. Ray starts actors that end anew
and gives their tasks to others.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from itertools import islice
from typing import Any

import numpy as np

from pasticcio.dataset.local import DEATHS, STARTS, cores
from pasticcio.dataset.work import Look, Renderer, Result, Task
from pasticcio.errors import DataError, OptionError
from pasticcio.extras import extra

PORTION = 8192  # tasks of one Ray data set
BATCH = 4  # tasks that an actor takes at a time
READERS = 1  # cores left to Ray's own work, without which it waits for ever


def in_ray(
    tasks: Iterator[Task], model: str, look: Look, workers: int | None, address: str | None = None
) -> Iterator[Result]:
    """Render in Ray actors of one core each; results come in the order of the tasks.

    Args:
        tasks, model, look: see `in_processes`. Files and the model's folder are opened by the actors.
        workers: actors; by default one for every core of the machine, or of the cluster all but one.
        address: of a running cluster, such as "auto" or "10.0.0.1:6379"; by default Ray is started on this machine.

    Raises:
        MissingExtraError: Ray is not installed.
        OptionError: more actors than the cluster has cores for.
        DataError: Ray cannot go on, for instance because its actors cannot load the model.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")  # what later versions do, and else warn of
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")  # or its own lines come between ours
    with extra("ray", "--engine ray"):
        import ray
        import ray.data
    ours = not ray.is_initialized()
    if ours:
        _start(ray, workers, address)
    try:
        count = _actors(ray, workers)
        tally = ray.remote(num_cpus=0)(Tally).remote()
        context = ray.data.DataContext.get_current()
        context.enable_progress_bars = False
        context.execution_options.preserve_order = True
        if hasattr(context, "max_consecutive_actor_init_deaths"):  # 0 by default, in the versions that have it
            context.max_consecutive_actor_init_deaths = STARTS
        while portion := list(islice(tasks, PORTION)):
            yield from _portion(ray, portion, (Renderer, model, look, tally, os.getcwd()), count)
    finally:
        if ours:
            ray.shutdown()


def _start(ray: Any, workers: int | None, address: str | None) -> None:
    """Connect to a cluster, or start Ray here with a core for its own work besides those of the actors."""
    quiet: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR, "configure_logging": True}
    try:
        if address is None:
            here = (workers or cores()) + READERS
            ray.init("local", num_cpus=here, include_dashboard=False, **quiet)
        else:
            ray.init(address, **quiet)
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise OptionError(f"no Ray cluster at address {address}: {str(error).splitlines()[0]}") from error
    logging.getLogger("ray.data").setLevel(logging.ERROR)


def _actors(ray: Any, workers: int | None) -> int:
    there = int(ray.cluster_resources().get("CPU", 0)) - READERS
    count = workers or there
    if there < 1:
        raise OptionError(f"this Ray cluster has {there + READERS} cores, {READERS} of them for reading: add cores")
    if not 1 <= count <= there:
        raise OptionError(
            f"{count} workers are asked for; this Ray cluster has {there + READERS} cores, of which {READERS} is left "
            f"to reading: give --workers {max(1, there)} or fewer"
        )
    return count


def _portion(ray: Any, portion: list[Task], actor: tuple[Any, ...], count: int) -> Iterator[Result]:
    """One Ray data set, from tasks to results."""
    blocks = max(1, min(len(portion) // BATCH, 16 * count))
    data = ray.data.from_items([{"task": task} for task in portion], override_num_blocks=blocks)
    data = data.map_batches(
        _Actor,
        fn_constructor_args=actor,
        batch_size=BATCH,
        num_cpus=1,
        compute=ray.data.ActorPoolStrategy(size=min(count, blocks)),
    )
    try:
        for row in data.iter_rows():
            yield row["result"]
    except ray.exceptions.RayError as error:
        lines = [line for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
        raise DataError(
            f"Ray cannot go on: {lines[-1].strip()}; groups that are done stay, go on with --resume"
        ) from error


class Tally:
    """Counts, in an actor of its own, how often a picture was begun and not finished."""

    def __init__(self) -> None:
        self._begun: dict[int, int] = {}

    def begin(self, number: int) -> int:
        """How many actors ended with this task in hand."""
        before = self._begun.get(number, 0)
        self._begun[number] = before + 1
        return before

    def end(self, number: int) -> None:
        """It is finished."""
        self._begun.pop(number, None)


class _Actor:
    """A `Renderer` whose batches are columns of tasks."""

    def __init__(self, renderer: Any, model: str, look: Look, tally: Any, folder: str) -> None:
        with contextlib.suppress(OSError):  # where it is not, paths have to be absolute
            os.chdir(folder)  # that relative paths are relative to
        self._render, self._tally = renderer(model, look), tally

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        results = np.empty(len(batch["task"]), object)
        results[:] = [self._one(task) for task in batch["task"]]
        return {"result": results}

    def _one(self, task: Task) -> Result:
        import ray

        before = ray.get(self._tally.begin.remote(task.number))
        if before >= DEATHS:
            result = Result(task, error=f"{task.item.picture.name} ended {before} processes")
        else:
            result = self._render(task)
        self._tally.end.remote(task.number)
        return result
