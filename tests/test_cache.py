import os
from pathlib import Path

import numpy as np
import pytest

from pasticcio import cache
from pasticcio.cache import cache_folder, caching, keep, keep_table, load, load_table, thin
from pasticcio.render.embedder import Embedder
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
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


@pytest.fixture
def predicted(monkeypatch):
    """How often a style picture was looked at."""
    calls = []
    real = Embedder._predict
    monkeypatch.setattr(Embedder, "_predict", lambda self, *rest: calls.append(1) or real(self, *rest))
    return calls


def test_an_embedding_is_kept_by_content(folder, predicted, style_file, tmp_path, model_folder):
    first = Stylizer(model_folder).embed(style_file)
    copy = tmp_path / "copy.png"
    copy.write_bytes(style_file.read_bytes())
    again = Stylizer(model_folder).embed(copy)
    assert len(predicted) == 1
    np.testing.assert_array_equal(again.embedding, first.embedding)
    assert (first.name, again.name) == ("style.png", "copy.png")
    assert len(list((folder / "embeddings").iterdir())) == 1


def test_what_else_it_depends_on_is_told_apart(folder, predicted, style_file, photo_file, photo, model_folder):
    stylizer = Stylizer(model_folder)
    stylizer.embed(style_file)
    other = stylizer.embed(style_file, side=100)
    stylizer.embed(photo_file)
    assert len(predicted) == 3
    assert not np.array_equal(other.embedding, stylizer.embed(style_file).embedding)
    style_file.write_bytes(photo_file.read_bytes() + b" ")  # another picture of the same name
    np.testing.assert_allclose(stylizer.embed(style_file).embedding, stylizer.embed(photo_file).embedding)
    assert len(predicted) == 4
    before = len(list((folder / "embeddings").iterdir()))
    stylizer.stylize(photo, style_file, Options(colors="match"))  # recolored first
    stylizer.embed(photo)  # no file
    assert len(predicted) == 6
    assert len(list((folder / "embeddings").iterdir())) == before


@pytest.mark.parametrize("content", [b"", b"abc", np.full(6, np.nan, np.float32).tobytes()])
def test_a_damaged_embedding_is_made_anew(content, folder, predicted, style_file, model_folder):
    wanted = Stylizer(model_folder).embed(style_file).embedding
    (kept,) = (folder / "embeddings").iterdir()
    kept.write_bytes(content)
    np.testing.assert_array_equal(Stylizer(model_folder).embed(style_file).embedding, wanted)
    assert len(predicted) == 2
    assert kept.read_bytes() == wanted.tobytes()


def test_embeddings_are_bounded(folder, style_file, photo_file, model_folder, monkeypatch):
    monkeypatch.setattr("pasticcio.render.embedder.MOST_EMBEDDINGS", 2)
    for side in (64, 80, 96, 112):
        Stylizer(model_folder).embed(style_file, side=side)
    assert len(list((folder / "embeddings").iterdir())) == 2


def test_without_the_cache_a_file_is_looked_at_once_a_stylizer(predicted, style_file, model_folder):
    assert not caching()
    stylizer = Stylizer(model_folder)
    stylizer.embed(style_file)
    stylizer.embed(style_file)
    assert len(predicted) == 1
    Stylizer(model_folder).embed(style_file)
    assert len(predicted) == 2
