import itertools
from contextlib import nullcontext
from dataclasses import replace
from types import SimpleNamespace

import pytest
import torch

from pasticcio.nn.losses import LossConfig, perceptual_loss
from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.nn.style_grams import StyleGrams
from pasticcio.nn.vgg import Vgg, VggConfig
from pasticcio.training import renderings
from pasticcio.training.batches import Batch
from pasticcio.training.renderings import GramAxes, Renderer, batches_needed, gather

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


@pytest.fixture
def on_ways(renderer, monkeypatch):
    """The renderer when axes are known."""
    monkeypatch.setattr(renderings, "NEAR", (0.0,))
    monkeypatch.setattr(renderer, "basis", None)
    monkeypatch.setattr(renderer, "usual", 1.0)
    early = [found.row for batch in batches(5, rows=8) for found in renderer.render(batch)]
    renderer.look(*(torch.cat([row[name] for row in early]) for name in ("slopes", "embeddings")))
    return renderer


def test_a_rendering_has_the_loss_and_its_gradient(renderer, monkeypatch):
    (batch,) = batches(1)
    monkeypatch.setattr(renderer, "basis", None)
    ((row, pictures, styles),) = renderer.render(batch)
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

        torch.testing.assert_close(row["content"], loss(row["embeddings"])[0], atol=1e-4, rtol=1e-3)
        way = torch.nn.functional.normalize(row["slopes"], dim=1)
        ahead, behind = (loss(row["embeddings"] + step * way)[1] for step in (1e-2, -1e-2))
        torch.testing.assert_close((ahead - behind) / 2e-2, row["slopes"].norm(dim=1), rtol=5e-2, atol=1e-3)
    assert [gram.shape for gram in pictures] == [gram.shape for gram in styles] == [(3, 8, 8), (3, 12, 12)]


def test_a_way_goes_down_the_loss_with_another_photo_every_time(on_ways):
    (batch,) = batches(1)
    way = list(on_ways.render(batch))
    assert len(way) == renderings.WAY
    for turn, found in enumerate(way):
        torch.testing.assert_close(found.row["photos"], way[0].row["photos"].roll(turn, 0))
        assert torch.equal(found.row["styles"], way[0].row["styles"])
    photo = replace(batch, photos=batch.photos[:1].expand(4, -1, -1, -1), shown=batch.shown[:1].expand(4, -1, -1, -1))
    way = list(on_ways.render(photo))

    def loss(found):
        errors = [
            weight * (a - b).square().sum((1, 2)) / b.square().sum((1, 2))
            for weight, a, b in zip(LOSS.style.values(), found.grams, found.wanted, strict=True)
        ]
        return found.row["content"] + sum(error.log1p() for error in errors)

    assert (loss(way[-1]) < loss(way[0])).all()
    steps = [b.row["embeddings"] - a.row["embeddings"] for a, b in itertools.pairwise(way)]
    lengths = torch.stack([(step @ on_ways.basis).norm(dim=1) for step in steps])
    assert lengths.min() > 0.1 * renderings.PACE
    assert lengths.max() < 2 * renderings.OUTLYING * renderings.PACE


def test_half_of_the_ways_begin_where_an_earlier_forecast_leads(on_ways, monkeypatch):
    (batch,) = batches(1, rows=81)
    ahead = torch.full((6,), 0.1)
    style = SimpleNamespace(read=lambda described: (described, described[:, :1]))
    before = SimpleNamespace(style=style, descend=lambda embeddings, wanted, sizes: embeddings + ahead)
    monkeypatch.setattr(on_ways, "before", before)
    begun = next(iter(on_ways.render(batch))).row["embeddings"]
    with torch.no_grad():
        own = on_ways.predictor(batch.styles[1:].float() / 255)
    shares = (begun - own) / ahead
    torch.testing.assert_close(shares, shares[:, :1].expand(-1, 6), atol=1e-3, rtol=1e-3)
    assert 20 < (shares[:, 0] > 1e-3).sum() < 60
    assert -1e-3 < shares.min() < 0.3 < 1 < shares.max() < renderings.BEYOND


def test_renderings_after_the_first_are_of_ways_that_begin_near_the_styles_embeddings(renderer, monkeypatch):
    monkeypatch.setattr(renderings, "FIRST", 12)
    monkeypatch.setattr(renderings, "NEAR", (0.1,))
    monkeypatch.setattr(renderer, "basis", None)
    found, parts = gather(renderer, batches(8))
    assert len(found.content) == 12 + 12 * renderings.WAY
    assert list(parts) == list(LOSS.style)
    assert found.grams.shape == found.wanted.shape == (len(found.content), sum(parts.values()))
    with torch.no_grad():
        own = torch.cat([renderer.predictor(b.styles[1:].float() / 255) for b in batches(8)])
    begun = torch.cat([rows[:3] for rows in found.embeddings[12:].split(3 * renderings.WAY)])
    ways = (torch.cat([found.embeddings[:12], begun]) - own) @ renderer.basis
    assert ways[:12].norm(dim=1).max() < 1e-4
    assert 0.02 < ways[12:].norm(dim=1).mean() < 0.5  # as long as 0.1 of an embedding, in six dimensions
    # A style's coordinates are of a matrix of norm 1.
    assert found.wanted.split(list(parts.values()), 1)[0].norm(dim=1).max() < 1.001


def test_so_many_batches_are_asked_for_as_are_needed(renderer, monkeypatch):
    monkeypatch.setattr(renderings, "FIRST", 12)
    for count in (5, 12, 13, 40):
        monkeypatch.setattr(renderer, "basis", None)
        needed = batches_needed(count, 3)
        assert len(gather(renderer, batches(needed))[0].content) >= count
        monkeypatch.setattr(renderer, "basis", None)
        assert needed == 1 or len(gather(renderer, batches(needed - 1))[0].content) < count


def test_the_same_batches_give_the_same_renderings(renderer, monkeypatch):
    monkeypatch.setattr(renderings, "FIRST", 6)
    parts = renderer.network, renderer.vgg, renderer.grams, LOSS, nullcontext
    one, other = (gather(Renderer(*parts), batches(4))[0] for _ in range(2))
    torch.testing.assert_close(one.embeddings, other.embeddings)
