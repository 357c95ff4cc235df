import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage import data

from pasticcio.image.picture import as_depth
from pasticcio.render import tiles
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.render.tiles import Scene, averaged, cuts, pooled, reflected


@pytest.fixture(scope="module")
def stylizer(model_folder):
    return Stylizer(model_folder, threads=1)


@pytest.fixture(scope="module")
def scene(photo):
    rng = np.random.default_rng(0)
    return Scene(photo, rng.standard_normal((1, 6), dtype=np.float32))


def test_one_pass_equals_the_plain_graph(stylizer, scene, photo):
    plain = stylizer.render(photo.astype(np.float32) / 255, scene.styles[0])
    whole, _ = stylizer.canvas(scene).whole()
    np.testing.assert_allclose(whole, plain, atol=1e-4)


@pytest.mark.parametrize("side", [64, 100, 1000])
def test_tiles_with_given_statistics_equal_one_pass(stylizer, scene, side):
    """And so no seam: every pixel is the one that one pass gives, at the borders of tiles too."""
    canvas = stylizer.canvas(scene)
    whole, statistics = canvas.whole()
    out = np.full(whole.shape, np.nan, np.float32)
    windows = list(canvas.tiles(side))
    for window in windows:
        rows, columns, inner_rows, inner_columns = canvas.place(window)
        out[rows, columns] = canvas.render([window], statistics)[0][0][inner_rows, inner_columns]
    assert (len(windows) > 1) == (side < 451)
    np.testing.assert_allclose(out, whole, atol=1e-4)


def test_the_reach_is_needed_and_enough(stylizer, scene):
    """With a smaller overlap tiles would differ from one pass."""
    canvas = stylizer.canvas(scene)
    whole, statistics = canvas.whole()
    canvas.reach = 8
    worst = 0.0
    for window in canvas.tiles(64):
        rows, columns, inner_rows, inner_columns = canvas.place(window)
        image = canvas.render([window], statistics)[0][0][inner_rows, inner_columns]
        worst = max(worst, float(np.abs(image - whole[rows, columns]).max(initial=0)))
    assert worst > 1e-3


def test_exact_statistics_are_those_of_one_pass(stylizer, scene, monkeypatch):
    monkeypatch.setattr(tiles, "REDUCED_PIXELS", 20_000)
    monkeypatch.setattr(tiles, "CROP_SIDE", 64)
    canvas = stylizer.canvas(scene)
    _, wanted = canvas.whole()
    exact = canvas.measure("exact", 128)
    np.testing.assert_allclose(exact, wanted, atol=1e-3, rtol=1e-3)
    errors = {how: np.abs(canvas.measure(how, 128) - wanted).mean() for how in ("reduced", "sample")}
    assert np.abs(exact - wanted).mean() < 0.02 * min(errors.values())


def test_the_sample_corrects_what_making_smaller_changes(monkeypatch):
    """On the shipped model, where the picture has twice the sides that are looked at as a whole."""
    stylizer = Stylizer(threads=1)
    photo = data.astronaut()
    monkeypatch.setattr(tiles, "REDUCED_PIXELS", photo.shape[0] * photo.shape[1] // 4)
    monkeypatch.setattr(tiles, "CROP_SIDE", 128)
    error = {"reduced": 0.0, "sample": 0.0}
    for style in ("dance", "wheat-field-with-cypresses"):
        canvas = stylizer.canvas(Scene(photo, stylizer.embed(style).embedding[None]))
        wanted = as_depth(canvas.whole()[0], np.uint8).astype(int)
        for how in error:
            error[how] += np.abs(canvas.tiled(400, how, lambda progress: None).astype(int) - wanted).mean()
    assert error["sample"] < 0.5 * error["reduced"]


def test_transparent_pixels_do_not_count(stylizer, scene, photo):
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:, 200:] = 0
    other = photo.copy()
    other[:, 200:] = 7
    first, second = (stylizer.canvas(Scene(p, scene.styles, alpha=alpha)).whole()[1] for p in (photo, other))
    cut = stylizer.canvas(Scene(photo[:, :200], scene.styles)).whole()[1]
    opaque = stylizer.canvas(Scene(other, scene.styles)).whole()[1]
    # Convolutions look a little across the edge, so it is the first layers that agree best.
    off = {
        name: float(np.median(np.abs(one[0] - two[0]) / np.sqrt(cut[1])))
        for name, one, two in (("hidden", first, second), ("cut", second, cut), ("seen", opaque, cut))
    }
    assert max(off["hidden"], off["cut"]) < 0.05
    assert off["seen"] > 3 * max(off["hidden"], off["cut"])


def test_a_picture_that_cannot_be_seen_at_all_is_rendered(stylizer, scene, photo):
    alpha = np.zeros(photo.shape[:2], np.uint8)
    assert np.isfinite(stylizer.canvas(Scene(photo, scene.styles, alpha=alpha)).whole()[0]).all()


def test_tiles_report_their_progress(stylizer, photo, style_file, monkeypatch):
    monkeypatch.setattr(tiles, "REDUCED_PIXELS", 20_000)
    seen = []
    stylizer.paint(picture(photo), style_file, Options(tile=128), seen.append)
    assert [p.done for p in seen] == list(range(seen[-1].total + 1))
    assert seen[0].text == f"{seen[-1].total} tiles, statistics of a sample"
    seen.clear()
    stylizer.paint(picture(photo), style_file, Options(tile=128, statistics="exact"), seen.append)
    assert [p.done for p in seen] == list(range(seen[-1].total + 1))
    seen.clear()
    stylizer.paint(picture(photo), style_file, Options(), seen.append)
    assert {p.text for p in seen} == {"one pass"}


def test_tiles_where_memory_is_short(stylizer, photo, style_file, monkeypatch):
    seen = []
    monkeypatch.setattr("pasticcio.render.stylizer.available", lambda: 5_000_000)
    small = stylizer.paint(picture(photo), style_file, Options(), seen.append)
    assert "tiles" in seen[0].text
    assert "would take 0.0 GB" in seen[0].text
    whole = stylizer.paint(picture(photo), style_file, Options(tile=0))
    assert np.abs(small.pixels.astype(int) - whole.pixels).mean() < 1


def picture(array):
    from pasticcio.image.picture import read_picture

    return read_picture(array)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(0, 70), st.integers(0, 70))
def test_reflection_is_numpys(length, before, after):
    padded = np.pad(np.arange(length), (before, after), mode="reflect" if length > 1 else "edge")
    assert np.array_equal(reflected(length, before, before + length + after), padded)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 500), st.integers(1, 3000))
def test_cuts_cover_a_length_once(eighths, side):
    length = 8 * eighths
    parts = cuts(length, side, 8)
    assert parts[0][0] == 0
    assert parts[-1][1] == length
    assert all(a[1] == b[0] for a, b in itertools.pairwise(parts))
    assert all(first % 8 == 0 for first, _ in parts)
    assert max(b - a for a, b in parts) <= max(side + 8, 8)


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(64, 200))
def test_every_pixel_is_one_tiles_own(model_folder, height, width, side):
    canvas = Stylizer(model_folder).canvas(Scene(np.zeros((height, width, 3), np.uint8), np.zeros((1, 6), np.float32)))
    count = np.zeros((height, width), int)
    for window in canvas.tiles(side):
        rows, columns, inner_rows, inner_columns = canvas.place(window)
        count[rows, columns] += 1
        assert (rows.stop - rows.start, columns.stop - columns.start) == (
            inner_rows.stop - inner_rows.start,
            inner_columns.stop - inner_columns.start,
        )
        assert 0 <= window.top <= window.top + window.height <= canvas.height
    assert (count == 1).all()


def test_pooled_statistics_are_those_of_the_whole():
    values = np.random.default_rng(0).normal(3, 2, (2, 100))
    parts = [(np.stack([v.mean(1), v.var(1)]), v.shape[1]) for v in (values[:, :30], values[:, 30:])]
    np.testing.assert_allclose(pooled(parts), np.stack([values.mean(1), values.var(1)]), rtol=1e-4)


def test_averages_of_blocks():
    maps = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)
    assert averaged(maps, 4)[0, 0].tolist() == [[13.5, 17.5], [45.5, 49.5]]
    assert averaged(maps, 1) is maps
    assert averaged(np.ones((1, 2, 1, 1), np.float32), 8).shape == (1, 2, 1, 1)
