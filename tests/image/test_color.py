import numpy as np
import pytest
from skimage import data

from pasticcio.image.color import gray, luminance, match_colors, match_luminance, with_luminance


@pytest.fixture(scope="module")
def coffee():
    return data.coffee()[:200, :300].astype(np.float32) / 255


@pytest.fixture
def cat(photo):
    return photo.astype(np.float32) / 255


def moments(picture):
    pixels = picture.reshape(-1, 3)
    return pixels.mean(0), np.cov(pixels.T)


def test_matched_colors_have_the_mean_and_covariance_asked_for(cat, coffee):
    soft = 0.3 + 0.4 * coffee  # far from black and white, so that nothing is clipped
    matched = match_colors(soft, 0.35 + 0.3 * cat)
    for found, wanted in zip(moments(matched), moments(0.35 + 0.3 * cat), strict=True):
        np.testing.assert_allclose(found, wanted, atol=2e-3)
    assert np.corrcoef(luminance(matched).ravel(), luminance(soft).ravel())[0, 1] > 0.9


def test_a_picture_matched_to_itself_comes_back(cat):
    np.testing.assert_allclose(match_colors(cat, cat), cat, atol=2e-3)


def test_one_color_has_nothing_to_stretch(cat):
    flat = np.full((20, 30, 3), 0.5, np.float32)
    for matched in (match_colors(flat, cat), match_luminance(flat, cat)):
        assert np.isfinite(matched).all()
        assert matched.std(axis=(0, 1)).max() < 1e-3


def test_matched_luminance(cat, coffee):
    matched = match_luminance(0.3 + 0.4 * coffee, 0.3 + 0.3 * cat)
    assert np.ptp(matched, axis=2).max() == 0
    wanted = luminance(0.3 + 0.3 * cat)
    assert matched.mean() == pytest.approx(wanted.mean(), abs=2e-3)
    assert matched[..., 0].std() == pytest.approx(wanted.std(), abs=2e-3)


def test_luminance_of_one_and_colors_of_another(cat):
    soft = 0.3 + 0.3 * cat
    light = gray(0.9 * luminance(soft))
    result = with_luminance(soft, light)
    np.testing.assert_allclose(luminance(result), luminance(light), atol=2e-3)
    np.testing.assert_allclose(result - result.mean(2, keepdims=True), soft - soft.mean(2, keepdims=True), atol=0.03)
    np.testing.assert_allclose(with_luminance(cat, cat), cat, atol=1e-4)
