from pasticcio.model import machine as memory


def test_there_is_some_memory():
    assert 1 << 26 < memory.available() < 1 << 44


def test_a_containers_limit_counts(tmp_path, monkeypatch):
    for name, text in (
        ("memory.max", "3000000"),
        ("memory.current", "2500000"),
        ("memory.stat", "inactive_file 500000\n"),
    ):
        (tmp_path / name).write_text(text)
    group = (str(tmp_path), "memory.max", "memory.current", "inactive_file")
    monkeypatch.setattr(memory, "CONTROL_GROUPS", (group,))
    assert memory.available() == 1_000_000
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.available() > 1 << 26
