"""Processes that are killed, and pictures that kill them."""

import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from pasticcio.dataset import local
from pasticcio.dataset.source import Item
from pasticcio.dataset.work import Look, Result, Task
from pasticcio.errors import DataError, ModelError
from pasticcio.image.listing import Entry


class Double:
    """In the place of a `Renderer`: it says which process it is, and does what its tasks' names say."""

    def __init__(self, model, look):
        if model == "never":
            os._exit(3)
        if model == "none":
            raise ModelError("there is no such model")

    def __call__(self, task):
        if task.name == "deadly" or (task.name == "once" and not _there(task)):
            os.kill(os.getpid(), signal.SIGKILL)
        if task.name == "slow":
            time.sleep(0.2)
        return Result(task, str(os.getpid()).encode())


def _there(task):
    """Whether a file was there; it is now."""
    path = task.item.picture.path
    there = path.exists()
    path.touch()
    return there


@pytest.fixture
def run(monkeypatch, tmp_path):
    monkeypatch.setattr(local, "Renderer", Double)
    monkeypatch.setattr(local, "_work", double_work)

    def results(names, workers=2, model="double"):
        tasks = (
            Task(number, 0, name, Item(name, Entry(tmp_path / f"{number}")), "", np.zeros(1), 1.0, 0)
            for number, name in enumerate(names)
        )
        return local.in_processes(tasks, model, Look(), workers)

    return results


REAL_WORK = local._work


def double_work(pipe, model, look):
    """`_work` in a new process, with the double."""
    local.Renderer = Double
    REAL_WORK(pipe, model, look)


def test_results_come_in_the_order_of_the_tasks_from_several_processes(run):
    names = ["slow", *"abcdef", "slow"]
    results = list(run(names))
    assert [result.task.name for result in results] == names
    assert len({result.data for result in results}) == 2


def test_the_tasks_of_a_process_that_is_killed_are_done_by_another(run):
    names = ["a", "once", "b", "c", "once", "d"]
    results = list(run(names))
    assert [result.task.name for result in results] == names
    assert not any(result.error for result in results)


def test_a_picture_that_ends_two_processes_is_given_up(run):
    names = ["a", "deadly", "b", "c"]
    results = list(run(names, workers=1))
    assert [result.task.name for result in results] == names
    assert [bool(result.error) for result in results] == [False, True, False, False]
    assert results[1].error.endswith("1 ended 2 processes (exit code -9)")


def test_processes_that_never_begin_end_the_run(run, monkeypatch):
    monkeypatch.setattr(local, "STARTS", 2)
    with pytest.raises(DataError, match=r"ended before they could render \(exit code 3\)"):
        list(run(["a"], workers=1, model="never"))
    with pytest.raises(ModelError, match="no such model"):
        list(run(["a"], workers=1, model="none"))


def test_few_results_wait_and_processes_end_with_the_reader(run, monkeypatch):
    monkeypatch.setattr(local, "WINDOW", 3)
    taken = []
    names = (taken.append(number) or "a" for number in range(1000))
    results = run(names)
    for _ in range(5):
        next(results)
    assert len(taken) <= 5 + 2 * 3
    assert multiprocessing.active_children()
    results.close()
    assert not multiprocessing.active_children()
