"""A short run of `scripts/kill_training.py`."""

import os

import pytest

if not hasattr(os, "fork"):
    pytest.skip("needs forks", allow_module_level=True)

import kill_training


def test_a_killed_process_costs_nothing_but_time():
    assert kill_training.torture(kills=1, steps=8, seed=1) == []
