from dataclasses import replace
from pathlib import Path

import pytest
import torch

from conftest import exporting
from pasticcio.nn.network import StyleNetwork
from pasticcio.training.config import read_recipe
from pasticcio.training.export import export
from pasticcio.training.forecast import fit
from pasticcio.training.model_folder import load_network, save_model
from pasticcio.training.renderings import Renderings
from pasticcio.training.start import begin
from pasticcio.training.train import Run

SMOKE = Path(__file__).parents[2] / "recipes" / "smoke.toml"
PARTS, WEIGHTS = (4, 5), (6.0, 8.0)


def world(count, seed):
    """Renderings of a network whose answers are known: Gram matrices bend with the embedding; photos add noise.

    Statistics of a style tell its Gram matrices exactly; the predicted embedding is the best one with an error.
    """
    draw = torch.Generator().manual_seed(seed)
    fixed = torch.Generator().manual_seed(0)
    mix, tell = torch.randn(4, 9, generator=fixed), torch.randn(9, 12, generator=fixed)

    def answer(e):
        grams = torch.tanh(e @ mix) + 0.2 * (e @ mix)
        return [g / g.norm(dim=1, keepdim=True) for g in (grams + 0.3).split(PARTS, 1)]

    best = torch.randn(count, 4, generator=draw)
    wanted = torch.cat(answer(best), 1)
    embeddings = (best + 0.15 * torch.randn(count, 4, generator=draw)).requires_grad_(True)
    photos = torch.randn(count, 12, generator=draw)
    pictures = [g + 0.05 * photos[:, :1] for g in answer(embeddings)]
    style = [(g - w).square().sum(1) for g, w in zip(pictures, wanted.split(PARTS, 1), strict=True)]
    content = 0.1 + 0.01 * photos[:, 1].abs()
    loss = content + sum(weight * error.log1p() for weight, error in zip(WEIGHTS, style, strict=True))
    (slopes,) = torch.autograd.grad(loss.sum(), embeddings)
    grams = torch.cat(pictures, 1).detach()
    sizes = torch.stack([g.detach().norm(dim=1).log() for g in pictures], 1)
    found = Renderings(
        embeddings.detach(), slopes, torch.arange(count), wanted @ tell, grams @ tell, photos, grams, sizes, wanted,
        torch.zeros(count, 2), content,
    )  # fmt: skip
    return found, best, answer


@pytest.fixture(scope="module")
def learned():
    torch.manual_seed(0)
    told = []
    found, _, _ = world(3000, 1)
    return fit(PARTS, WEIGHTS, found, steps=600, told=lambda step, errors: told.append((step, errors))), told


def test_what_is_told_are_falling_errors(learned):
    steps, errors = zip(*learned[1], strict=True)
    assert steps == tuple(range(60, 601, 60))
    for name in ("grams", "slopes"):
        assert errors[-1][name] < 0.5 * errors[0][name]


def test_it_corrects_embeddings_of_styles_that_it_has_not_seen(learned):
    forecast, (found, best, answer) = learned[0], world(300, 2)
    with torch.no_grad():
        corrected = forecast(found.embeddings, found.styles)

        def error(e):
            return (torch.cat(answer(e), 1) - found.wanted).square().sum(1).mean()

        assert error(corrected) < 0.5 * error(found.embeddings)
        assert (corrected - best).norm(dim=1).mean() < (found.embeddings - best).norm(dim=1).mean()


def test_what_depends_on_the_photo_is_known(learned):
    assert learned[0].photo.max() < 0.05
    assert learned[0].photo.min() >= 0


@pytest.fixture
def config(pictures, tmp_path):
    settings = {
        "data.photos": pictures / "photos", "data.styles": pictures / "styles", "data.workers": 0, "steps": 1,
        "sample_steps": 0, "forecast": 8, "out": tmp_path / "run", "network.predictor": "statistics",
        "network.embedding": 6, "network.predictor_hidden": 8, "learning_rate": 0,
    }  # fmt: skip
    (config,) = read_recipe(SMOKE, [f"{key}={value}" for key, value in settings.items()])
    return config


def test_a_run_ends_with_a_forecast(config, monkeypatch):
    monkeypatch.setattr("pasticcio.training.train.fit", lambda *args: fit(*args, steps=20))
    plain = load_network(Run(replace(config, forecast=0, out=config.out + "-plain")).go())
    folder = Run(config).go()
    network = load_network(folder)
    assert len(network.config.predictor_forecast) == len(config.loss.style)
    style = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        described = network.predictor.describe(style)
        torch.testing.assert_close(network.predictor.embed(described), plain.predictor(style), atol=1e-2, rtol=1e-2)
        way = (network.predictor(style) - network.predictor.embed(described)) @ network.predictor.forecast.axes
        assert way.norm(dim=1).min() > 1e-2  # where all embeddings have a length of 1
    with exporting():
        assert export(folder) < 1e-3  # graphs and torch give one picture, with the corrected embedding


def test_a_run_that_goes_on_from_a_model_leaves_its_forecast_behind(config, pictures, tmp_path):
    torch.manual_seed(0)
    network = StyleNetwork(replace(config.network, predictor_forecast=(3, 4))).eval()
    network.predictor.vgg.randomize(0)
    save_model(tmp_path / "first", network, "first", {})
    new = StyleNetwork(config.network).eval()
    run = Run(config)
    begin(new, replace(config, start=str(tmp_path / "first")), run.batches.photos, run.batches.styles)
    style = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        found, first = new.predictor(style), load_network(tmp_path / "first").predictor
        torch.testing.assert_close(found, first.embed(first.describe(style)))
