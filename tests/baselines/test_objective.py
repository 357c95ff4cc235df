import numpy as np
import pytest
import torch

from pasticcio.baselines.objective import Objective, loss_for, pooled
from pasticcio.baselines.settings import LOSS
from pasticcio.nn.losses import gram_matrix
from pasticcio.nn.tensors import to_array
from pasticcio.training.pretrained import load_vgg


def test_losses_are_those_of_training(cat, bands):
    """Total by the definitions of `docs/benchmarks.md`, computed here by hand."""
    network = load_vgg("vgg19", LOSS.layers(), "random", padding="reflect")
    photo, style = (torch.from_numpy(x[:64, :64] / 255).float().permute(2, 0, 1)[None] for x in (cat, bands))
    output = (0.6 * photo + 0.4 * style).clamp(0, 1)
    y, c, s = network(output), network(photo), network(style)
    content = sum((y[k] - c[k]).square().mean() for k in ("relu3_3", "relu4_1"))
    grams = [(gram_matrix(y[k]), gram_matrix(s[k])) for k in ("relu1_1", "relu2_1", "relu3_1", "relu4_1")]
    wanted = content + sum(20 * torch.log1p((a - b).square().sum() / b.square().sum()) for a, b in grams)
    arrays = [to_array(x) for x in (photo, style, output)]
    found = Objective(network, arrays[0], [(arrays[1], 1.0)]).measure(arrays[2])
    assert found["total"] == pytest.approx(wanted.item(), rel=1e-4)
    assert found["total"] == pytest.approx(found["content"] + found["style"], rel=1e-5)


def test_several_styles_want_the_mean_of_their_gram_matrices(cat, bands, small_loss):
    network = load_vgg("vgg19", small_loss.layers(), "random", padding="reflect")
    a, b, photo = (x[:40, :40].astype(np.float32) / 255 for x in (bands, cat[::-1].copy(), cat))
    both, one, two = (
        Objective(network, photo, styles, small_loss).grams
        for styles in ([(a, 0.25), (b, 0.75)], [(a, 1.0)], [(b, 1.0)])
    )
    for layer in small_loss.style:
        torch.testing.assert_close(both[layer], 0.25 * one[layer] + 0.75 * two[layer])


def test_masks_follow_the_loss_network_down():
    mask = torch.rand(1, 1, 37, 50)
    network = load_vgg("vgg19", LOSS.layers(), "random", padding="reflect")
    for layer, found in network(torch.rand(1, 3, 37, 50)).items():
        assert pooled(mask, int(layer[4]) - 1).shape[2:] == found.shape[2:]


def test_content_of_torchvisions_networks_does_not_depend_on_the_scale_of_their_features():
    scaled = loss_for("vgg16", LOSS)
    assert scaled.relative_content
    assert scaled.content == {"relu3_3": 1.6, "relu4_1": 3.0}
    assert loss_for("vgg19", scaled) == scaled
    assert loss_for("vgg19-normalised", LOSS) == LOSS
