"""What the embedder keeps in the cache folder."""

import numpy as np
import pytest

from pasticcio.cache import caching
from pasticcio.render.embedder import Embedder
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer


@pytest.fixture
def folder(monkeypatch, tmp_path):
    monkeypatch.setenv("PASTICCIO_CACHE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "pasticcio"


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
