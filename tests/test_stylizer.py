import shutil

import numpy as np
import pytest

from pasticcio.errors import ImageError, ModelError, OptionError, StyleError
from pasticcio.style import Style
from pasticcio.stylizer import Options, Stylizer, style_view


@pytest.fixture(scope="module")
def stylizer(model_folder):
    return Stylizer(model_folder, threads=1)


def test_a_picture_of_the_photos_size(stylizer, photo_file, style_file, photo):
    image = stylizer.stylize(photo_file, style_file)
    assert image.size == (photo.shape[1], photo.shape[0])
    assert image.mode == "RGB"


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (2, 3), (15, 16), (17, 33), (100, 20)])
def test_any_size(stylizer, size):
    photo = np.random.default_rng(0).random((*size, 3), dtype=np.float32)
    assert stylizer.render(photo, np.zeros(6, np.float32)).shape == (*size, 3)
    assert stylizer.embed(photo).embedding.shape == (6,)


def test_strength_is_a_straight_line_between_embeddings(stylizer, photo):
    photo = photo[:64, :80]
    style = Style(np.linspace(-3, 3, 6), stylizer.model.fingerprint)
    own = stylizer.embed(photo, side=192)  # the least that a small photo is looked at
    expected = stylizer.stylize(photo, Style(0.75 * own.embedding + 0.25 * style.embedding, style.model))
    found = stylizer.stylize(photo, style, strength=0.25)
    assert np.abs(np.asarray(found).astype(int) - np.asarray(expected).astype(int)).max() <= 1
    at_zero = stylizer.stylize(photo, style, Options(strength=0.0))
    assert np.array_equal(np.asarray(at_zero), np.asarray(stylizer.stylize(photo, own)))


@pytest.mark.parametrize("strength", [-0.1, 1.01, float("nan")])
def test_strength_has_limits(strength):
    with pytest.raises(OptionError, match="between 0 and 1"):
        Options(strength=strength)


def test_style_is_seen_at_the_photos_size_or_at_the_size_asked_for(stylizer, photo, style_file):
    def at(side):
        return np.asarray(stylizer.stylize(photo, stylizer.embed(style_file, side=side)))

    assert np.array_equal(np.asarray(stylizer.stylize(photo, style_file)), at(300))  # chelsea is 300 pixels high
    assert np.array_equal(np.asarray(stylizer.stylize(photo, style_file, Options(style_size=200))), at(200))
    assert not np.array_equal(at(300), at(200))
    with pytest.raises(OptionError, match="style_size is 20; it must be from 64 to 1024"):
        Options(style_size=20)


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


def test_threads_have_a_limit(model_folder):
    with pytest.raises(OptionError, match="threads is 0"):
        Stylizer(model_folder, threads=0)


def test_damaged_graph_is_named(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "copy")
    (folder / "predict.onnx").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"cannot load .*predict\.onnx"):
        Stylizer(folder).embed(np.zeros((30, 30, 3), np.uint8))


def test_style_view_scales_the_short_side_and_bounds_the_long_one():
    assert style_view(np.zeros((100, 50, 3), np.float32), 64).shape == (128, 64, 3)
    assert style_view(np.zeros((10, 2000, 3), np.float32), 64).shape == (64, 256, 3)


def test_shipped_model_paints(photo):
    """The default model changes the photo, keeps its content, and follows the style's colours."""
    stylizer = Stylizer()
    red = stylizer.embed(
        np.broadcast_to(np.array([200, 30, 20], np.uint8), (64, 64, 3)) // np.array([[[1]], [[2]]] * 32, np.uint8)
    )
    image = np.asarray(stylizer.stylize(photo, red)).astype(float)
    plain = photo.astype(float)
    assert image[..., 0].mean() > 1.5 * image[..., 2].mean()
    assert np.abs(image - plain).mean() > 10
    edges = [np.hypot(*np.gradient(x.mean(2)))[8:-8, 8:-8].ravel() for x in (image, plain)]
    assert np.corrcoef(edges)[0, 1] > 0.3
