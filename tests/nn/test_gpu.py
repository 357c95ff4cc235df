"""The networks on a CUDA device against the same networks on the CPU."""

import pytest
import torch

from pasticcio.nn.losses import LossConfig, gram_matrix, perceptual_loss
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.vgg import Vgg, VggConfig

pytestmark = pytest.mark.gpu
LOSS = LossConfig(content={"relu2_1": 1.0}, style={"relu1_1": 20.0, "relu2_1": 20.0})


def loss_and_gradients(network, vgg, photos, styles):
    """The training loss of one batch, and its gradient at every weight."""
    network.zero_grad()
    features = vgg(network(photos, styles))
    grams = {layer: gram_matrix(found) for layer, found in vgg(styles).items()}
    total = sum(perceptual_loss(features, vgg(photos), grams, LOSS).values()).sum()
    total.backward()
    return total.item(), {name: weight.grad.cpu() for name, weight in network.named_parameters()}


def test_loss_and_gradients_are_those_of_the_cpu(tiny):
    torch.manual_seed(0)
    network, vgg = StyleNetwork(tiny).eval(), Vgg(VggConfig(), LOSS.layers())
    vgg.randomize(0)
    pictures = torch.rand(2, 2, 3, 64, 64)
    loss, gradients = loss_and_gradients(network, vgg, *pictures)
    found, others = loss_and_gradients(network.cuda(), vgg.cuda(), *pictures.cuda())
    assert found == pytest.approx(loss, rel=1e-3)
    for name, gradient in gradients.items():
        torch.testing.assert_close(others[name], gradient, rtol=0.02, atol=1e-3 * gradient.abs().max().item())
