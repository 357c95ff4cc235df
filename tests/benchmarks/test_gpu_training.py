"""A short run of benchmarks/gpu_training.py."""

import subprocess
import sys

from conftest import ROOT


def test_small_networks_are_timed_where_there_is_no_gpu():
    command = [sys.executable, ROOT / "benchmarks" / "gpu_training.py", "--tiny", "--eager"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    rows = [line.split("|") for line in done.stdout.splitlines() if line.startswith("| 32")]
    assert [row[3].strip() for row in rows] == ["float32", "bf16"]
    assert all(float(row[5]) > 0 for row in rows), done.stdout
