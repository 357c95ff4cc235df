import pytest
import torch

from pasticcio.nn.losses import gram_matrix
from pasticcio.nn.style_grams import StyleGrams, flat_grams

PARTS = {"relu1_1": 5, "relu2_1": 6}


@pytest.fixture
def grams():
    torch.manual_seed(0)
    grams = StyleGrams(PARTS, depth=16, widths=(8, 12, 12, 12, 12)).eval()
    grams.narrow.randomize(1)
    return grams


def test_flat_matrices_have_the_norm_and_the_products_of_whole_ones():
    rows = torch.randn(4, 5, 9)
    whole = rows @ rows.transpose(1, 2)
    flat = flat_grams(whole)
    assert flat.shape == (4, 15)
    torch.testing.assert_close(flat @ flat.T, whole.flatten(1) @ whole.flatten(1).T)


def test_half_of_the_channels_are_computed(grams):
    assert [conv.out_channels for conv in grams.narrow.convs.values()] == [4, 4, 6]
    assert [x.shape for x in grams.features(torch.rand(2, 3, 16, 24))] == [(2, 8, 16, 24), (2, 12, 8, 12)]


def test_a_layer_is_described_by_its_gram_matrix_and_the_size_of_it(grams):
    for turn in grams.turns:
        torch.nn.init.eye_(turn.weight[:, :, 0, 0])
    style = torch.rand(2, 3, 20, 28)
    with torch.no_grad():
        described = grams.by_layer(grams.describe(style))
        for x, features in zip(described, grams.features(style), strict=True):
            torch.testing.assert_close(x[:, :-1] * x[:, -1:].exp(), flat_grams(gram_matrix(features)))
            torch.testing.assert_close(x[:, -1].exp(), gram_matrix(features).flatten(1).norm(dim=1))


def test_coordinates_and_sizes_of_every_layer(grams):
    with torch.no_grad():
        described = grams.describe(torch.rand(3, 3, 16, 16))
        coordinates, sizes = grams.read(described)
        assert coordinates.shape == (3, 11)
        assert sizes.shape == (3, 2)
        first, second = grams.by_layer(described)
        torch.testing.assert_close(coordinates[:, :5], grams.maps[0](first)[:, :5])
        torch.testing.assert_close(coordinates[:, 5:], grams.maps[1](second)[:, :6])
        torch.testing.assert_close(sizes, torch.stack([grams.maps[0](first)[:, 5], grams.maps[1](second)[:, 6]], 1))


def test_a_style_is_read_alike_alone_and_among_others(grams):
    style = torch.rand(3, 3, 24, 16)
    with torch.no_grad():
        alone = torch.cat([grams(x[None])[0] for x in style])
        torch.testing.assert_close(alone, grams(style)[0], atol=1e-5, rtol=1e-4)
