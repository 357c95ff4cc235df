import copy
from dataclasses import replace

import pytest
import torch

from pasticcio.nn.network import NetworkConfig, StyleNetwork


@pytest.fixture(scope="module")
def fitted(tiny):
    """A random network with a feedback that was fitted to it, in evaluation mode."""
    torch.manual_seed(0)
    network = StyleNetwork(replace(tiny, predictor_directions=4, predictor_feedback=3)).eval()
    network.predictor.branch.vgg.randomize(0)
    torch.nn.init.normal_(network.heads.weight, std=0.2)
    network.feedback.photos.copy_(torch.rand_like(network.feedback.photos[..., ::8, ::8]).repeat(1, 1, 8, 8))
    embeddings = torch.randn(20, tiny.embedding)
    network.feedback.measure(embeddings, network.predictor.branch, network.render, 60, torch.Generator().manual_seed(0))
    return network


@pytest.fixture
def network(fitted):
    """A copy, which a test may change."""
    return copy.deepcopy(fitted)


@torch.no_grad()
def test_the_fitted_correction_finds_an_embedding_again(network):
    """Statistics of the test photos rendered with one embedding lead from another embedding towards it."""
    feedback, branch = network.feedback, network.predictor.branch
    wanted = torch.randn(8, network.config.embedding)
    start = wanted + 0.3 * torch.randn_like(wanted)
    style = feedback.found(wanted, branch, network.render)
    found = start + feedback(start, style, branch, network.render)
    before, after = ((e - wanted).norm(dim=1) for e in (start, found))
    assert (after < before).all()
    assert (after / before).mean() < 0.8
    same = wanted + feedback(wanted, style, branch, network.render)
    assert torch.allclose(same, wanted, atol=1e-4), "without an error there is nothing to correct"


@torch.no_grad()
def test_embeddings_are_predicted_and_corrected_one_style_at_a_time(network):
    torch.nn.init.normal_(network.feedback.out.weight)
    styles = torch.rand(3, 3, 64, 48)
    embeddings = network.embed(styles)
    assert not torch.allclose(embeddings, network.predictor(styles))
    for i, style in enumerate(styles):
        assert torch.allclose(network.embed(style[None])[0], embeddings[i], atol=1e-5)
    content = torch.rand(3, 3, 40, 48)
    assert torch.equal(network(content, styles), network.render(content, embeddings))
    assert torch.equal(network.parameters_of(styles), network.heads(embeddings))


def test_the_correction_learns_and_the_rendering_of_test_photos_does_not(network):
    style = torch.rand(2, 3, 64, 64)
    network.correction(style, torch.randn(2, network.config.embedding, requires_grad=True)).square().sum().backward()
    assert network.feedback.direct.weight.grad.abs().max() > 0
    assert network.feedback.out.weight.grad.abs().max() > 0
    assert all(weight.grad is None for weight in (*network.transfer.parameters(), *network.heads.parameters()))


@torch.no_grad()
def test_a_few_loud_statistics_do_not_take_the_embedding_away(network):
    feedback, branch = network.feedback, network.predictor.branch
    embedding = torch.randn(1, network.config.embedding)
    style = feedback.found(embedding, branch, network.render)
    far, farther = (style + distance * feedback.spread for distance in (1e3, 1e6))
    corrections = [
        feedback.direct(feedback.error(embedding, style, branch, network.render)) for style in (far, farther)
    ]
    assert torch.equal(*corrections)


@torch.no_grad()
def test_a_table_made_of_a_network_with_feedback_has_none(network):
    rows = network.parameters_of(torch.rand(2, 3, 64, 64))
    table = network.as_table(rows)
    assert table.feedback is None
    content = torch.rand(1, 3, 40, 48)
    wanted = network.transfer(content, rows[1:])
    assert torch.allclose(table(content, torch.tensor([1])), wanted, atol=1e-5)


def test_a_feedback_needs_a_branch(tiny):
    for wrong in ({}, {"predictor": "inception", "predictor_directions": 4}):
        with pytest.raises(ValueError, match="no branch to measure with"):
            replace(tiny, predictor_feedback=3, **wrong)
    assert NetworkConfig().predictor_feedback == 0
