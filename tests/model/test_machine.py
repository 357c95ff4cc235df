import os

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
