import os
from pathlib import Path

import pytest

from pasticcio import cache
from pasticcio.cache import cache_folder, caching, keep, keep_table, load, load_table, thin
from pasticcio.training import pretrained as weights


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PASTICCIO_CACHE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pasticcio"


def test_what_is_kept_is_loaded(folder):
    assert cache_folder() == folder
    assert weights.cache_folder is cache.cache_folder
    assert load("things", "a") is None
    keep(b"one", "things", "a")
    assert load("things", "a") == b"one"
    keep(b"two", "things", "a")
    assert load("things", "a") == b"two"
    assert [path.name for path in (folder / "things").iterdir()] == ["a"]
    keep_table({"x": [1]}, "t.json")
    assert load_table("t.json") == {"x": [1]}


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b"\xff\xfe"])
def test_a_damaged_table_is_empty(content, folder):
    keep(content, "t.json")
    assert load_table("t.json") == {}


def test_a_folder_that_cannot_be_written_fails_nothing(folder):
    folder.parent.mkdir()
    folder.write_text("a file where the folder would be")
    keep(b"one", "a")
    thin(0)
    assert load("a") is None
    assert folder.read_text().startswith("a file")


def test_a_user_without_a_home_fails_nothing(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    assert cache_folder().name == "pasticcio"


@pytest.mark.parametrize("value", ["0", "", "off"])
def test_nothing_is_kept_where_it_is_turned_off(value, folder, monkeypatch):
    keep(b"one", "a")
    monkeypatch.setenv("PASTICCIO_CACHE", value)
    assert not caching()
    assert load("a") is None
    keep(b"two", "b")
    assert [path.name for path in folder.iterdir()] == ["a"]


def test_the_oldest_go_first(folder):
    for age, name in enumerate("abcde"):
        keep(name.encode(), "many", name)
        os.utime(folder / "many" / name, (age, age))
    thin(3, "many")
    assert sorted(path.name for path in (folder / "many").iterdir()) == ["c", "d", "e"]
