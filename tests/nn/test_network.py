from dataclasses import replace

import pytest
import torch

from pasticcio.nn.network import NetworkConfig, StyleNetwork


def test_heads_of_the_paper():
    network = StyleNetwork(NetworkConfig(transfer="paper", predictor="compact"))
    assert sum(p.numel() for p in network.heads.parameters()) == 278_558


def test_mixing_embeddings_mixes_scales_and_shifts(tiny):
    network = StyleNetwork(tiny)
    a, b = torch.randn(2, 1, tiny.embedding)
    torch.testing.assert_close(network.heads(0.3 * a + 0.7 * b), 0.3 * network.heads(a) + 0.7 * network.heads(b))


def test_a_hidden_layer_bends_the_heads_once_it_has_learned(tiny):
    torch.manual_seed(0)
    network = StyleNetwork(replace(tiny, heads_hidden=4))
    a, b = torch.randn(2, 1, tiny.embedding)
    flat = network.heads(0.3 * a + 0.7 * b)
    torch.testing.assert_close(flat, 0.3 * network.heads(a) + 0.7 * network.heads(b))
    flat.square().sum().backward()
    assert network.heads.bend[2].weight.grad.abs().max() > 0
    torch.nn.init.normal_(network.heads.bend[2].weight)
    mixed, ends = network.heads(0.3 * a + 0.7 * b), 0.3 * network.heads(a) + 0.7 * network.heads(b)
    assert (mixed - ends).abs().max() > 0.01
    rows = network.heads(torch.cat([a, b]))
    torch.testing.assert_close(network.as_table(rows).parameters_of(torch.tensor([1])), rows[1:])
    with pytest.raises(ValueError, match="heads_hidden"):
        replace(tiny, predictor="table", heads_hidden=4)


@pytest.mark.parametrize("predictor", ["compact", "branched", "statistics", "inception"])
def test_an_embedding_in_another_basis_renders_the_same(tiny, predictor):
    torch.manual_seed(0)
    kind = {"compact": {}, "branched": {"predictor_directions": 4, "predictor_forms": 2}}.get(
        predictor, {"predictor": predictor, "predictor_forms": 2 * (predictor == "statistics")}
    )
    network = StyleNetwork(replace(tiny, heads_hidden=3, **kind)).eval()
    for layer in [*network.predictor.last_layers(), network.heads.bend[-1]]:
        torch.nn.init.normal_(layer.weight, std=0.1)
    style = torch.rand(2, 3, 80, 96)
    basis = torch.randn(network.config.embedding, network.config.embedding, dtype=torch.float64)
    with torch.no_grad():
        before, parameters = network.predictor(style), network.parameters_of(style)
        network.turn(basis)
        torch.testing.assert_close(network.predictor(style), before @ basis.float(), rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(network.parameters_of(style), parameters, rtol=1e-3, atol=1e-3)


def test_half_precision_leaves_scales_and_shifts_alone(tiny):
    torch.manual_seed(0)
    network = StyleNetwork(replace(tiny, heads_hidden=4))
    embedding = torch.randn(2, tiny.embedding)
    with torch.autocast("cpu", torch.bfloat16):
        half = network.heads(embedding)
    assert torch.equal(half, network.heads(embedding))


def test_scales_begin_near_one(tiny):
    network = StyleNetwork(tiny)
    parameters = network.heads(torch.zeros(1, tiny.embedding))[0]
    assert torch.equal(parameters, network.transfer.gamma_mask())


def test_style_changes_the_picture(tiny):
    torch.manual_seed(0)
    network = StyleNetwork(tiny).eval()
    photo = torch.rand(1, 3, 40, 40)
    with torch.no_grad():
        red, checks = torch.zeros(1, 3, 64, 64), torch.zeros(1, 3, 64, 64)
        red[:, 0] = 1
        checks[:, :, ::2] = 1
        assert (network(photo, red) - network(photo, checks)).abs().max() > 1e-3


@pytest.mark.parametrize("margin", [5, -8])
def test_bad_margin_is_named(margin):
    with pytest.raises(ValueError, match=str(margin)):
        NetworkConfig(margin=margin)


@pytest.fixture
def table(tiny):
    """A table of three styles with rows of its own."""
    torch.manual_seed(1)
    network = StyleNetwork(replace(tiny, predictor="table", embedding=3)).eval()
    with torch.no_grad():
        network.heads.weight += 0.3 * torch.randn_like(network.heads.weight)
    return network


def test_a_table_begins_with_plain_instance_normalization_and_holds_a_column_a_style(tiny):
    network = StyleNetwork(replace(tiny, predictor="table", embedding=3))
    assert network.heads.bias is None
    assert torch.equal(network.parameters_of(torch.tensor([2]))[0], network.transfer.gamma_mask())
    with torch.no_grad():
        network.heads.weight[:, 1] = 7
    numbers = torch.tensor([0, 1])
    assert (network.parameters_of(numbers) == 7).all(dim=1).tolist() == [False, True]


def test_mixing_rows_of_a_table_mixes_scales_and_shifts(table):
    mixed = table.heads(torch.tensor([[0.25, 0.0, 0.75]]))
    rows = table.parameters_of(torch.arange(3))
    torch.testing.assert_close(mixed[0], 0.25 * rows[0] + 0.75 * rows[2])


def test_a_table_has_no_other_basis(table):
    with pytest.raises(ValueError, match="shares of its styles"):
        table.turn(torch.eye(table.config.embedding))


def test_each_photo_of_a_batch_gets_the_style_of_its_number(table):
    photos = torch.rand(1, 3, 24, 24).expand(2, 3, 24, 24)
    with torch.no_grad():
        both = table(photos, torch.tensor([2, 0]))
        alone = table(photos[:1], torch.tensor([2]))
    torch.testing.assert_close(both[:1], alone)
    assert (both[0] - both[1]).abs().max() > 1e-3


def test_a_network_becomes_a_table_of_styles_it_predicts(tiny):
    torch.manual_seed(0)
    network = StyleNetwork(tiny).eval()
    styles, photo = torch.rand(2, 3, 64, 64), torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        table = network.as_table(network.parameters_of(styles))
        torch.testing.assert_close(table(photo, torch.tensor([1])), network(photo, styles[1:]))
    assert table.config.embedding == 2


def test_the_encoder_of_the_networks_before_is_styled():
    """Dumoulin et al. 2017 style every layer: 2 * (32 + 64 + 128) more numbers than the paper's 2,758."""
    network = StyleNetwork(NetworkConfig(transfer="paper", predictor="table", embedding=1, encoder="conditional"))
    assert network.transfer.style_parameters == 2758 + 448
    assert [name for name, _ in network.transfer.style_layout[:3]] == [f"contract.{i}.norm" for i in range(3)]
    assert not any(isinstance(m, torch.nn.BatchNorm2d) for m in network.modules())
    with torch.no_grad():
        assert network(torch.rand(1, 3, 30, 42), torch.tensor([0])).shape == (1, 3, 30, 42)
