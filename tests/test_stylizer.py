import shutil

import numpy as np
import pytest
from PIL import Image

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


@pytest.mark.parametrize("strength", [-0.1, 1.51, float("nan")])
def test_strength_has_limits(strength):
    with pytest.raises(OptionError, match=r"between 0 and 1\.5"):
        Options(strength=strength)


def test_strength_beyond_one_goes_further_and_stays_finite(photo):
    stylizer, plain = Stylizer(), photo.astype(float)
    far = [np.asarray(stylizer.stylize(photo, "dance", strength=s)).astype(float) for s in (0.5, 1.0, 1.5)]
    assert [np.abs(image - plain).mean() for image in far] == sorted(np.abs(image - plain).mean() for image in far)
    assert far[2].std() > 5


def test_weighted_styles(stylizer, photo, style_file, photo_file):
    one = np.asarray(stylizer.stylize(photo, style_file))
    assert np.array_equal(np.asarray(stylizer.stylize(photo, [(style_file, 0.5), (style_file, 0.5)])), one)
    both = stylizer.stylize(photo, [(style_file, 0.5), (photo_file, 0.5)])
    mixed = stylizer.embed(style_file, side=300).embedding + stylizer.embed(photo_file, side=300).embedding
    expected = stylizer.stylize(photo, Style(mixed / 2, stylizer.model.fingerprint))
    assert np.abs(np.asarray(both).astype(int) - np.asarray(expected).astype(int)).max() <= 1
    with pytest.raises(StyleError, match=r"sum to 1.2"):
        stylizer.stylize(photo, [(style_file, 0.6), (photo_file, 0.6)])


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


@pytest.mark.parametrize("style", ["picture", "named"])
def test_the_photos_colours_are_kept(photo, style_file, style):
    """Whatever the style, hues stay: exactly with luminance, on the whole with matched colours."""
    stylizer = Stylizer()
    wanted = style_file if style == "picture" else "dance"
    cast = {}
    for colours in ("style", "match", "luminance"):
        image = np.asarray(stylizer.stylize(photo, wanted, Options(colours=colours))).astype(float)
        cast[colours] = np.abs(image.mean((0, 1)) - photo.mean((0, 1))).mean()
    assert cast["match"] < 0.5 * cast["style"]
    assert cast["luminance"] < 0.5 * cast["style"]
    with pytest.raises(OptionError, match="did you mean match"):
        Options(colours="mach")


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


def test_a_file_is_embedded_once_until_it_changes(model_folder, tmp_path, photo, monkeypatch):
    stylizer, path, runs = Stylizer(model_folder), tmp_path / "style.png", []
    run = stylizer.run
    monkeypatch.setattr(stylizer, "run", lambda graph, **inputs: runs.append(graph) or run(graph, **inputs))
    Image.fromarray(photo[:100, :100]).save(path)
    first = stylizer.embed(path)
    assert np.array_equal(stylizer.embed(path).embedding, first.embedding)
    assert len(runs) == 1
    stylizer.embed(path, side=200)
    Image.fromarray(photo[100:200, :90]).save(path)
    assert not np.array_equal(stylizer.embed(path).embedding, first.embedding)
    assert len(runs) == 3


def test_a_table_knows_its_styles_by_name_alone(table_folder, photo, style_file, tmp_path):
    stylizer = Stylizer(table_folder)
    red, blue = (stylizer.stylize(photo, name) for name in ("red", "blue"))
    assert np.abs(red.astype(int) - blue).mean() > 1
    mixed = stylizer.stylize(photo, [("red", 0.5), ("blue", 0.5)])
    assert np.abs(mixed.astype(int) - red).mean() > 0.5
    stylizer.embed("red").save(tmp_path / "red.json")
    assert np.array_equal(stylizer.stylize(photo, str(tmp_path / "red.json")), red)
    for picture in (style_file, str(style_file), photo):
        with pytest.raises(StyleError, match="pair cannot look at a picture; it knows the styles red, blue"):
            stylizer.stylize(photo, picture)
    with pytest.raises(StyleError, match="did you mean red"):
        stylizer.stylize(photo, "reed")
    with pytest.raises(OptionError, match=r"strength is 0\.5, but model pair cannot look at the photo"):
        stylizer.stylize(photo, "red", strength=0.5)
