import math

import pytest
import torch
from accelerate import Accelerator
from torch import nn

from pasticcio.training.gradient import clip_gradient, mean_gradient


def test_parts_give_the_gradient_and_the_losses_of_all_of_them_at_once():
    torch.manual_seed(0)
    network, photos = nn.Linear(3, 2), torch.randn(6, 3)

    def losses(batch, turn):
        error = network(batch).square().mean()
        return {"total": error * (1 + turn), "error": error}

    whole = mean_gradient(Accelerator(), network, losses, [(photos, 1)])
    wanted = network.weight.grad.clone()
    network.zero_grad()
    found = mean_gradient(Accelerator(), network, losses, [(part, 1) for part in photos.split(2)])
    assert found == pytest.approx(whole)
    assert found["total"] == pytest.approx(2 * found["error"])
    torch.testing.assert_close(network.weight.grad, wanted)


def test_groups_apart_are_clipped_alone():
    weights = [nn.Parameter(torch.zeros(1)) for _ in range(3)]
    for weight, gradient in zip(weights, (3.0, 4.0, 12.0), strict=True):
        weight.grad = torch.tensor([gradient])
    groups = [{"params": [weight], "apart": number == 2} for number, weight in enumerate(weights)]
    assert clip_gradient(Accelerator(), groups, 2.5) == pytest.approx(13)
    assert [weight.grad.item() for weight in weights] == pytest.approx([1.5, 2.0, 2.5], rel=1e-4)
    assert clip_gradient(Accelerator(), groups, math.inf) == pytest.approx(math.hypot(2.5, 2.5), rel=1e-4)
