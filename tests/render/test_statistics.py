import numpy as np
import pytest
from skimage import data

from pasticcio.image.picture import as_depth
from pasticcio.render.scene import Scene
from pasticcio.render.statistics import Survey, measure, pooled
from pasticcio.render.stylizer import Stylizer
from pasticcio.render.tiles import in_tiles


def test_exact_statistics_are_those_of_one_pass(stylizer, scene):
    canvas = stylizer.canvas(scene)
    _, wanted = canvas.whole()
    found = {
        how: measure(canvas, Survey(how, 128, reduced_pixels=20_000, crop_side=64))
        for how in ("exact", "reduced", "sample")
    }
    np.testing.assert_allclose(found["exact"], wanted, atol=1e-3, rtol=1e-3)
    errors = {how: np.abs(statistics - wanted).mean() for how, statistics in found.items()}
    assert errors["exact"] < 0.02 * min(errors["reduced"], errors["sample"])


@pytest.mark.parametrize("model", ["default", "fast"])
def test_the_sample_corrects_what_making_smaller_changes(model):
    """With a picture of twice the sides to which it is made smaller; `default` has channels that are silent there."""
    stylizer = Stylizer(model, threads=1)
    photo = data.astronaut()
    pixels = photo.shape[0] * photo.shape[1] // 4
    error = {"reduced": 0.0, "sample": 0.0}
    for style in ("dance", "wheat-field-with-cypresses"):
        canvas = stylizer.canvas(Scene(photo, stylizer.embed(style).embedding[None]))
        wanted = as_depth(canvas.whole()[0], np.uint8).astype(int)
        for how in error:
            survey = Survey(how, 400, reduced_pixels=pixels, crop_side=128)
            error[how] += np.abs(in_tiles(canvas, survey, lambda progress: None).astype(int) - wanted).mean()
    assert error["sample"] < 0.5 * error["reduced"]


def test_pooled_statistics_are_those_of_the_whole():
    values = np.random.default_rng(0).normal(3, 2, (2, 100))
    parts = [(np.stack([v.mean(1), v.var(1)]), v.shape[1]) for v in (values[:, :30], values[:, 30:])]
    np.testing.assert_allclose(pooled(parts), np.stack([values.mean(1), values.var(1)]), rtol=1e-4)
