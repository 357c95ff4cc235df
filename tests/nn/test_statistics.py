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


def test_quadratic_forms_take_part_in_a_linear_map():
    torch.manual_seed(1)
    predictor = StatisticsPredictor(embedding=3, hidden=5, forms=2)
    predictor.vgg.randomize(0)
    styles = torch.rand(6, 3, 24, 32)
    with torch.no_grad():
        predictor.forms.measure([predictor.layers(style[None]) for style in styles])
        described = predictor.describe(styles)
        predictor.measure(described)
        x = predictor.standardized(described)
        torch.testing.assert_close(x.mean(0), torch.zeros(len(x[0])), atol=1e-2, rtol=0)
        weight, bias = torch.randn(3, len(x[0])), torch.randn(3)
        predictor.set_linear(weight, bias)
        torch.testing.assert_close(predictor(styles), F.linear(x, weight, bias), atol=1e-3, rtol=1e-4)
        assert (predictor(styles) - F.linear(x[:, :-8], weight[:, :-8], bias)).abs().max() > 0.1  # four layers' forms


def test_a_whitened_map_sees_all_directions_alike_and_folds_away():
    torch.manual_seed(2)
    predictor = StatisticsPredictor(embedding=3, hidden=5, forms=2)
    predictor.vgg.randomize(0)
    styles = torch.rand(16, 3, 24, 32) * torch.rand(16, 3, 1, 1)
    with torch.no_grad():
        predictor.forms.measure([predictor.layers(style[None]) for style in styles])
        described = predictor.describe(styles)
        predictor.measure(described)
        before = predictor(styles)
        predictor.whiten(described, 4)
        torch.testing.assert_close(predictor(styles), before)  # it begins at zero
        x = F.linear(predictor.standardized(described), predictor.whitening)
        alone = torch.corrcoef(x.T) - torch.eye(4)
        assert alone.abs().max() < 0.1
        assert x.std(0).min() > 0.8
        assert x.std(0).max() < 1.1
        torch.nn.init.normal_(predictor.whitened.weight)
        learned = predictor(styles)
        assert (learned - before).abs().max() > 0.1
        predictor.fold()
        torch.testing.assert_close(predictor(styles), learned, atol=1e-4, rtol=1e-4)
    assert not [name for name in predictor.state_dict() if "white" in name]


def test_whitening_takes_at_most_a_direction_for_two_styles(predictor):
    described = predictor.describe(torch.rand(6, 3, 16, 16))
    predictor.whiten(described, 50)
    assert predictor.whitening.shape == (3, len(predictor.centre))
    predictor.fold()


def test_every_part_learns(predictor):
    torch.nn.init.normal_(predictor.out.weight)
    predictor(torch.rand(2, 3, 32, 32)).square().sum().backward()
    idle = [name for name, p in predictor.named_parameters() if p.grad is None or p.grad.abs().max() == 0]
    assert set(idle) <= {"vgg.input.weight", "vgg.input.bias"}
