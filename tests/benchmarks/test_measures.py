import sys
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import shared

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from measures import Measures, clipped, frame, spectrum, squeezenet, ssim, variation
from pairs import PHOTOS, STYLES, pairs


@pytest.fixture
def cat(photo):
    return photo[:256, :256].astype(np.float32) / 255


def test_pairs_use_every_photo_and_style_equally_often():
    assert (len(PHOTOS), len(STYLES), len(pairs(1))) == (20, 40, 800)
    thin = pairs(10)
    assert len(set(thin)) == 80
    assert {sum(p == q for q, _ in thin) for p in range(20)} == {4}
    assert {sum(s == t for _, t in thin) for s in range(40)} == {2}


@pytest.mark.parametrize(("period", "peak"), [(4, "quarter_peak"), (2, "half_peak")])
def test_spectrum_sees_a_weave(cat, period, peak):
    woven = cat.copy()
    woven[:, ::period] += 0.02
    assert spectrum(cat)[peak] < 2
    assert spectrum(woven)[peak] > 2 * spectrum(cat)[peak]


def test_frame_sees_a_border():
    image = np.full((64, 64, 3), 0.5, np.float32)
    assert frame(image) == pytest.approx(1.0)
    image[:8] = image[-8:] = image[:, :8] = image[:, -8:] = 0.4
    assert frame(image) == pytest.approx(0.8)


def test_clipped_counts_pixels_at_the_ends_in_every_channel():
    image = np.full((10, 10, 3), 0.5, np.float32)
    image[:2] = [1, 0, 1]
    image[2] = [1, 0, 0.5]
    assert clipped(image) == pytest.approx(0.2)


def test_structure_and_variation(cat):
    assert ssim(cat, cat) == pytest.approx(1)
    assert ssim(cat, cat[::-1]) < 0.6
    assert variation(0.5 * cat) == pytest.approx(0.5 * variation(cat), rel=1e-4)


def test_squeezenet_halves_with_ceiling_pools():
    state = {"conv1.weight": torch.randn(96, 3, 7, 7), "conv1.bias": torch.zeros(96)}
    inputs = 96
    for number, (squeeze, expand) in enumerate(
        [(16, 64), (16, 64), (32, 128), (32, 128), (48, 192), (48, 192), (64, 256)], 2
    ):
        for name, shape in {
            "s": (squeeze, inputs, 1, 1), "e1": (expand, squeeze, 1, 1), "e3": (expand, squeeze, 3, 3),
        }.items():  # fmt: skip
            state[f"fire{number}.{name}.weight"] = torch.randn(shape) * 0.1
            state[f"fire{number}.{name}.bias"] = torch.zeros(shape[0])
        inputs = 2 * expand
    found = squeezenet(torch.rand(1, 3, 256, 256), state)
    assert {name: tuple(x.shape[1:]) for name, x in found.items()} == {
        "conv1": (96, 125, 125), "fire3": (128, 62, 62), "fire5": (256, 31, 31), "fire8": (512, 31, 31),
    }  # fmt: skip


def test_a_photo_is_as_far_from_itself_as_nothing_and_style_follows(cat):
    measures = Measures(shared("weights"))
    photo, style = measures.photo(cat), measures.style(cat[:, ::-1].copy())
    figures = measures(cat, photo, measures.style(cat))
    for name in ("content4", "content3", "style", "squeeze_content", "squeeze_style"):
        assert figures[name] == pytest.approx(0, abs=1e-6)
    assert measures(cat, photo, style)["style"] < 0.05  # a mirrored picture has nearly the same Gram matrices
    assert measures(1 - cat, photo, style)["content4"] > 0.5
