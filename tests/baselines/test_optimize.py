import os
from dataclasses import replace

import numpy as np
import pytest

from conftest import shared
from pasticcio.baselines.objective import Objective
from pasticcio.baselines.optimize import Settings, optimize
from pasticcio.baselines.scales import resize
from pasticcio.errors import ImageError, StyleError
from pasticcio.image.picture import Picture
from pasticcio.image.read import read_picture
from pasticcio.image.resize import style_view
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.pretrained import load_vgg


def small(cat):
    return resize(cat.astype(np.float32) / 255, (40, 48))


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_the_loss_falls_and_is_that_of_the_result(cat, bands, optimized, quick, small_loss, method):
    result = optimized(cat, bands, replace(quick, method=method, learning_rate=0.05))
    assert result.iterations == 12
    assert result.losses["total"] < 0.5 * result.before["total"]
    assert result.picture.pixels.shape == (40, 48, 3)
    network = load_vgg("vgg19", small_loss.layers(), "random", padding="reflect")
    styles = [(style_view(bands.astype(np.float32) / 255, 40), 1.0)]
    relative = replace(small_loss, relative_content=True)  # a network that is not the normalized one
    measured = Objective(network, small(cat), styles, relative).measure(result.picture.pixels.astype(np.float32) / 255)
    assert measured["total"] == pytest.approx(result.losses["total"], rel=0.05)  # of 8 bits a channel


def test_the_photo_is_the_start_and_noise_is_another(cat, bands, optimized, quick):
    assert optimized(cat, bands, replace(quick, iterations=1)).before["content"] == pytest.approx(0, abs=1e-6)
    a, b, c = (optimized(cat, bands, replace(quick, start="noise", iterations=1, seed=seed)) for seed in (0, 0, 1))
    assert a.before["content"] > 0.5
    assert np.array_equal(a.picture.pixels, b.picture.pixels)
    assert not np.array_equal(a.picture.pixels, c.picture.pixels)


def test_the_network_start_is_its_output(cat, bands, optimized, quick, model_folder):
    settings = replace(quick, start="network", iterations=1)
    result = optimized(cat, bands, settings, stylizer=Stylizer(model_folder))
    style = style_view(bands.astype(np.float32) / 255, 40)
    wanted = Stylizer(model_folder).stylize(small(cat), style)
    assert np.abs(result.picture.pixels / 255 - wanted).max() < 1 / 255


def test_coarse_to_fine(cat, bands, optimized, quick):
    seen = []
    result = optimized(cat, bands, replace(quick, size=96, scales=2, iterations=5), report=seen.append)
    assert [(step.scale, step.iteration) for step in seen] == [(s, i) for s in (1, 2) for i in range(1, 6)]
    assert [seen[0].image().shape, seen[-1].image().shape] == [(40, 48, 3), (80, 96, 3)]
    alone = optimized(cat, bands, replace(quick, size=96, iterations=5))
    assert result.before["total"] < 0.7 * alone.before["total"]  # the second scale begins with the first's result
    assert result.picture.pixels.shape == (80, 96, 3)


def test_interrupted_at_a_coarse_scale_still_has_the_full_size(cat, bands, optimized, quick):
    def interrupt(step):
        raise KeyboardInterrupt

    result = optimized(cat, bands, replace(quick, size=96, scales=2), report=interrupt)
    assert (result.interrupted, result.iterations) == (True, 1)
    assert result.picture.pixels.shape == (80, 96, 3)


def test_styles_are_mixed_by_weights_that_are_equal_by_default(cat, bands, optimized, quick):
    other, settings = cat[::-1].copy(), replace(quick, iterations=2)
    mixed = optimized(cat, [(bands, 0.5), (other, 0.5)], settings).picture.pixels
    assert not np.array_equal(mixed, optimized(cat, bands, settings).picture.pixels)
    assert np.array_equal(mixed, optimized(cat, [bands, other], settings).picture.pixels)
    with pytest.raises(StyleError, match=r"sum to 0\.9"):
        optimized(cat, [(bands, 0.5), (other, 0.4)])
    with pytest.raises(StyleError, match="at least one style"):
        optimized(cat, [])


def test_a_black_mask_keeps_the_photo_and_white_is_no_mask(cat, bands, optimized, quick):
    left = np.zeros((50, 60), np.uint8)
    left[:, :30] = 255
    for start in ("photo", "noise"):
        found = optimized(cat, bands, replace(quick, start=start), mask=left).picture.pixels / 255
        assert np.abs(found - small(cat))[:, 27:].max() < 1 / 255
        assert np.abs(found - small(cat))[:, :20].mean() > 0.03
    white, once = np.full((10, 10), 255, np.uint8), replace(quick, iterations=1)
    masked, plain = optimized(cat, bands, once, mask=white), optimized(cat, bands, once)
    assert masked.losses["total"] == pytest.approx(plain.losses["total"], rel=1e-5)


def test_colors_are_kept(cat, bands, optimized, quick):
    def saturation(pixels):
        return (pixels.max(2) - pixels.min(2)).mean()

    gray = np.repeat(cat.mean(2, keepdims=True), 3, axis=2).astype(np.uint8)
    settings = replace(quick, iterations=25)
    plain, matched, light = (
        optimized(gray, bands, replace(settings, colors=c)).picture.pixels.astype(float)
        for c in ("style", "match", "luminance")
    )
    assert saturation(plain) > 3 * saturation(matched)
    assert saturation(light) < 2
    assert np.abs(light - plain).mean() > 2


def test_alpha_depth_and_exif_stay(cat, bands, optimized, quick):
    alpha = np.full(cat.shape[:2], 65535, np.uint16)
    alpha[:100] = 0
    photo = Picture(cat.astype(np.uint16) * 257, alpha, exif=b"Exif")
    found = optimized(photo, bands, replace(quick, iterations=2)).picture
    assert (found.pixels.dtype, found.alpha.shape, found.exif) == (np.uint16, (40, 48), b"Exif")
    assert found.alpha[:18].max() == 0
    assert found.alpha[22:].min() == 65535


def test_bf16_stays_near_float32(cat, bands, optimized, quick):
    a, b = (optimized(cat, bands, replace(quick, precision=p)) for p in ("float32", "bf16"))
    assert b.before["total"] == pytest.approx(a.before["total"], rel=0.05)
    assert b.losses["total"] < 0.5 * b.before["total"]


def test_bad_pictures_are_explained(cat, bands, optimized):
    with pytest.raises(StyleError, match="dance is a named style"):
        optimized(cat, "dance")
    with pytest.raises(ImageError, match="no such file"):
        optimized(cat, "none.jpg")
    with pytest.raises(ImageError, match="at the coarsest of 1 scales"):
        optimized(cat[:20], bands)


@pytest.mark.slow
def test_the_network_start_saves_iterations(cat):
    """With real weights: after as many iterations the loss is lower than from the photo."""
    vgg = str(shared("weights", "vgg19_normalised_conv4_1.safetensors"))
    from skimage import data

    settings = Settings(size=128, iterations=10)
    style = data.coffee()[:200, :200]
    far = optimize(cat, style, replace(settings, start="photo"), vgg=vgg)
    near = optimize(cat, style, settings, vgg=vgg)
    assert near.losses["total"] < far.losses["total"]


def test_a_photo_file_can_be_given(photo_file, style_file, optimized, quick):
    result = optimized(os.fspath(photo_file), style_file, replace(quick, iterations=1))
    assert result.picture.pixels.shape == (32, 48, 3)
    assert read_picture(photo_file).pixels.shape == (300, 451, 3)
