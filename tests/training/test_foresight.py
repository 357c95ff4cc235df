from dataclasses import replace
from pathlib import Path

import pytest
import torch

from conftest import exporting
from pasticcio.nn import forecast
from pasticcio.nn.network import StyleNetwork
from pasticcio.training import foresight, narrow
from pasticcio.training.config import read_recipe
from pasticcio.training.export import export
from pasticcio.training.forecast import fit
from pasticcio.training.model_folder import load_network, save_model
from pasticcio.training.start import begin
from pasticcio.training.train import Run

SMOKE = Path(__file__).parents[2] / "recipes" / "smoke.toml"


@pytest.fixture
def config(pictures, tmp_path):
    settings = {
        "data.photos": pictures / "photos", "data.styles": pictures / "styles", "data.workers": 0, "steps": 1,
        "sample_steps": 0, "forecast": 9, "out": tmp_path / "run", "network.predictor": "statistics",
        "network.embedding": 6, "network.predictor_hidden": 8, "learning_rate": 0,
    }  # fmt: skip
    (config,) = read_recipe(SMOKE, [f"{key}={value}" for key, value in settings.items()])
    return config


@pytest.fixture
def few_steps(monkeypatch):
    monkeypatch.setattr(foresight, "fit", lambda *args, **named: fit(*args, steps=20, **named))
    monkeypatch.setattr(narrow, "STEPS", 3)
    monkeypatch.setattr(forecast, "STEPS", 4)  # a graph with fewer is written faster
    monkeypatch.setattr("pasticcio.training.forecast.TRUST", 10.0)  # so that none is taken back


def test_a_run_ends_with_a_forecast(config, few_steps):
    plain = load_network(Run(replace(config, forecast=0, out=config.out + "-plain")).go())
    told = []
    folder = Run(config).go(told=lambda *what: told.append(what))
    assert told[:3] == [("narrow copy", done, 3) for done in (1, 2, 3)]
    assert told[3:6] == [("renderings", done, 3) for done in (1, 2, 3)]
    assert told[-1] == ("forecast", 20, 20)
    network = load_network(folder)
    assert list(network.config.predictor_forecast) == list(config.loss.style)
    assert network.config.predictor_depth == 16
    style = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        embedding = network.predictor.embed(network.predictor.describe(style))
        torch.testing.assert_close(embedding, plain.predictor(style), atol=1e-2, rtol=1e-2)
        way = (network.predictor(style) - embedding) @ network.predictor.forecast.axes
        assert way.norm(dim=1).min() > 1e-2  # where all embeddings have a length of 1
    with exporting():
        assert export(folder) < 1e-3  # graphs and torch give one picture, with the corrected embedding


def test_the_narrow_copy_of_a_model_is_taken_over(config, few_steps, tmp_path):
    first = load_network(Run(config).go()).predictor.forecast.style
    told = []
    folder = Run(replace(config, start=str(Path(config.out) / "model"), out=str(tmp_path / "next"))).go(
        told=lambda *what: told.append(what[0])
    )
    assert "narrow copy" not in told
    state, before = load_network(folder).predictor.forecast.style.state_dict(), first.state_dict()
    assert all(torch.equal(state[key], before[key]) for key in before if key.startswith(("narrow", "turns")))
    assert not torch.equal(state["maps.0.bias"], before["maps.0.bias"])


def test_the_narrow_copy_of_another_loss_network_is_not(config, few_steps, tmp_path):
    Run(config).go()
    other = replace(config, loss=replace(config.loss, style={"relu1_2": 5.0, "relu2_1": 5.0}))
    told = []
    Run(replace(other, start=str(Path(config.out) / "model"), out=str(tmp_path / "next"))).go(
        told=lambda *what: told.append(what[0])
    )
    assert told.count("narrow copy") == 3


def test_a_run_that_goes_on_from_a_model_leaves_its_forecast_behind(config, tmp_path):
    torch.manual_seed(0)
    network = StyleNetwork(replace(config.network, predictor_forecast={"relu1_1": 3, "relu2_1": 4})).eval()
    network.predictor.vgg.randomize(0)
    save_model(tmp_path / "first", network, "first", {})
    new = StyleNetwork(config.network).eval()
    run = Run(config)
    begin(new, replace(config, start=str(tmp_path / "first")), run.batches.photos, run.batches.styles)
    style = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found, first = new.predictor(style), load_network(tmp_path / "first").predictor
        torch.testing.assert_close(found, first.embed(first.describe(style)))
