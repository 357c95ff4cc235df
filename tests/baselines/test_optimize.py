import contextlib
import os
import signal
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch

from conftest import shared
from pasticcio.baselines import optimize as module
from pasticcio.baselines.optimize import LOSS, Objective, Settings, optimize, pooled
from pasticcio.errors import ImageError, OptionError, StyleError, TrainingError
from pasticcio.image.picture import Picture, read_picture
from pasticcio.nn.losses import LossConfig, gram_matrix
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.pretrained import load_vgg

SMALL = LossConfig(content={"relu2_1": 1.0}, style={"relu1_1": 20.0, "relu2_1": 20.0}, relative=True)
QUICK = Settings(size=48, iterations=12, start="photo", loss=SMALL)


@pytest.fixture
def cat(photo):
    return photo[40:240, 100:340]


@pytest.fixture
def bands():
    """Upright bands of two colors."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, ::8] = image[:, 1::8] = image[:, 2::8] = (230, 120, 20)
    return image


def run(cat, style, settings=QUICK, **keywords):
    return optimize(cat, style, settings, vgg="random", **keywords)


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_the_loss_falls_and_the_result_is_the_best_picture(cat, bands, method):
    seen = []
    result = run(cat, bands, replace(QUICK, method=method, learning_rate=0.05), report=seen.append)
    assert [step.iteration for step in seen] == list(range(1, 13))
    assert result.losses["total"] < 0.5 * result.before["total"]
    assert result.losses["total"] == min(step.losses["total"] for step in seen) == seen[-1].best
    assert result.picture.pixels.shape == (40, 48, 3)
    assert all(a.seconds < b.seconds for a, b in pairwise(seen))
    network = load_vgg("vgg19", SMALL.layers(), "random", padding="reflect")
    content = module.resize(cat.astype(np.float32) / 255, (40, 48))
    styles = [(module.style_view(bands.astype(np.float32) / 255, 40), 1.0)]
    relative = replace(SMALL, relative_content=True)  # a network that is not the normalised one
    measured = Objective(network, content, styles, relative).measure(result.picture.pixels.astype(np.float32) / 255)
    assert measured["total"] == pytest.approx(result.losses["total"], rel=0.05)  # of 8 bits a channel


def test_losses_are_those_of_training(cat, bands):
    """Total by the definitions of `docs/benchmarks.md`, computed here by hand."""
    network = load_vgg("vgg19", LOSS.layers(), "random", padding="reflect")
    photo, style = (torch.from_numpy(x[:64, :64] / 255).float().permute(2, 0, 1)[None] for x in (cat, bands))
    output = (0.6 * photo + 0.4 * style).clamp(0, 1)
    y, c, s = network(output), network(photo), network(style)
    content = sum((y[k] - c[k]).square().mean() for k in ("relu3_3", "relu4_1"))
    grams = [(gram_matrix(y[k]), gram_matrix(s[k])) for k in ("relu1_1", "relu2_1", "relu3_1", "relu4_1")]
    wanted = content + sum(20 * torch.log1p((a - b).square().sum() / b.square().sum()) for a, b in grams)
    arrays = [module.to_array(x) for x in (photo, style, output)]
    found = Objective(network, arrays[0], [(arrays[1], 1.0)]).measure(arrays[2])
    assert found["total"] == pytest.approx(wanted.item(), rel=1e-4)
    assert found["total"] == pytest.approx(found["content"] + found["style"], rel=1e-5)


def test_the_photo_is_the_start_and_noise_is_another(cat, bands):
    assert run(cat, bands, replace(QUICK, iterations=1)).before["content"] == pytest.approx(0, abs=1e-6)
    a, b, c = (run(cat, bands, replace(QUICK, start="noise", iterations=1, seed=seed)) for seed in (0, 0, 1))
    assert a.before["content"] > 0.5
    assert np.array_equal(a.picture.pixels, b.picture.pixels)
    assert not np.array_equal(a.picture.pixels, c.picture.pixels)


def test_the_network_start_is_its_output(cat, bands, model_folder):
    settings = replace(QUICK, start="network", iterations=1)
    result = run(cat, bands, settings, stylizer=Stylizer(model_folder))
    content = module.resize(cat.astype(np.float32) / 255, (40, 48))
    style = module.style_view(bands.astype(np.float32) / 255, 40)
    wanted = Stylizer(model_folder).stylize(content, style)
    assert np.abs(result.picture.pixels / 255 - wanted).max() < 1 / 255


def test_interrupted_keeps_the_best_so_far(cat, bands):
    seen = []

    def interrupt(step):
        seen.append(step)
        if step.iteration == 7:
            raise KeyboardInterrupt

    result = run(cat, bands, report=interrupt)
    assert (result.interrupted, result.iterations, len(seen)) == (True, 7, 7)
    assert result.losses["total"] == min(step.losses["total"] for step in seen) < seen[0].losses["total"]
    assert np.abs(result.picture.pixels / 255 - seen[-1].image()).max() < 1 / 255


def test_a_ctrl_c_that_python_drops_still_ends_the_run(cat, bands):
    def drop(step):
        if step.iteration == 3:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    result = run(cat, bands, report=drop)
    assert (result.interrupted, result.iterations) == (True, 3)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupted_within_the_first_iteration_keeps_the_start(cat, bands, monkeypatch):
    def interrupt(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(module.Descent, "_evaluate", interrupt)
    result = run(cat, bands)
    assert (result.interrupted, result.iterations) == (True, 0)
    assert result.losses == result.before
    small = module.resize(cat.astype(np.float32) / 255, (40, 48))
    assert np.abs(result.picture.pixels / 255 - small).max() < 1 / 255


def test_coarse_to_fine(cat, bands):
    seen = []
    result = run(cat, bands, replace(QUICK, size=96, scales=2, iterations=5), report=seen.append)
    assert [(step.scale, step.iteration) for step in seen] == [(s, i) for s in (1, 2) for i in range(1, 6)]
    assert [seen[0].image().shape, seen[-1].image().shape] == [(40, 48, 3), (80, 96, 3)]
    alone = run(cat, bands, replace(QUICK, size=96, iterations=5))
    assert result.before["total"] < 0.7 * alone.before["total"]  # the second scale begins with the first's result
    assert result.picture.pixels.shape == (80, 96, 3)


def test_interrupted_at_a_coarse_scale_still_has_the_full_size(cat, bands):
    def interrupt(step):
        raise KeyboardInterrupt

    result = run(cat, bands, replace(QUICK, size=96, scales=2), report=interrupt)
    assert result.picture.pixels.shape == (80, 96, 3)


def test_large_pictures_get_coarser_scales_of_themselves():
    def long_sides(size, photo=(3000, 2000), scales=0):
        return [max(s) for s in module._sizes(photo, Settings(size=size, scales=scales))]

    assert long_sides(512) == [512]
    assert long_sides(513) == [256, 513]
    assert long_sides(2000) == [500, 1000, 2000]
    assert long_sides(2000, photo=(300, 200)) == [300]
    assert long_sides(512, scales=2) == [256, 512]


def test_several_styles_want_the_mean_of_their_gram_matrices(cat, bands):
    other = cat[::-1].copy()
    network = load_vgg("vgg19", SMALL.layers(), "random", padding="reflect")
    a, b, photo = (x[:40, :40].astype(np.float32) / 255 for x in (bands, other, cat))
    both, one, two = (
        Objective(network, photo, styles, SMALL).grams for styles in ([(a, 0.25), (b, 0.75)], [(a, 1.0)], [(b, 1.0)])
    )
    for layer in SMALL.style:
        torch.testing.assert_close(both[layer], 0.25 * one[layer] + 0.75 * two[layer])
    mixed = run(cat, [(bands, 0.5), (other, 0.5)]).picture.pixels
    assert not np.array_equal(mixed, run(cat, bands).picture.pixels)
    with pytest.raises(StyleError, match=r"sum to 0\.9"):
        run(cat, [(bands, 0.5), (other, 0.4)])
    with pytest.raises(StyleError, match="0 styles"):
        run(cat, [])


def test_a_black_mask_keeps_the_photo_and_white_is_no_mask(cat, bands):
    left = np.zeros((50, 60), np.uint8)
    left[:, :30] = 255
    small = module.resize(cat.astype(np.float32) / 255, (40, 48))
    for start in ("photo", "noise"):
        found = run(cat, bands, replace(QUICK, start=start), mask=left).picture.pixels / 255
        assert np.abs(found - small)[:, 27:].max() < 1 / 255
        assert np.abs(found - small)[:, :20].mean() > 0.03
    white = np.full((10, 10), 255, np.uint8)
    np.testing.assert_array_equal(
        run(cat, bands, replace(QUICK, iterations=1), mask=white).losses["total"],
        pytest.approx(run(cat, bands, replace(QUICK, iterations=1)).losses["total"], rel=1e-5),
    )


def test_masks_follow_the_loss_network_down():
    mask = torch.rand(1, 1, 37, 50)
    network = load_vgg("vgg19", LOSS.layers(), "random", padding="reflect")
    for layer, found in network(torch.rand(1, 3, 37, 50)).items():
        assert pooled(mask, int(layer[4]) - 1).shape[2:] == found.shape[2:]


def test_colors_are_kept(cat, bands):
    def saturation(pixels):
        return (pixels.max(2) - pixels.min(2)).mean()

    gray = np.repeat(cat.mean(2, keepdims=True), 3, axis=2).astype(np.uint8)
    settings = replace(QUICK, iterations=25)
    plain, matched, light = (
        run(gray, bands, replace(settings, colors=c)).picture.pixels.astype(float)
        for c in ("style", "match", "luminance")
    )
    assert saturation(plain) > 3 * saturation(matched)
    assert saturation(light) < 2
    assert np.abs(light - plain).mean() > 2


def test_alpha_depth_and_exif_stay(cat, bands):
    alpha = np.full(cat.shape[:2], 65535, np.uint16)
    alpha[:100] = 0
    photo = Picture(cat.astype(np.uint16) * 257, alpha, exif=b"Exif")
    found = run(photo, bands, replace(QUICK, iterations=2)).picture
    assert (found.pixels.dtype, found.alpha.shape, found.exif) == (np.uint16, (40, 48), b"Exif")
    assert found.alpha[:18].max() == 0
    assert found.alpha[22:].min() == 65535


def test_bf16_stays_near_float32(cat, bands):
    a, b = (run(cat, bands, replace(QUICK, precision=p)) for p in ("float32", "bf16"))
    assert b.before["total"] == pytest.approx(a.before["total"], rel=0.05)
    assert b.losses["total"] < 0.5 * b.before["total"]


def test_content_of_torchvisions_networks_does_not_depend_on_the_scale_of_their_features():
    scaled = module.relative_loss(LOSS)
    assert scaled.relative_content
    assert scaled.content == {"relu3_3": 1.6, "relu4_1": 3.0}
    assert module.relative_loss(replace(LOSS, relative_content=True)).content == LOSS.content


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 8}, "size is 8"),
        ({"iterations": 0}, "iterations is 0"),
        ({"method": "sgd"}, "method is 'sgd'"),
        ({"start": "nois"}, "did you mean noise"),
        ({"precision": "fp8"}, "precision is 'fp8'"),
        ({"learning_rate": 0.0}, "learning_rate is 0"),
        ({"colors": "none"}, "colors is 'none'"),
    ],
)
def test_bad_settings_are_explained(change, message):
    with pytest.raises(OptionError, match=message):
        Settings(**change)


def test_bad_pictures_are_explained(cat, bands):
    with pytest.raises(StyleError, match="dance is a named style"):
        run(cat, "dance")
    with pytest.raises(ImageError, match="no such file"):
        run(cat, "none.jpg")
    with pytest.raises(ImageError, match="at the coarsest of 1 scales"):
        run(cat[:20], bands)


def test_a_loss_that_is_not_finite_at_the_start_is_an_error(cat, bands, monkeypatch):
    monkeypatch.setattr(module, "perceptual_loss", lambda *_: {"content": torch.full((1,), float("nan"))})
    with pytest.raises(TrainingError, match="loss of the start is nan"):
        run(cat, bands)


def test_the_network_start_saves_iterations(cat):
    """With real weights: after as many iterations the loss is lower than from the photo."""
    vgg = str(shared("weights", "vgg19_normalised_conv4_1.safetensors"))
    from skimage import data

    settings = Settings(size=128, iterations=10)
    style = data.coffee()[:200, :200]
    far = optimize(cat, style, replace(settings, start="photo"), vgg=vgg)
    near = optimize(cat, style, settings, vgg=vgg)
    assert near.losses["total"] < far.losses["total"]


def test_a_photo_file_can_be_given(photo_file, style_file):
    result = run(os.fspath(photo_file), style_file, replace(QUICK, iterations=1))
    assert result.picture.pixels.shape == (32, 48, 3)
    assert read_picture(photo_file).pixels.shape == (300, 451, 3)
