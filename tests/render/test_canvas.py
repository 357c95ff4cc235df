import numpy as np
import pytest

from pasticcio.render.canvas import averaged
from pasticcio.render.scene import Scene
from pasticcio.render.windows import Frame


def test_one_pass_equals_the_plain_graph(stylizer, scene, photo):
    plain = stylizer.render(photo.astype(np.float32) / 255, scene.styles[0])
    whole, _ = stylizer.canvas(scene).whole()
    np.testing.assert_allclose(whole, plain, atol=1e-4)


@pytest.mark.parametrize("side", [64, 100, 1000])
def test_windows_with_given_statistics_equal_one_pass(stylizer, scene, side):
    """Every pixel is the one that one pass gives, at the borders of windows too, so there are no seams."""
    canvas = stylizer.canvas(scene)
    whole, statistics = canvas.whole()
    out = np.full(whole.shape, np.nan, np.float32)
    windows = list(canvas.frame.tiles(side))
    for window in windows:
        places = canvas.frame.places(window)
        out[places.picture] = canvas.render([window], statistics)[0][0][places.window]
    assert (len(windows) > 1) == (side < 451)
    np.testing.assert_allclose(out, whole, atol=1e-4)


def test_the_reach_is_needed(stylizer, scene):
    """With a smaller overlap windows would differ from one pass."""
    canvas = stylizer.canvas(scene)
    whole, statistics = canvas.whole()
    canvas.frame = Frame(scene.size, canvas.frame.multiple, canvas.frame.margin, reach=8)
    worst = 0.0
    for window in canvas.frame.tiles(64):
        places = canvas.frame.places(window)
        image = canvas.render([window], statistics)[0][0][places.window]
        worst = max(worst, float(np.abs(image - whole[places.picture]).max(initial=0)))
    assert worst > 1e-3


def test_transparent_pixels_do_not_count(stylizer, scene, photo):
    alpha = np.full(photo.shape[:2], 255, np.uint8)
    alpha[:, 200:] = 0
    other = photo.copy()
    other[:, 200:] = 7
    first, second = (stylizer.canvas(Scene(p, scene.styles, alpha=alpha)).whole()[1] for p in (photo, other))
    cut = stylizer.canvas(Scene(photo[:, :200], scene.styles)).whole()[1]
    opaque = stylizer.canvas(Scene(other, scene.styles)).whole()[1]
    # Convolutions reach across the edge a little, so the first layers agree best.
    off = {
        name: float(np.median(np.abs(one[0] - two[0]) / np.sqrt(cut[1])))
        for name, one, two in (("hidden", first, second), ("cut", second, cut), ("seen", opaque, cut))
    }
    assert max(off["hidden"], off["cut"]) < 0.05
    assert off["seen"] > 3 * max(off["hidden"], off["cut"])


def test_a_picture_that_is_all_transparent_is_rendered(stylizer, scene, photo):
    alpha = np.zeros(photo.shape[:2], np.uint8)
    assert np.isfinite(stylizer.canvas(Scene(photo, scene.styles, alpha=alpha)).whole()[0]).all()


def test_averages_of_blocks():
    maps = np.arange(64, dtype=np.float32).reshape(1, 1, 8, 8)
    assert averaged(maps, 4)[0, 0].tolist() == [[13.5, 17.5], [45.5, 49.5]]
    assert averaged(maps, 1) is maps
    assert averaged(np.ones((1, 2, 1, 1), np.float32), 8).shape == (1, 2, 1, 1)
