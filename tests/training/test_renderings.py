from contextlib import nullcontext

import pytest
import torch

from pasticcio.nn.losses import LossConfig, perceptual_loss
from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.nn.style_grams import StyleGrams
from pasticcio.nn.vgg import Vgg, VggConfig
from pasticcio.training import renderings
from pasticcio.training.batches import Batch
from pasticcio.training.renderings import GramAxes, Renderer, gather

LOSS = LossConfig(content={"relu2_1": 1.5}, style={"relu1_1": 6.0, "relu2_1": 8.0}, relative=True, logarithmic=True)


def batches(count, rows=4, own=1):
    draw = torch.Generator().manual_seed(5)

    def bytes_of(side):
        return (255 * torch.rand(rows, 3, side, side, generator=draw)).byte()

    for number in range(count):
        photos = bytes_of(32)
        index = torch.arange(number * rows, (number + 1) * rows)
        yield Batch(photos, photos, bytes_of(40), index, index, own, [])


@pytest.fixture(scope="module")
def renderer():
    torch.manual_seed(0)
    config = NetworkConfig(transfer="encoded", predictor="statistics", embedding=6, half=8, quarter=8, eighth=8)
    network = StyleNetwork(config).eval()
    network.predictor.vgg.randomize(0)
    widths = 8, 12, 16, 16, 16
    vgg = Vgg(VggConfig(widths=widths), LOSS.layers())
    vgg.randomize(1)
    grams = StyleGrams(dict.fromkeys(LOSS.style, 1), widths=widths)
    grams.narrow.randomize(2)
    return Renderer(network, vgg, grams, LOSS, nullcontext)


def test_coordinates_keep_the_distances_of_matrices():
    torch.manual_seed(0)
    features = torch.rand(30, 5, 50) * torch.rand(30, 5, 1)
    grams = features @ features.transpose(1, 2)
    coordinates, sizes = (axes := GramAxes({"relu1_1": [grams[:20], grams[20:]]})).of([grams])
    assert axes.parts == [15]  # all that a symmetric matrix of five rows has
    torch.testing.assert_close(
        torch.cdist(coordinates, coordinates), torch.cdist(grams.flatten(1), grams.flatten(1)), atol=5e-2, rtol=1e-3
    )
    torch.testing.assert_close(sizes[:, 0].exp(), grams.flatten(1).norm(dim=1))


def test_a_rendering_has_the_loss_and_its_gradient(renderer):
    (batch,) = batches(1)
    renderer.away = None
    row, pictures, styles = renderer.render(batch)
    assert len(row["content"]) == len(row["number"]) == 3, "a photo that is its own style is left out"
    assert row["number"].tolist() == [1, 2, 3]
    photos, shown = batch.photos[1:].float() / 255, batch.styles[1:].float() / 255
    network, vgg = renderer.network, renderer.vgg
    with torch.no_grad():
        torch.testing.assert_close(row["embeddings"], network.predictor(shown))
        torch.testing.assert_close(row["styles"], renderer.grams.describe(shown).half())

        def loss(embeddings):
            wanted = dict(zip(LOSS.style, styles, strict=True))
            parts = perceptual_loss(vgg(network.render(photos, embeddings)), vgg(photos), wanted, LOSS)
            return parts["content"], parts["content"] + parts["style"]

        torch.testing.assert_close(row["content"], loss(row["embeddings"])[0])
        way = torch.nn.functional.normalize(row["slopes"], dim=1)
        ahead, behind = (loss(row["embeddings"] + step * way)[1] for step in (1e-2, -1e-2))
        torch.testing.assert_close((ahead - behind) / 2e-2, row["slopes"].norm(dim=1), rtol=5e-2, atol=1e-3)
    assert [gram.shape for gram in pictures] == [gram.shape for gram in styles] == [(3, 8, 8), (3, 12, 12)]


def test_renderings_after_the_first_are_near_the_styles_embeddings(renderer, monkeypatch):
    monkeypatch.setattr(renderings, "FIRST", 12)
    monkeypatch.setattr(renderings, "NEAR", (0.1,))
    renderer.away = None
    found, parts = gather(renderer, batches(8))
    assert len(found.content) == 24
    assert list(parts) == list(LOSS.style)
    assert found.grams.shape == found.wanted.shape == (24, sum(parts.values()))
    with torch.no_grad():
        own = torch.cat([renderer.predictor(b.styles[1:].float() / 255) for b in batches(8)])
    ways = (found.embeddings - own).norm(dim=1)
    assert ways[:12].max() < 1e-4
    assert ways[12:].min() > 2 * ways[:12].max()
    scale = (own - own.mean(0)).norm(dim=1).mean()
    assert 0.01 * scale < ways[12:].mean() < scale
    # A style's coordinates are of a matrix of norm 1.
    assert found.wanted.split(list(parts.values()), 1)[0].norm(dim=1).max() < 1.001


def test_the_same_batches_give_the_same_renderings(renderer, monkeypatch):
    monkeypatch.setattr(renderings, "FIRST", 6)
    parts = renderer.network, renderer.vgg, renderer.grams, LOSS, nullcontext
    one, other = (gather(Renderer(*parts), batches(4))[0] for _ in range(2))
    torch.testing.assert_close(one.embeddings, other.embeddings)
