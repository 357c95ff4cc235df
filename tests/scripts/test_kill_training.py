"""A short run of `scripts/kill_training.py`."""

import os
import subprocess
import sys

import pytest

from conftest import ROOT

if not hasattr(os, "fork"):
    pytest.skip("needs forks", allow_module_level=True)


def test_a_killed_process_costs_nothing_but_time():
    """In a process of its own: forks of this one, which has threads, may wait forever for a lock that one held."""
    script = ROOT / "scripts" / "kill_training.py"
    command = [sys.executable, script, "--kills", "1", "--steps", "8", "--seed", "1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "kill 1: at step " in done.stdout
    assert "every run has the losses and weights of the unbroken one" in done.stdout
