"""Processes that are killed, and pictures that kill them."""

import multiprocessing

import numpy as np
import pytest

from dataset_double import Double, double_work
from pasticcio.dataset import local
from pasticcio.dataset.source import Item
from pasticcio.dataset.work import Look, Task
from pasticcio.errors import DataError, ModelError
from pasticcio.image.listing import Entry


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
