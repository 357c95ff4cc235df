import numpy as np

from pasticcio.image.read import open_image
from pasticcio.space.statistics import STATISTICS, measure, measure_pictures


def test_what_is_measured_has_its_sign(photo):
    image = open_image(photo)
    at = {name: i for i, name in enumerate(STATISTICS)}
    plain = measure(image)
    assert np.isfinite(plain).all()

    def change(name, other):
        return measure(np.clip(other, 0, 1).astype(np.float32))[at[name]] - plain[at[name]]

    assert change("lightness", image + 0.1) > 0.05
    assert change("contrast", (image - 0.5) * 0.5 + 0.5) < -0.05
    assert change("saturation", image.mean(2, keepdims=True).repeat(3, 2)) < -0.02
    assert change("warmth", image * [1.2, 1.0, 0.7]) > 0.02
    assert change("magenta", image * [1.1, 0.8, 1.1]) > 0.02
    stripes = 0.2 * np.sin(np.arange(image.shape[1]) * 2.5)[None, :, None]
    assert change("fine", image + stripes) > 1
    assert change("upright", image + stripes) > 1
    assert change("upright", image + 0.2 * np.sin(np.arange(image.shape[0]) * 2.5)[:, None, None]) < -1
    waves = 0.2 * np.sin(np.arange(image.shape[1]) * 0.6)[None, :, None]
    assert change("coarse", image + waves) > 0.5


def test_pictures_that_cannot_be_read_have_no_statistics(table):
    measured = measure_pictures([*table.paths[:2], table.paths[0].with_name("none.png")])
    assert np.isfinite(measured[:2]).all()
    assert np.isnan(measured[2]).all()
