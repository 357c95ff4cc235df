import numpy as np
import pytest
from PIL import Image

from pasticcio.errors import ImageError, StyleError
from pasticcio.model.sessions import Sessions
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style


def test_a_folder_is_the_mean_of_its_pictures(stylizer, tmp_path, photo):
    folder = tmp_path / "paintings"
    folder.mkdir()
    with pytest.raises(ImageError, match="no pictures in folder"):
        stylizer.embed(folder)
    for name, part in (("a.png", photo[:100, :100]), ("b.jpg", photo[100:220, 100:260])):
        Image.fromarray(part).save(folder / name)
    (folder / "notes.txt").write_text("not a picture")
    mean = (stylizer.embed(folder / "a.png").embedding + stylizer.embed(folder / "b.jpg").embedding) / 2
    np.testing.assert_allclose(stylizer.embed(folder).embedding, mean, atol=1e-6)


def test_a_style_file_is_a_style(stylizer, tmp_path, style_file):
    style = stylizer.embed(style_file)
    style.save(tmp_path / "mine.json")
    np.testing.assert_allclose(stylizer.embed(tmp_path / "mine.json").embedding, style.embedding, rtol=1e-6)
    Style(style.embedding, "other", "x").save(tmp_path / "other.json")
    with pytest.raises(StyleError, match="belongs to model other"):
        stylizer.embed(tmp_path / "other.json")


def test_styles_of_another_model_are_refused(stylizer, photo):
    with pytest.raises(StyleError, match="belongs to model other"):
        stylizer.stylize(photo, Style(np.zeros(6), "other", "x"))
    with pytest.raises(StyleError, match="has 6 numbers"):
        stylizer.render(np.zeros((20, 20, 3), np.float32), np.zeros(7, np.float32))


def test_unknown_style_and_missing_photo():
    stylizer = Stylizer()
    with pytest.raises(StyleError, match="did you mean sunflowers"):
        stylizer.embed("sunflower")
    with pytest.raises(ImageError, match="no such file"):
        stylizer.stylize("none.jpg", "sunflowers")


def test_a_file_is_embedded_once_until_it_changes(model_folder, tmp_path, photo, monkeypatch):
    path, runs = tmp_path / "style.png", []
    run = Sessions.run
    monkeypatch.setattr(Sessions, "run", lambda self, graph, inputs: runs.append(graph) or run(self, graph, inputs))
    stylizer = Stylizer(model_folder)
    Image.fromarray(photo[:100, :100]).save(path)
    first = stylizer.embed(path)
    assert np.array_equal(stylizer.embed(path).embedding, first.embedding)
    assert len(runs) == 1
    stylizer.embed(path, side=200)
    Image.fromarray(photo[100:200, :90]).save(path)
    assert not np.array_equal(stylizer.embed(path).embedding, first.embedding)
    assert len(runs) == 3


def far(one, other):
    return np.abs(np.asarray(one).astype(int) - np.asarray(other)).max()


def test_a_picture_is_embedded_once_while_it_is_among_the_last(stylizer, photo):
    from pasticcio.render.embedder import SEEN, Embedder, View

    asked = []

    def predict(batch):
        asked.append(batch)
        return stylizer.run(stylizer.model.predict, style=batch)

    embedder = Embedder(stylizer.model, predict)
    first = embedder.embed(photo, View(64)).embedding
    first_again = embedder.embed(photo.copy(), View(64)).embedding
    assert len(asked) == 1
    assert np.array_equal(first, first_again)
    embedder.embed(photo, View(96))
    other = photo.copy()
    other[:64] = 255 - other[:64]
    assert not np.array_equal(embedder.embed(other, View(64)).embedding, first)
    assert len(asked) == 3
    for level in range(SEEN):
        embedder.embed(np.full((64, 64, 3), level, np.uint8), View(64))
    embedder.embed(photo, View(64))
    assert len(asked) == 4 + SEEN


def test_random_styles_have_seeds(photo):
    stylizer, small = Stylizer(), photo[:64, :64]

    def make(style, **options):
        return stylizer.stylize(small, style, Options(**options))

    assert far(make("random", seed=7), make("random", seed=7)) == 0
    assert far(make("random", seed=7), make("random", seed=8)) > 20
    assert far(make("random"), make("random")) > 5
    assert far(make("like:dance", seed=1, spread=0.0), make("dance")) <= 1
    steps = [np.abs(make("like:dance", seed=1, spread=s).astype(int) - make("dance")).mean() for s in (0.1, 0.3, 0.9)]
    assert steps == sorted(steps)
    assert steps[0] > 0
    two = make([("random", 0.5), ("random", 0.5)], seed=7)
    assert far(two, make("random", seed=7)) > 20  # each its own draw


def test_random_styles_need_the_models_gaussian(stylizer, photo):
    with pytest.raises(StyleError, match="no Gaussian of styles"):
        stylizer.stylize(photo, "random")
