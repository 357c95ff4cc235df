import shutil

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from pasticcio.errors import ImageError, ModelError, OptionError, StyleError
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style


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
    assert np.array_equal(stylizer.stylize(photo, [style_file, photo_file]), both)
    assert np.array_equal(stylizer.stylize(photo, {style_file: 0.5, photo_file: 0.5}), both)


@pytest.mark.parametrize("style", ["picture", "named"])
def test_the_photos_colors_are_kept(photo, style_file, style):
    """Whatever the style, hues stay: exactly with luminance, on the whole with matched colors."""
    stylizer = Stylizer()
    wanted = style_file if style == "picture" else "dance"
    cast = {}
    for colors in ("style", "match", "luminance"):
        image = np.asarray(stylizer.stylize(photo, wanted, Options(colors=colors))).astype(float)
        cast[colors] = np.abs(image.mean((0, 1)) - photo.mean((0, 1))).mean()
    assert cast["match"] < 0.5 * cast["style"]
    assert cast["luminance"] < 0.5 * cast["style"]


def test_style_is_seen_at_the_photos_size_or_at_the_size_asked_for(stylizer, photo, style_file):
    def at(side):
        return np.asarray(stylizer.stylize(photo, stylizer.embed(style_file, side=side)))

    assert np.array_equal(np.asarray(stylizer.stylize(photo, style_file)), at(300))  # chelsea is 300 pixels high
    assert np.array_equal(np.asarray(stylizer.stylize(photo, style_file, Options(style_size=200))), at(200))
    assert not np.array_equal(at(300), at(200))


def test_threads_have_a_limit(model_folder):
    with pytest.raises(OptionError, match="threads is 0"):
        Stylizer(model_folder, threads=0)


def test_damaged_graph_is_named(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "copy")
    (folder / "predict.onnx").write_bytes(b"nonsense")
    with pytest.raises(ModelError, match=r"predict\.onnx is damaged"):
        Stylizer(folder).embed(np.zeros((30, 30, 3), np.uint8))


def test_shipped_model_paints(photo):
    """The default model changes the photo, keeps its content, and follows the style's colors."""
    stylizer = Stylizer()
    red = stylizer.embed(
        np.broadcast_to(np.array([200, 30, 20], np.uint8), (64, 64, 3)) // np.array([[[1]], [[2]]] * 32, np.uint8)
    )
    image = np.asarray(stylizer.stylize(photo, red)).astype(float)
    assert image[..., 0].mean() > 1.5 * image[..., 2].mean()
    assert np.abs(image - photo).mean() > 10
    # That style is stripes, and the photo becomes stripes; a painting leaves its edges where they were.
    painted, kept, mirrored = (edges(x) for x in (stylizer.stylize(photo, "dance"), photo, photo[:, ::-1]))
    assert np.corrcoef(painted, kept)[0, 1] > 0.5 > 2 * np.corrcoef(painted, mirrored)[0, 1]


def edges(image):
    """How steep luminance is over blocks of 4x4 pixels."""
    gray = image[: len(image) // 4 * 4, : image.shape[1] // 4 * 4].mean(2)
    blocks = gray.reshape(len(gray) // 4, 4, -1, 4).mean((1, 3))
    return np.hypot(*np.gradient(blocks))[2:-2, 2:-2].ravel()


def far(one, other):
    return np.abs(np.asarray(one).astype(int) - np.asarray(other).astype(int)).max()


def test_a_white_mask_is_no_mask_and_a_black_one_the_photos_own_style(stylizer, photo, style_file):
    white = np.full((30, 45), 255, np.uint8)
    plain = stylizer.stylize(photo, style_file)
    assert far(stylizer.stylize(photo, style_file, Options(mask=white)), plain) <= 1
    assert far(stylizer.stylize(photo, [(style_file, white)]), plain) <= 1
    own = stylizer.stylize(photo, style_file, strength=0.0)
    assert far(stylizer.stylize(photo, style_file, Options(mask=white * 0)), own) <= 1
    assert far(own, plain) > 5


def test_an_even_gray_mask_is_a_strength(stylizer, photo, style_file):
    gray = np.full((30, 45), 51, np.uint8)
    expected = stylizer.stylize(photo, style_file, strength=0.2)
    assert far(stylizer.stylize(photo, style_file, Options(mask=gray)), expected) <= 1
    white = np.full((30, 45), 255, np.uint8)
    both = stylizer.stylize(photo, [(style_file, white)], Options(mask=gray))
    assert far(both, expected) <= 1


def test_masks_that_overlap_mix_their_styles(stylizer, photo, style_file, photo_file):
    white = np.full((30, 45), 255, np.uint8)
    mixed = stylizer.stylize(photo, [(style_file, 0.5), (photo_file, 0.5)])
    assert far(stylizer.stylize(photo, [(style_file, white), (photo_file, white)]), mixed) <= 1


def test_regions_differ_on_either_side_of_a_soft_edge(photo):
    """On the shipped model: far from the edge each half has its style's colors, and no step lies on it."""
    stylizer = Stylizer()
    left = np.zeros(photo.shape[:2], np.uint8)
    left[:, :225] = 255
    image = stylizer.stylize(photo, [("dance", left), ("wheat-field-with-cypresses", 255 - left)]).astype(float)
    one, two = (stylizer.stylize(photo, name).astype(float) for name in ("dance", "wheat-field-with-cypresses"))
    assert np.abs(image[:, :150] - one[:, :150]).mean() < 0.7 * np.abs(image[:, :150] - two[:, :150]).mean()
    assert np.abs(image[:, 300:] - two[:, 300:]).mean() < 0.7 * np.abs(image[:, 300:] - one[:, 300:]).mean()
    pasted = np.concatenate([one[:, :225], two[:, 225:]], 1)
    step, pasted_step = (np.abs(np.diff(i, axis=1)).mean((0, 2)) for i in (image, pasted))
    assert step[224] < 1.5 * np.median(step[204:245]) < 0.5 * pasted_step[224]


def test_a_transparent_picture_keeps_its_alpha_and_hides_what_cannot_be_seen(stylizer, photo, style_file):
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:, 300:] = 0
    noise = photo.copy()
    noise[:, 300:] = np.random.default_rng(0).integers(0, 255, noise[:, 300:].shape)
    first, second = (stylizer.stylize(np.dstack([p, alpha]), style_file) for p in (photo, noise))
    assert np.array_equal(first[..., 3], alpha)
    assert far(first, second) <= 1


def test_bytes_are_rendered_as_floats_are(stylizer, model_folder, tmp_path, photo):
    style = stylizer.embed(photo).embedding
    for height, width in ((40, 57), (9, 30)):
        content = np.ascontiguousarray(photo[100 : 100 + height, 200 : 200 + width])
        painted = stylizer.render(content, style)
        floats = stylizer.render(content.astype(np.float32) / 255, style)
        assert (painted.dtype, painted.shape) == (np.uint8, content.shape)
        assert np.abs(painted - 255 * floats).max() < 0.51
    for name in ("config.json", "predict.onnx", "transfer.onnx"):  # a folder of an earlier version
        shutil.copy(model_folder / name, tmp_path)
    np.testing.assert_allclose(Stylizer(tmp_path).render(content, style).astype(int), painted, atol=1)


def test_sixteen_bits_are_rendered_as_floats_are(stylizer, photo):
    style, content = stylizer.embed(photo).embedding, photo[:40, :50].astype(np.uint16) * 257
    painted = stylizer.render(content, style)
    assert painted.dtype == np.uint16
    floats = stylizer.render(content.astype(np.float32) / 65535, style)
    assert np.abs(painted - 65535 * floats).max() < 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (np.zeros((20, 20, 4), np.float32), r"content has shape \(20, 20, 4\); it must be \(H, W, 3\)"),
        (np.zeros((20, 20), np.uint8), r"content has shape \(20, 20\)"),
        (np.zeros((0, 20, 3), np.uint8), r"content has shape \(0, 20, 3\)"),
        (np.full((20, 20, 3), 255.0), r"content spans 255 to 255; floating-point pixels must lie in \[0, 1\]"),
        (np.full((20, 20, 3), np.nan), "content spans nan"),
        (np.zeros((20, 20, 3), np.int64), "content is int64; it must be uint8, uint16 or floating point"),
        ([[[0.0, 0.0, 0.0]]], "a list is no content"),
    ],
)
def test_content_that_cannot_be_rendered_is_explained(stylizer, content, message):
    with pytest.raises(ImageError, match=message):
        stylizer.render(content, np.zeros(6, np.float32))


@pytest.mark.parametrize("side", [3, -5, 0, 15, 5000])
def test_the_side_of_a_style_picture_has_limits(stylizer, photo, side):
    with pytest.raises(OptionError, match=f"side is {side}; it must be between 16 and 4096 pixels"):
        stylizer.embed(photo, side=side)
    assert stylizer.embed(photo, side=16).embedding.shape == (6,)


@pytest.mark.parametrize("photo", [None, 1, ["photo.jpg"], torch.zeros(3, 8, 8)])
def test_what_is_no_photo_is_explained(stylizer, style_file, photo):
    with pytest.raises(ImageError, match=f"{type(photo).__name__}"):
        stylizer.stylize(photo, style_file)


@pytest.mark.parametrize("style", [None, 1, torch.zeros(3, 8, 8), [None], [1, 2], {}])
def test_what_is_no_style_is_explained(stylizer, photo, style):
    with pytest.raises(StyleError, match=r"is no style; give|nothing to mix"):
        stylizer.stylize(photo, style)


@pytest.mark.parametrize("values", [{"seed": 1}, {"spread": 0.5}, {"style_size": 256}])
def test_options_without_effect_are_refused(photo, values):
    ((name, value),) = values.items()
    with pytest.raises(OptionError, match=f"{name} is {value}, and nothing that was asked for uses it"):
        Stylizer().stylize(photo, "dance", Options(**values))


def sharpness(image):
    return np.abs(np.diff(image.astype(float), axis=1)).mean()


def width_of(image):
    """How far brightness goes on changing, in pixels."""
    gray = image.astype(float).mean(2)
    return gray.std() / sharpness(gray)


def test_large_photos_get_strokes_in_proportion(photo):
    """As asked for by the number; and a photo at strength 0 is not blurred by it."""
    stylizer = Stylizer()
    large = np.asarray(Image.fromarray(photo).resize((1152, 768), Image.Resampling.BICUBIC))
    grown = stylizer.stylize(large, "dance")
    assert np.array_equal(grown, stylizer.stylize(large, "dance", Options(stroke=1.5)))
    assert not np.array_equal(grown, stylizer.stylize(large, "dance", Options(stroke=1.0)))
    still, plain = (stylizer.stylize(large, "dance", Options(strength=0.0, stroke=k)) for k in (None, 1.0))
    assert np.abs(still.astype(int) - plain).mean() < 3
    assert sharpness(still) > 0.97 * sharpness(plain)


@pytest.mark.parametrize(("model", "wider"), [("default", 1.15), ("fast", 1.25)])
def test_strokes_grow_and_the_size_stays(photo, model, wider):
    """Laid in four times smaller they are wider in an even area, and edges of a photo are as sharp as in one pass."""
    stylizer, style = Stylizer(model), "dance"
    sky = np.linspace((90, 120, 160), (110, 140, 180), 600)[:, None].repeat(600, 1).astype(np.uint8)
    plain, coarse = (stylizer.stylize(sky, style, Options(stroke=stroke))[64:-64, 64:-64] for stroke in (1.0, 4.0))
    assert width_of(coarse) > wider * width_of(plain)
    large = np.asarray(Image.fromarray(photo).resize((902, 600), Image.Resampling.BICUBIC))
    plain, coarse = (stylizer.stylize(large, style, Options(stroke=stroke)) for stroke in (1.0, 4.0))
    assert coarse.shape == plain.shape == large.shape
    assert sharpness(coarse) > 0.8 * sharpness(plain)
    assert stylizer.stylize(photo[:9, :5], "dance", Options(stroke=8.0)).shape == (9, 5, 3)


DEPTHS = {"uint8": (np.uint8, 255), "uint16": (np.uint16, 65535), "float32": (np.float32, 1.0)}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    depth=st.sampled_from(sorted(DEPTHS)),
    alpha=st.booleans(),
    strength=st.floats(0.0, 1.5),
    weight=st.floats(0.0, 1.0),
    mask=st.none() | st.integers(0, 255),
    colors=st.sampled_from(["style", "match", "luminance"]),
    stroke=st.sampled_from([0.5, 1.0, 3.0]),
    tile=st.sampled_from([None, 0, 64]),
)
def test_any_options_give_a_picture(
    stylizer, height, width, depth, alpha, strength, weight, mask, colors, stroke, tile
):
    dtype, top = DEPTHS[depth]
    rng = np.random.default_rng(height * 41 + width)
    photo = (rng.random((height, width, 4 if alpha else 3)) * top).astype(dtype)
    one, two = (Style(rng.standard_normal(6), stylizer.model.fingerprint) for _ in range(2))
    shade = None if mask is None else np.full((height, width), mask, np.uint8)
    options = Options(strength=strength, mask=shade, colors=colors, stroke=stroke, tile=tile)
    image = stylizer.stylize(photo, [(one, weight), (two, 1.0 - weight)], options)
    assert image.shape == photo.shape
    assert image.dtype == dtype
    assert np.isfinite(image.astype(float)).all()
    if alpha:
        assert np.array_equal(image[..., 3], photo[..., 3])


def test_a_table_knows_its_styles_by_name_alone(table_folder, photo, style_file, tmp_path):
    stylizer = Stylizer(table_folder)
    red, blue = (stylizer.stylize(photo, name) for name in ("red", "blue"))
    assert np.abs(red.astype(int) - blue).mean() > 1
    mixed = stylizer.stylize(photo, [("red", 0.5), ("blue", 0.5)])
    assert np.abs(mixed.astype(int) - red).mean() > 0.5
    stylizer.embed("red").save(tmp_path / "red.json")
    assert np.array_equal(stylizer.stylize(photo, str(tmp_path / "red.json")), red)
    for picture in (style_file, str(style_file), photo):
        with pytest.raises(StyleError, match="pair cannot embed a picture; it knows the styles red, blue"):
            stylizer.stylize(photo, picture)
    with pytest.raises(StyleError, match="did you mean red"):
        stylizer.stylize(photo, "reed")
    with pytest.raises(OptionError, match=r"strength is 0\.5, which needs the photo's own style, and model pair"):
        stylizer.stylize(photo, "red", strength=0.5)


@pytest.mark.parametrize("model", ["default", "fast"])
def test_a_photo_of_one_color_shows_no_grid_of_the_networks_layers(model):
    stylizer, gray = Stylizer(model, threads=1), np.full((128, 128, 3), 130, np.uint8)

    def grid(texture: float) -> float:
        """The share of the variance, but for the border, that repeats every 8 pixels."""
        inner = stylizer.stylize(gray, "dance", Options(texture=texture))[32:96, 32:96].astype(float)
        repeated = inner.reshape(8, 8, 8, 8, 3).mean((0, 2))
        return repeated.var((0, 1)).sum() / max(inner.var((0, 1)).sum(), 1e-9)

    assert model != "fast" or grid(0.0) > 0.9, "the texture is not needed"
    assert grid(1.0) < 0.1
    assert np.ptp(stylizer.stylize(gray, "dance")[32:96, 32:96], axis=(0, 1)).max() > 60, "there are no strokes"
