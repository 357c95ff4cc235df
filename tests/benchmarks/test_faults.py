"""The short form of benchmarks/faults.py: every task is killed, and its next start ends well."""

import os
import subprocess
import sys

import pytest

from conftest import ROOT

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")


def test_killed_work_leaves_nothing_half_written():
    command = [sys.executable, ROOT / "benchmarks" / "faults.py", "folder", "train", "download", "table", "map"]
    done = subprocess.run([*command, "--kills", "2", "--renames", "1"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    rows = [line for line in done.stdout.splitlines() if line.endswith("| 0 |")]
    assert len(rows) == 5


def test_killed_quantization_leaves_a_model_that_is_whole_or_refused(model_folder):
    command = [sys.executable, ROOT / "benchmarks" / "faults.py", "quantize", "--kills", "1", "--renames", "1"]
    command += ["--model", model_folder]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| quantize | 1 | 1 |" in done.stdout
