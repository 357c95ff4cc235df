import os
import subprocess
import sys

import pytest

from pasticcio.model.machine import ControlGroup, available, cores, cpu_name


def test_there_is_some_memory():
    assert 1 << 26 < available() < 1 << 44


def test_the_limit_of_a_container_counts(tmp_path):
    for name, text in (
        ("memory.max", "3000000"),
        ("memory.current", "2500000"),
        ("memory.stat", "anon 2000000\ninactive_file 500000\n"),
    ):
        (tmp_path / name).write_text(text)
    group = ControlGroup(str(tmp_path), "memory.max", "memory.current", "inactive_file")
    assert available([group]) == 1_000_000
    (tmp_path / "memory.current").write_text("9000000")
    assert available([group]) == 0
    (tmp_path / "memory.max").write_text("max\n")
    assert available([group]) > 1 << 26


def test_the_processor_has_a_name_and_cores():
    assert cpu_name()
    assert 1 <= cores() <= os.cpu_count()


def test_the_limits_of_groups_within_groups_count(tmp_path):
    own, mounted = tmp_path / "own", tmp_path / "cgroup"
    inner = mounted / "user" / "job"
    inner.mkdir(parents=True)
    own.mkdir()
    (own / "cgroup").write_text("5:cpu:/other\n0::/user/job\n")
    group = ControlGroup(str(mounted), "memory.max", "memory.current", "inactive_file")
    for folder, most in ((mounted, "max"), (mounted / "user", "5000000"), (inner, "9000000")):
        (folder / "memory.max").write_text(most)
        (folder / "memory.current").write_text("3000000")
        (folder / "memory.stat").write_text("inactive_file 0\n")
    assert available([group], str(own)) == 2_000_000
    (own / "cgroup").write_text("4:memory,cpu:/user/job\n")  # version 1
    assert available([group], str(own)) == 2_000_000
    (own / "cgroup").write_text("0::/host/only\n")  # a container sees its group's path outside
    assert available([group], str(own)) > 1 << 26


@pytest.mark.parametrize("limit", ["RLIMIT_AS", "RLIMIT_DATA"])
def test_the_limits_of_the_process_count(limit):
    script = (
        "import resource; from pasticcio.model.machine import available;"
        f"resource.setrlimit(resource.{limit}, (700 << 20, 700 << 20)); print(available())"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert 1 << 20 < int(done.stdout) < 700 << 20
