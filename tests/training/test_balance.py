from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pasticcio.training.balance import balance, balanced_basis
from pasticcio.training.config import read_recipe
from pasticcio.training.model_folder import load_network
from pasticcio.training.train import Run

SMOKE = Path(__file__).parents[2] / "recipes" / "smoke.toml"


@pytest.fixture
def config(pictures, tmp_path):
    given = {"data.photos": pictures / "photos", "data.styles": pictures / "styles", "out": tmp_path / "run"}
    (config,) = read_recipe(SMOKE, [*(f"{key}={value}" for key, value in given.items()), "data.workers=0"])
    return config


def test_gradients_in_the_new_basis_have_one_variance_in_all_directions():
    torch.manual_seed(0)
    mix = torch.diag(torch.tensor([3.0, 1.0, 0.3, 0.1])) @ torch.linalg.qr(torch.randn(4, 4))[0]
    gradients, embeddings = torch.randn(4000, 4) @ mix, torch.randn(500, 4) + 5
    basis = balanced_basis(gradients, embeddings)
    turned = gradients.double() @ torch.linalg.inv(basis).T  # e = e' / basis, so that a gradient turns by its transpose
    variance = torch.linalg.eigvalsh(turned.T.cov())
    assert variance.max() < 2 * variance.min()
    assert torch.linalg.eigvalsh(gradients.T.cov()).max() > 100 * torch.linalg.eigvalsh(gradients.T.cov()).min()
    x = embeddings.double() @ basis
    assert (x - x.mean(0)).square().mean().item() == pytest.approx(1)


def test_a_direction_without_gradient_and_a_wild_one_leave_the_basis_whole():
    gradients = torch.randn(300, 4) * torch.tensor([1.0, 1.0, 1.0, 0.0])
    gradients[0] *= 1e6
    basis = balanced_basis(gradients, torch.randn(50, 4))
    assert torch.linalg.cond(basis) < 100


def test_a_run_begins_with_a_balanced_embedding_that_renders_the_same(config):
    config = replace(config, balance=40, learning_rate=0.0, steps=1, sample_steps=0)
    plain, run = (Run(replace(config, balance=count)) for count in (0, 40))
    style = torch.rand(3, 3, 96, 96)
    saved = load_network(run.go())
    with torch.no_grad():
        one, other = plain.bare.predictor(style), run.bare.predictor(style)
        assert (one - other).abs().max() > 0.01, "the basis is the same"
        expected = plain.bare.parameters_of(style)
        torch.testing.assert_close(run.bare.parameters_of(style), expected, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(saved.predictor(style), one, rtol=2e-2, atol=2e-2)  # in half precision
        with run.average.in_place():
            torch.testing.assert_close(run.bare.parameters_of(style), expected, rtol=1e-3, atol=1e-3)


def test_gradients_of_all_processes_count_and_one_basis_is_for_all(config):
    run = Run(config)
    seen = []
    batches = [run.batches[number] for number in range(2)]
    given = torch.eye(config.network.embedding).double() * 2
    before = run.bare.predictor(torch.ones(1, 3, 96, 96)).detach()

    def gather(rows):
        seen.append(rows)
        return rows

    balance(run.bare, (lambda batch=batch: run.losses(batch) for batch in batches), gather, lambda basis: given)
    assert [len(rows) for rows in seen] == [2 * config.batch] * 2
    torch.testing.assert_close(run.bare.predictor(torch.ones(1, 3, 96, 96)), 2 * before)
