import pytest
import torch

from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.nn.statistics import StatisticsPredictor


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(0)
    predictor = StatisticsPredictor(embedding=6, widths=(4, 4, 8, 8), hidden=5)
    predictor.vgg.randomize(0)
    return predictor


def test_statistics_are_means_and_deviations_of_four_layers(predictor):
    style = torch.rand(2, 3, 40, 56)
    described = predictor.describe(style)
    assert described.shape == (2, 2 * (4 + 4 + 8 + 8))
    last = predictor.vgg(style)["relu4_1"]
    torch.testing.assert_close(described[:, -16:-8], last.mean((2, 3)))
    torch.testing.assert_close(described[:, -8:], last.std((2, 3), unbiased=False), atol=4e-3, rtol=1e-2)


def test_square_roots_are_standardized(predictor):
    described = predictor.describe(torch.rand(64, 3, 16, 16))
    predictor.measure(described)
    x = (described.sqrt() - predictor.centre) / predictor.spread
    torch.testing.assert_close(x.mean(0), torch.zeros(48), atol=1e-3, rtol=0)
    assert x.std(0).max() <= 1
    torch.testing.assert_close(predictor.embed(described), predictor.direct(x))  # the hidden layer adds nothing yet


def test_only_what_is_not_pretrained_learns(predictor):
    torch.nn.init.normal_(predictor.out.weight)
    predictor(torch.rand(2, 3, 32, 32)).square().sum().backward()
    assert all(not p.requires_grad for p in predictor.vgg.parameters())
    learning = [predictor.direct.weight, predictor.hidden.weight, predictor.out.weight]
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in learning)


def test_its_widths_are_those_of_four_blocks():
    with pytest.raises(ValueError, match="predictor_widths has 3 numbers; a VGG-19 takes 4"):
        NetworkConfig(predictor="statistics")
    network = StyleNetwork(NetworkConfig(predictor="statistics", predictor_widths=(4, 4, 8, 8), predictor_hidden=5))
    assert network.predictor.centre.shape == (48,)
