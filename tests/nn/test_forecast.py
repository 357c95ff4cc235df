import pytest
import torch
from torch import nn

from pasticcio.nn.forecast import REACH, Forecast
from pasticcio.nn.network import NetworkConfig, StyleNetwork

PARTS = {"relu1_1": 3, "relu2_1": 4}


@pytest.fixture
def forecast():
    torch.manual_seed(0)
    forecast = Forecast(embedding=5, parts=PARTS, widths=(4, 6, 8, 8, 8))
    forecast.weights.copy_(torch.tensor([2.0, 3.0]))
    forecast.photo.copy_(torch.tensor([0.05, 0.1]))
    forecast.spread.copy_(torch.rand(5) + 0.5)
    forecast.centre.copy_(torch.randn(5))
    nn.init.normal_(forecast.last.weight, std=0.03)
    return forecast


def test_the_slope_is_the_gradient_of_the_loss(forecast):
    z, wanted, sizes = torch.randn(6, 5), torch.randn(6, 7), 0.3 * torch.randn(6, 2)
    z.requires_grad_(True)
    (wanted_slope,) = torch.autograd.grad(forecast.loss(forecast.guess(z), wanted, sizes).sum(), z)
    assert wanted_slope.abs().min() > 0
    torch.testing.assert_close(forecast.slope(z, wanted, sizes), wanted_slope, atol=1e-5, rtol=1e-4)


def styles(count):
    return torch.randn(count, 7) / 3, 0.3 * torch.randn(count, 2)


def test_a_corrected_embedding_has_less_loss_by_the_guess(forecast):
    forecast.trust.fill_(20.0)
    embedding, wanted = torch.randn(8, 5), styles(8)
    with torch.no_grad():
        corrected = forecast.descend(embedding, *wanted)
        before, after = (forecast.loss(forecast.guess(e @ forecast.axes), *wanted) for e in (embedding, corrected))
    assert (after < before).all()


def test_steps_too_long_for_the_loss_are_taken_back(forecast):
    nn.init.normal_(forecast.last.weight, std=3.0)  # so steep that a step of plain descent leads anywhere
    forecast.trust.fill_(1.0)
    embedding, wanted = torch.randn(8, 5), styles(8)
    with torch.no_grad():
        corrected = forecast.descend(embedding, *wanted)
        before, after = (forecast.loss(forecast.guess(e @ forecast.axes), *wanted) for e in (embedding, corrected))
    assert (after <= before).all()
    assert (after < before).any()


def test_the_style_is_read_from_its_picture(forecast):
    embedding, pictures = torch.randn(2, 5), torch.rand(2, 3, 32, 48)
    forecast.style.narrow.randomize(0)
    with torch.no_grad():
        corrected = forecast(embedding, pictures)
        torch.testing.assert_close(corrected, forecast.descend(embedding, *forecast.style(pictures)))
        assert (corrected - forecast(embedding, pictures.flip(0))).norm(dim=1).min() > 1e-5


def test_trust_keeps_embeddings_near_the_predicted_ones(forecast):
    embedding, wanted = torch.randn(8, 5), styles(8)
    ways = []
    with torch.no_grad():
        for trust in (1e-6, 1e3, 1e4):
            forecast.trust.fill_(trust)
            ways.append((forecast.descend(embedding, *wanted) - embedding).norm(dim=1))
    assert ways[0].max() <= REACH * 1.001
    assert ways[0].min() > 0.01
    torch.testing.assert_close(ways[1], 10 * ways[2], rtol=0.3, atol=1e-4)


def test_a_style_is_corrected_alike_alone_and_among_others(forecast):
    embedding, wanted = torch.randn(4, 5), styles(4)
    with torch.no_grad():
        together = forecast.descend(embedding, *wanted)
        alone = [forecast.descend(embedding[i : i + 1], *(x[i : i + 1] for x in wanted)) for i in range(4)]
    torch.testing.assert_close(torch.cat(alone), together, atol=1e-4, rtol=1e-4)


def test_in_another_basis_the_network_renders_the_same(forecast):
    torch.manual_seed(3)
    config = NetworkConfig(transfer="encoded", predictor="statistics", embedding=5, half=8, quarter=8, eighth=8)
    network = StyleNetwork(config).eval()
    network.predictor.vgg.randomize(0)
    known = Forecast(embedding=5, parts=PARTS)
    known.style.narrow.randomize(0)
    nn.init.normal_(known.last.weight)
    network = network.with_forecast(known).eval()
    assert network.config.predictor_forecast == PARTS
    photo, style = torch.rand(1, 3, 32, 32), torch.rand(1, 3, 24, 24)
    with torch.no_grad():
        predictor = network.predictor
        assert (predictor(style) - predictor.embed(predictor.describe(style))).abs().max() > 1e-4
        embedding, before = predictor(style), network(photo, style)
        basis = torch.randn(5, 5) + 3 * torch.eye(5)
        network.turn(basis)
        torch.testing.assert_close(predictor(style), embedding @ basis, atol=1e-3, rtol=1e-3)
        torch.testing.assert_close(network(photo, style), before, atol=2e-3, rtol=1e-2)  # of steps taken back


def test_only_a_statistics_predictor_has_a_forecast():
    with pytest.raises(ValueError, match="only the statistics predictor"):
        NetworkConfig(predictor_forecast=PARTS)
