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
