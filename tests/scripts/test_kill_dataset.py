"""A short run of `scripts/kill_dataset.py`."""

import sys

import kill_dataset
import pytest


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc")
def test_a_killed_worker_and_a_killed_driver_lose_nothing():
    assert kill_dataset.torture("processes", kills=1, pictures=12, seed=1) == []
