"""Short runs of `benchmarks/dataset.py`."""

import sys

import pytest

from conftest import ROOT


@pytest.fixture
def dataset(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import dataset

    yield dataset
    sys.modules.pop("dataset")


def test_a_table_has_a_row_for_the_loop_and_each_engine(dataset):
    table = dataset.compare(4, 32, ["threads"], [1, 2]).splitlines()
    assert [line.split("|")[1].strip().partition(",")[0] for line in table[2:]] == ["loop", "threads", "threads"]
    assert all(float(line.split("|")[2]) > 0 for line in table[2:])


def test_memory_is_told_as_the_run_goes_on(dataset):
    found = dataset.flat(8, 1, marks=2)
    assert [done for done, _, _ in found] == [4, 8]
    assert all(ours > 1 for _, ours, _ in found)
