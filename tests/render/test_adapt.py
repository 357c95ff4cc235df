import io

import numpy as np
import pytest
from PIL import Image

from pasticcio.errors import ModelError, OptionError, StyleError
from pasticcio.image.picture import as_batch, as_float
from pasticcio.image.read import read_picture
from pasticcio.image.resize import resized, style_view
from pasticcio.render import adapt as module
from pasticcio.render.adapt import Sketch
from pasticcio.render.options import Options
from pasticcio.render.slope import Slope, Slopes
from pasticcio.render.stylizer import Stylizer


@pytest.fixture(scope="module", params=["default", "fast"])
def stylizer(request):
    return Stylizer(request.param, runtime="onnxruntime")


@pytest.fixture
def bands():
    """Upright bands of two colors, and a dot."""
    image = np.zeros((96, 112, 3), np.uint8)
    image[:, ::8] = image[:, 1::8] = image[:, 2::8] = (230, 120, 20)
    image[30:50, 40:70] = (20, 40, 200)
    return image


def loss(stylizer, style, photo, painting):
    """The loss of the whole photo, at multiples of 8."""
    slope = Slope(stylizer, style)
    height, width = (side // 8 * 8 for side in photo.shape[:2])
    view = np.ascontiguousarray(as_batch(style_view(as_float(painting), 192)))
    content = np.ascontiguousarray(as_batch(as_float(photo[:height, :width])))
    return slope(style[None], content, slope.grams(view), module.CONTENT).loss


def test_the_loss_of_the_photo_falls_by_steps_on_its_sketch(stylizer, photo, bands):
    style = stylizer.embed(bands, side=192).embedding
    view = np.ascontiguousarray(as_batch(style_view(as_float(bands), 192)))
    fitted = (Sketch(stylizer, as_float(photo)).fit(style, view, steps) for steps in (1, 4, 8))
    before, once, often, more = (loss(stylizer, row, photo, bands) for row in (style, *fitted))
    assert more < often < once < before
    assert often < 0.99 * before


def test_the_less_the_strength_the_more_content_counts(photo, bands):
    stylizer = Stylizer(runtime="onnxruntime")
    style = stylizer.embed(bands, side=192).embedding
    view, sketch = np.ascontiguousarray(as_batch(style_view(as_float(bands), 192))), Sketch(stylizer, as_float(photo))
    content = np.ascontiguousarray(as_batch(as_float(photo[:136, :136])))
    slope = Slope(stylizer, style)
    grams = slope.grams(view)

    def losses(row):
        """Of content and of style."""
        once, twice = (slope(row[None], content, grams, weight).loss for weight in (1.0, 2.0))
        return twice - once, 2 * once - twice

    (content_1, style_1), (content_half, style_half) = (losses(sketch.fit(style, view, 4, s)) for s in (1.0, 0.5))
    assert content_half < content_1
    assert style_half > style_1
    np.testing.assert_array_equal(sketch.fit(style, view, 4, 0.0), style)


def test_a_descent_at_a_strength_begins_between_the_photo_and_the_style(photo, bands, monkeypatch):
    monkeypatch.setattr(module, "LENGTHS", (0.0, 0.0))
    stylizer = Stylizer("fast", runtime="onnxruntime")  # without learned steps
    style, own = (stylizer.embed(picture, side=192).embedding for picture in (bands, photo))
    view, sketch = np.ascontiguousarray(as_batch(style_view(as_float(bands), 192))), Sketch(stylizer, as_float(photo))
    for strength, share in [(0.0, 0.0), (0.5, 0.75), (0.8, 0.96), (1.0, 1.0), (1.3, 1.3)]:
        begun = sketch.fit(style, view, 1, strength, own)
        np.testing.assert_allclose(begun, own + share * (style - own), atol=1e-5)


@pytest.mark.parametrize("strength", [0.003, 0.02, 0.1])
def test_a_faint_style_is_fitted_too(photo, bands, strength):
    stylizer = Stylizer(runtime="onnxruntime")
    style, own = (stylizer.embed(picture, side=192).embedding for picture in (bands, photo))
    view, sketch = np.ascontiguousarray(as_batch(style_view(as_float(bands), 192))), Sketch(stylizer, as_float(photo))
    begun, fitted = (sketch.fit(style, view, steps, strength, own) for steps in (0, 4))
    assert 0 < np.linalg.norm(fitted - begun) < 2 * module.eased(strength) * np.linalg.norm(style)
    np.testing.assert_allclose(sketch.fit(style, view, 4, 1e-30, own), own, atol=1e-6)


@pytest.mark.parametrize("size", [(16, 16), (20, 300), (301, 17), (97, 101)])
def test_photos_of_any_size(photo, bands, size):
    small = resized(photo, size[::-1])
    out = Stylizer(runtime="onnxruntime").stylize(small, bands, Options(adapt=1))
    assert out.shape == small.shape


def test_adapt_is_for_pictures_and_changes_what_is_rendered(photo, bands):
    stylizer = Stylizer(runtime="onnxruntime")
    plain, none, fitted = (stylizer.stylize(photo, bands, Options(adapt=steps)) for steps in (None, 0, 2))
    np.testing.assert_array_equal(plain, none)
    assert np.abs(plain.astype(int) - fitted).mean() > 0.5
    named = stylizer.stylize(photo, ["dance", bands], Options(adapt=2))
    assert np.abs(named.astype(int) - stylizer.stylize(photo, ["dance", bands])).mean() > 0.3
    with pytest.raises(OptionError, match="adapt is 2, and nothing that was asked for uses it"):
        stylizer.stylize(photo, "dance", Options(adapt=2))
    np.testing.assert_array_equal(stylizer.stylize(photo, "dance", Options(adapt=0)), stylizer.stylize(photo, "dance"))


def test_at_strength_0_nothing_is_fitted(photo, bands):
    stylizer = Stylizer(runtime="onnxruntime")
    fitted, plain = (stylizer.stylize(photo, bands, Options(adapt=steps), strength=0.0) for steps in (2, 0))
    np.testing.assert_array_equal(fitted, plain)


@pytest.mark.parametrize("colors", ["match", "luminance"])
def test_the_sketch_has_the_colors_of_the_rendering(photo, bands, colors, monkeypatch):
    seen = []
    fit = Sketch.fit
    monkeypatch.setattr(
        Sketch, "fit", lambda self, row, view, *how: seen.append((self, view)) or fit(self, row, view, *how)
    )
    Stylizer(runtime="onnxruntime").stylize(photo, bands, Options(adapt=1, colors=colors))
    ((sketch, view),) = seen
    if colors == "luminance":
        np.testing.assert_allclose(sketch._photo[0, 0], sketch._photo[0, 2], atol=1e-5)
    else:
        np.testing.assert_allclose(view.mean((0, 2, 3)), as_float(photo).mean((0, 1)), atol=0.08)


def test_a_sketch_is_small_whatever_the_photo(photo, bands):
    large = Sketch(Stylizer(runtime="onnxruntime"), as_float(resized(photo, (1500, 500))))
    for sketch, most in zip(large._sketches, (module.SKETCH, module.LARGER), strict=True):
        assert sketch.shape[2] * sketch.shape[3] == pytest.approx(most, rel=0.12)
        assert all(side % 8 == 0 for side in sketch.shape[2:])
    assert large._photo.shape[2] * large._photo.shape[3] == pytest.approx(module.MEASURED, rel=0.02)
    assert large._photo.shape[3] / large._photo.shape[2] == pytest.approx(3, rel=0.02)


def test_later_steps_are_those_of_the_larger_sketch(photo, bands, monkeypatch):
    seen, call = [], Slope.__call__
    monkeypatch.setattr(
        Slope, "__call__", lambda self, row, sketch, *how: seen.append(sketch) or call(self, row, sketch, *how)
    )
    stylizer = Stylizer(runtime="onnxruntime")
    sketch = Sketch(stylizer, as_float(resized(photo, (400, 300))))
    view = np.ascontiguousarray(as_batch(style_view(as_float(bands), 192)))
    sketch.fit(stylizer.embed(bands, side=192).embedding, view, module.LEARNED + 2)
    assert [x is sketch._sketches[1] for x in seen] == [False] * module.LEARNED + [True] * 2
    assert seen[-1].size > 1.7 * seen[0].size


def test_a_model_that_cannot_says_so(model_folder, photo, bands):
    with pytest.raises(ModelError, match="can neither adapt nor refine"):
        Stylizer(model_folder).stylize(photo, bands, Options(adapt=1))


def test_a_damaged_loss_ends_the_descent(photo, bands, monkeypatch):
    damaged = Slopes(float("nan"), *np.zeros((2, 1, 100), np.float32))
    monkeypatch.setattr(module.Slope, "__call__", lambda *_: damaged)
    with pytest.raises(StyleError, match="the loss of step 1 is nan"):
        Stylizer(runtime="onnxruntime").stylize(photo, bands, Options(adapt=1))


def test_a_photo_of_one_color_leaves_the_style_as_it_is(bands):
    stylizer, plain = Stylizer(runtime="onnxruntime"), np.full((64, 80, 3), 120, np.uint8)
    out = stylizer.stylize(plain, bands, Options(adapt=2, texture=0))
    assert np.abs(out.astype(int) - stylizer.stylize(plain, bands, Options(texture=0))).max() <= 1


@pytest.mark.parametrize("size", [(300, 300), (451, 150), (400, 500)])
def test_the_picture_is_the_same_every_time(photo, bands, size):
    stylizer, shown = Stylizer(runtime="onnxruntime"), resized(photo, size)
    one, same = (stylizer.stylize(shown, bands, Options(adapt=6)) for _ in range(2))
    np.testing.assert_array_equal(one, same)


def test_the_gram_matrices_of_a_style_are_computed_once_for_many_photos(photo, bands, monkeypatch):
    stylizer, seen, grams = Stylizer(runtime="onnxruntime"), [], Slope.grams
    monkeypatch.setattr(Slope, "grams", lambda self, picture: seen.append(picture.shape) or grams(self, picture))
    photos = [photo, resized(photo, (120, 160))]
    outs = [stylizer.stylize(one, bands, Options(adapt=1, style_size=192)) for one in photos]
    assert len(seen) == 1 + 2 * len(photos)
    stylizer.stylize(photo, bands, Options(adapt=1, style_size=200))
    assert len(seen) == 2 + 2 * (len(photos) + 1)
    alone = Stylizer(runtime="onnxruntime").stylize(photos[1], bands, Options(adapt=1, style_size=192))
    np.testing.assert_array_equal(alone, outs[1])


def test_what_is_transparent_does_not_count(photo, bands):
    stylizer = Stylizer(runtime="onnxruntime")
    alpha = np.zeros(photo.shape[:2], np.uint8)
    alpha[:, 80:] = 255
    other = photo.copy()
    other[:, :80] = 255 - other[:, :80]
    pictures = [read_picture(Image.fromarray(np.dstack([pixels, alpha]))) for pixels in (photo, other)]
    one, same = (stylizer.paint(picture, bands, Options(adapt=2, texture=0)).pixels[:, 100:] for picture in pictures)
    plain = stylizer.paint(pictures[0], bands, Options(texture=0)).pixels[:, 100:]
    assert np.abs(one.astype(int) - same).mean() < 0.05 * np.abs(one.astype(int) - plain).mean()


def test_a_style_may_be_an_open_file(photo, bands):
    stylizer, file = Stylizer(runtime="onnxruntime"), io.BytesIO()
    Image.fromarray(bands).save(file, "PNG")
    file.seek(0)
    out = stylizer.stylize(photo, file, Options(adapt=1))
    np.testing.assert_array_equal(out, stylizer.stylize(photo, bands, Options(adapt=1)))
