"""What version 0.1.0 wrote, and the picture that it made of it."""

from pathlib import Path

import numpy as np
import pytest

from pasticcio import Model, Options, Style, Stylizer

FOLDER = Path(__file__).parent / "version-0.1.0"
MEAN, STD = (120.5716, 131.0980, 119.0352), 59.3871  # of the output in version 0.1.0


@pytest.fixture(scope="module")
def photo():
    down, across = np.mgrid[0:48, 0:64] / 64
    return (np.stack([np.sin(9 * down) ** 2, np.cos(7 * across) ** 2, down * across], 2) * 255).astype(np.uint8)


def test_a_model_folder_and_a_style_file_give_the_same_picture(photo):
    stylizer, style = Stylizer(FOLDER), Style.load(FOLDER / "style.json")
    assert style.model == Model.open(FOLDER).fingerprint
    output = stylizer.stylize(photo, style, Options(texture=0))
    assert np.abs(output.mean(axis=(0, 1)) - MEAN).max() < 0.05
    assert abs(output.std() - STD) < 0.05


def test_its_regions_and_its_predictor_run(photo):
    mask = np.zeros(photo.shape[:2], np.uint8)
    mask[:, 32:] = 255
    stylizer = Stylizer(FOLDER)
    style = stylizer.embed(photo[::-1].copy(), side=64)
    assert np.abs(style.embedding - Style.load(FOLDER / "style.json").embedding).max() < 1e-3
    output = stylizer.stylize(photo, style, Options(mask=mask, texture=0))
    assert output.shape == photo.shape
