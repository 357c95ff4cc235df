from contextlib import nullcontext

import pytest
import torch
from torch import nn

from pasticcio.nn.losses import gram_matrix
from pasticcio.nn.style_grams import StyleGrams
from pasticcio.nn.vgg import Vgg, VggConfig
from pasticcio.training import narrow
from pasticcio.training.batches import Batch
from pasticcio.training.narrow import teach_narrow

LAYERS = {"relu1_1": 3, "relu2_1": 4}
WIDTHS = (8, 12, 12, 12, 12)


def batches(count, seed=0):
    """Smooth random pictures."""
    draw = torch.Generator().manual_seed(seed)

    def pictures(side):
        coarse = torch.rand(4, 3, 6, 6, generator=draw)
        return (255 * nn.functional.interpolate(coarse, (side, side), mode="bicubic").clamp(0, 1)).byte()

    for _ in range(count):
        photos = pictures(32)
        yield Batch(photos, photos, pictures(40), torch.arange(4), torch.arange(4), 0, [])


@pytest.fixture
def vgg():
    vgg = Vgg(VggConfig(depth=16, widths=WIDTHS), list(LAYERS))
    vgg.randomize(1)
    return vgg


def errors(grams, vgg):
    """Relative squared errors of Gram matrices, by layer."""
    (batch,) = batches(1, seed=9)
    shown = batch.photos.float() / 255
    found = []
    with torch.no_grad():
        for x, wanted in zip(grams.features(shown), vgg(shown).values(), strict=True):
            aim = gram_matrix(wanted)
            found.append(((gram_matrix(x) - aim).square().sum((1, 2)) / aim.square().sum((1, 2))).mean().item())
    return found


def test_the_copy_learns_what_the_loss_network_says(vgg, monkeypatch):
    torch.manual_seed(0)
    found = {}
    for steps in (1, 60):
        monkeypatch.setattr(narrow, "STEPS", steps)
        grams = StyleGrams(LAYERS, depth=16, widths=WIDTHS)
        teach_narrow(grams, vgg, batches(60), nullcontext)
        found[steps] = errors(grams, vgg)
        assert not any(p.requires_grad for p in grams.narrow.parameters())
    assert max(found[1]) < 0.2  # by least squares
    assert found[60][0] < found[1][0]
    assert found[60][1] < 0.7 * found[1][1]
    assert vgg.winograd


def test_the_leading_directions_hold_most_of_the_features(vgg, monkeypatch):
    monkeypatch.setattr(narrow, "STEPS", 1)
    monkeypatch.setattr("pasticcio.nn.style_grams.LEADING", (3, 4, 4, 4, 4))
    grams = StyleGrams(LAYERS, depth=16, widths=WIDTHS)
    teach_narrow(grams, vgg, batches(4), nullcontext)
    (batch,) = batches(1, seed=9)
    with torch.no_grad():
        for turn, x in zip(grams.turns, grams.features(batch.photos.float() / 255), strict=True):
            axes = turn.weight[:, :, 0, 0]
            torch.testing.assert_close(axes @ axes.T, torch.eye(len(axes)), atol=1e-4, rtol=0)
            assert turn(x).square().sum() > 0.8 * x.square().sum()
