from dataclasses import replace

import pytest
import torch

from pasticcio.errors import ModelError
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.predictor import SEEN
from pasticcio.training.model_folder import save_model
from pasticcio.training.slope import Grams, Slope, add_slope, loss_network

ENCODED = {"transfer": "encoded", "predictor": "statistics"}


@pytest.mark.parametrize(
    "change",
    [{"predictor_directions": 8}, ENCODED, {**ENCODED, "predictor_forecast": {"relu1_1": 3, "relu2_1": 4}}],
    ids=["branch", "statistics", "forecast"],
)
def test_a_step_against_the_slope_lowers_the_loss(tiny, change):
    torch.manual_seed(0)
    network = StyleNetwork(replace(tiny, **change)).eval().requires_grad_(False)
    if "transfer" in change:
        network.transfer.encoder.randomize(0)
        network.predictor.vgg.randomize(0)
    if "predictor_forecast" in change:
        network.predictor.forecast.style.narrow.randomize(1)
        torch.nn.init.normal_(network.predictor.forecast.back)
    judge = loss_network(network)
    assert list(judge[1].style) == list(change.get("predictor_forecast", SEEN))
    grams = Grams(*judge)(torch.rand(1, 3, 64, 64))
    embedding, content = torch.randn(1, tiny.embedding), torch.rand(2, 3, 64, 64)
    slope, weight = Slope(network, *judge), torch.ones(1)
    loss, gradient, *direction = slope(embedding, content, weight, *grams)
    assert len(direction) == ("predictor_forecast" in change), "only a forecast knows a basis for it"
    for way in (gradient, *direction):
        assert slope(embedding - 1e-2 * way / way.norm(), content, weight, *grams)[0] < loss


def test_the_direction_is_that_of_the_gradient_in_the_basis_of_the_forecast(tiny):
    torch.manual_seed(0)
    network = StyleNetwork(replace(tiny, **ENCODED, predictor_forecast={"relu1_1": 3})).eval().requires_grad_(False)
    forecast = network.predictor.forecast
    torch.nn.init.normal_(forecast.back)
    judge = loss_network(network)
    grams, content = Grams(*judge)(torch.rand(1, 3, 64, 64)), torch.rand(2, 3, 64, 64)
    slope = Slope(network, *judge)
    coordinates = torch.randn(1, tiny.embedding, requires_grad=True)
    weight = torch.ones(1)
    slope.loss(coordinates @ forecast.back, content, weight, grams).backward()
    _, _, direction = slope((coordinates @ forecast.back).detach(), content, weight, *grams)
    torch.testing.assert_close(direction, coordinates.grad @ forecast.back, atol=1e-4, rtol=1e-3)


def test_a_predictor_without_a_loss_network_has_no_slope(tiny, tmp_path):
    save_model(tmp_path / "model", StyleNetwork(tiny), "tiny", {})
    with pytest.raises(ModelError, match="holds no loss network"):
        add_slope(tmp_path / "model")
