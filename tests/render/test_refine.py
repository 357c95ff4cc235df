import numpy as np
import pytest

from pasticcio.errors import ImageError, ModelError, OptionError, StyleError
from pasticcio.render import refine as module
from pasticcio.render.refine import MOST, refine, some
from pasticcio.render.slope import Slopes
from pasticcio.render.stylizer import Stylizer


@pytest.fixture(scope="module")
def stylizer():
    return Stylizer(runtime="onnxruntime")


@pytest.fixture
def bands():
    """Upright bands of two colors."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, ::8] = image[:, 1::8] = image[:, 2::8] = (230, 120, 20)
    return image


def test_the_loss_falls_and_the_style_is_of_that_model(stylizer, bands, photo, tmp_path):
    said = []
    refined = refine(stylizer, bands, [photo], steps=6, side=96, name="bands", report=lambda *step: said.append(step))
    assert refined.after < 0.98 * refined.before
    assert [(step, steps) for step, steps, _ in said] == [(number, 6) for number in range(1, 7)]
    assert (refined.style.name, refined.style.model) == ("bands", stylizer.model.fingerprint)
    refined.style.save(tmp_path / "bands.json")
    assert stylizer.stylize(photo[:40, :48], str(tmp_path / "bands.json")).shape == (40, 48, 3)


def test_the_same_seed_gives_the_same_style(stylizer, bands, photo):
    one, same, other = (refine(stylizer, bands, [photo], steps=2, side=96, seed=seed).style for seed in (0, 0, 1))
    np.testing.assert_allclose(one.embedding, same.embedding, atol=1e-6)
    assert np.abs(one.embedding - other.embedding).max() > 1e-4


def test_the_descent_begins_at_the_predicted_embedding(stylizer, bands, photo, monkeypatch):
    monkeypatch.setattr(module, "RATE", 0.0)
    found = refine(stylizer, bands, [photo], steps=1, side=96)
    np.testing.assert_array_equal(found.style.embedding, stylizer.embed(bands, side=96).embedding)
    assert found.before == found.after


def test_an_embedding_that_became_worse_is_not_kept(stylizer, bands, photo, monkeypatch):
    monkeypatch.setattr(module, "RATE", 30.0)
    found = refine(stylizer, bands, [photo], steps=1, side=96)
    np.testing.assert_array_equal(found.style.embedding, stylizer.embed(bands, side=96).embedding)
    assert found.after == found.before


def test_the_painting_is_seen_at_the_size_at_which_it_is_for_these_photos(stylizer, bands, photo, monkeypatch):
    monkeypatch.setattr(module, "RATE", 0.0)
    found = refine(stylizer, bands, [photo], steps=1).style.embedding
    side = min(photo.shape[:2])
    assert 192 < side < 512
    np.testing.assert_array_equal(found, stylizer.embed(bands, side=side).embedding)


def test_a_model_without_the_graph_of_the_loss_says_so(model_folder, bands, photo):
    with pytest.raises(ModelError, match="can neither adapt nor refine styles"):
        refine(Stylizer(model_folder), bands, [photo])


def test_a_damaged_loss_ends_the_descent(stylizer, bands, photo, monkeypatch):
    damaged = Slopes(float("nan"), *np.zeros((2, 1, 100), np.float32))
    monkeypatch.setattr(module.Slope, "__call__", lambda *_: damaged)
    with pytest.raises(StyleError, match="the loss of step 1 is nan"):
        refine(stylizer, bands, [photo])


@pytest.mark.parametrize(("numbers", "message"), [({"steps": 0}, "steps is 0"), ({"seed": -1}, "seed is -1")])
def test_numbers_out_of_range(stylizer, bands, photo, numbers, message):
    with pytest.raises(OptionError, match=message):
        refine(stylizer, bands, [photo], **numbers)


def test_without_photos_there_is_nothing_to_render(stylizer, bands):
    with pytest.raises(OptionError, match="no photos are given"):
        refine(stylizer, bands, [])


def test_a_painting_or_photo_that_is_not_there(stylizer, bands, photo):
    with pytest.raises(ImageError, match="no such file"):
        refine(stylizer, bands, ["nowhere.png"])
    with pytest.raises((ImageError, StyleError), match=r"nowhere\.png"):
        refine(stylizer, "nowhere.png", [photo])


def test_of_many_photos_some_are_used():
    assert some([1, 2, 3], seed=0) == [1, 2, 3]
    few = some(range(100), seed=1)
    assert len(set(few)) == len(few) == MOST
    assert few == some(range(100), seed=1) != some(range(100), seed=2)
