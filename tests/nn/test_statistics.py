import pytest
import torch
import torch.nn.functional as F

from pasticcio.nn.predictor import WIDE, moments
from pasticcio.nn.statistics import StatisticsPredictor


@pytest.fixture(scope="module")
def predictor():
    torch.manual_seed(0)
    predictor = StatisticsPredictor(embedding=6, hidden=5)
    predictor.vgg.randomize(0)
    return predictor


def test_statistics_are_those_of_colors_and_layers_and_roots_of_the_widened_ones(predictor):
    style = torch.rand(2, 3, 40, 56)
    described = predictor.describe(style)
    assert described.shape == (2, len(predictor.centre))
    torch.testing.assert_close(described[:, :3], 4 * (style - 0.5).mean((2, 3)))
    last = predictor.vgg(style)["relu4_1"]
    wide = F.relu(predictor.widen(last))
    torch.testing.assert_close(described[:, -2 * WIDE :].square(), moments(wide), atol=1e-4, rtol=1e-4)


def test_what_is_described_is_standardized(predictor):
    described = predictor.describe(torch.rand(24, 3, 16, 16))
    predictor.measure(described)
    x = (described - predictor.centre) / predictor.spread
    torch.testing.assert_close(x.mean(0), torch.zeros(len(x[0])), atol=1e-2, rtol=0)
    assert x.std(0).max() <= 1.001
    torch.testing.assert_close(predictor.embed(described), predictor.direct(x))  # the hidden layer adds nothing yet


def test_every_part_learns(predictor):
    torch.nn.init.normal_(predictor.out.weight)
    predictor(torch.rand(2, 3, 32, 32)).square().sum().backward()
    idle = [name for name, p in predictor.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
    assert set(idle) <= {"vgg.input.weight", "vgg.input.bias"}
