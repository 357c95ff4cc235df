"""Renderings on ways from the embeddings of styles down the loss, for a `Forecast` to learn from."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import Any, NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pasticcio.nn.forecast import Forecast
from pasticcio.nn.losses import LossConfig, gram_targets, perceptual_loss
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.statistics import StatisticsPredictor
from pasticcio.nn.style_grams import StyleGrams, flat_grams
from pasticcio.training.balance import OUTLYING, balanced_basis
from pasticcio.training.batches import Batch, to_unit

COORDINATES = {"relu1_1": 40, "relu2_1": 120, "relu3_1": 250, "relu4_1": 400}  # of Gram matrices
OTHER = 200  # the same of layers that are not named
FIRST = 600  # renderings by which axes are chosen
WAY = 6  # renderings of every style after these, each one a step further down the loss
NEAR = (0.0, 0.03, 0.06, 0.12)  # deviations from a style's embedding where ways begin; embeddings have a length of 1
BEYOND = 1.3  # ways begin up to so many times as far from the embedding as an earlier forecast would correct it
PACE = 0.02  # length of a step down a gradient of usual length
KEPT = 0.5  # share of the step before, which is added


@dataclass
class Renderings:
    """What is known of n renderings.

    Attributes:
        embeddings: with which they were rendered.
        slopes: gradients of the loss with respect to these.
        number: of the style picture, among all.
        styles: what `StyleGrams.describe` gives for them, in half precision.
        photos: statistics of the photos, standardized by the predictor.
        grams: Gram matrices of the pictures, all layers as coordinates one after the other.
        sizes: logarithms of the norms of the whole matrices, by layer.
        wanted, wanted_sizes: the same of the styles, with coordinates divided by the norms.
        content: weighted content losses.
    """

    embeddings: Float[Tensor, "n e"]
    slopes: Float[Tensor, "n e"]
    number: Int[Tensor, "n"]
    styles: Float[Tensor, "n d"]
    photos: Float[Tensor, "n p"]
    grams: Float[Tensor, "n q"]
    sizes: Float[Tensor, "n l"]
    wanted: Float[Tensor, "n q"]
    wanted_sizes: Float[Tensor, "n l"]
    content: Float[Tensor, "n"]


class Rendered(NamedTuple):
    """Rows of `Renderings` without their Gram matrices, and these: of the pictures and of the styles, by layer."""

    row: dict[str, Tensor]
    grams: list[Tensor]
    wanted: list[Tensor]


class GramAxes:
    """Coordinates of Gram matrices: by layer, the directions in which those of styles and pictures lie.

    Args:
        grams: by layer, matrices of many styles and pictures.

    Attributes:
        parts: number of coordinates of every layer.
    """

    def __init__(self, grams: Mapping[str, Sequence[Tensor]]) -> None:
        self.axes = []
        for layer, found in grams.items():
            rows = torch.cat([flat_grams(gram) for gram in found])
            rows = rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-8)
            square, turn = torch.linalg.eigh((rows @ rows.T).double())
            count = min(COORDINATES.get(layer, OTHER), int((square > 1e-6 * square[-1]).sum()))
            self.axes.append(rows.T @ (turn[:, -count:] / square[-count:].sqrt()).float())
        self.parts = [axes.shape[1] for axes in self.axes]

    def of(self, grams: Iterable[Tensor]) -> tuple[Float[Tensor, "b q"], Float[Tensor, "b l"]]:
        """Coordinates of the matrices of all layers, and the logarithms of their norms."""
        flat = [flat_grams(gram) for gram in grams]
        norms = torch.stack([rows.norm(dim=1) for rows in flat], 1)
        return torch.cat([x @ axes for x, axes in zip(flat, self.axes, strict=True)], 1), norms.clamp_min(1e-8).log()

    def row(self, found: Rendered) -> dict[str, Tensor]:
        """All that a row of `Renderings` has."""
        grams, sizes = self.of(found.grams)
        wanted, wanted_sizes = self.of(found.wanted)
        norms = wanted_sizes.repeat_interleave(torch.tensor(self.parts), dim=1).exp()
        return {**found.row, "grams": grams, "sizes": sizes, "wanted": wanted / norms, "wanted_sizes": wanted_sizes}


class Renderer:
    """Renders batches with embeddings on ways from those of their styles.

    Where a forecast will be asked is where the loss is less than at a style's embedding. Of a random way of the same
    length little leads there, so ways go down the gradients of their own renderings, with another photo every time.

    Args:
        network: whose statistics predictor has no forecast; it does not learn.
        vgg: the loss network.
        grams: describes styles; its narrow copy of the loss network has learned.
        config: layers and weights of the loss; style errors are relative and logarithmic.
        autocast: the precision of rendering and of the loss network.
        before: an earlier forecast for this network, or one much like it: half of the ways begin where it leads.

    Attributes:
        basis: (E, E), from embeddings to coordinates in which the loss depends on all of them alike and those of styles
            have a length of 1; None as long as it is not known, when pictures are rendered with the styles' own
            embeddings.
        usual: median length of gradients with respect to these coordinates.
    """

    def __init__(
        self,
        network: StyleNetwork,
        vgg: Callable[[Tensor], Mapping[str, Tensor]],
        grams: StyleGrams,
        config: LossConfig,
        autocast: Callable[[], AbstractContextManager[Any]],
        before: Forecast | None = None,
    ) -> None:
        assert isinstance(network.predictor, StatisticsPredictor)
        self.network, self.predictor, self.vgg, self.grams = network, network.predictor, vgg, grams
        self.config, self.autocast, self.before = config, autocast, before
        self.basis: Tensor | None = None
        self.usual = 1.0
        self.draw = torch.Generator().manual_seed(0)

    def render(self, batch: Batch) -> Iterator[Rendered]:
        """One rendering of every row, or as many as a way has.

        Rows in which a photo is its own style are left out.
        """
        device = next(self.network.parameters()).device
        photos, shown, styles = (
            to_unit(x[batch.own :].to(device)).contiguous(memory_format=torch.channels_last)
            for x in (batch.photos, batch.shown, batch.styles)
        )
        predictor, basis = self.predictor, self.basis
        with torch.no_grad():
            described = self.grams.describe(styles)
            embeddings = predictor.embed(predictor.describe(styles))
            if basis is not None:
                embeddings = self._begin(embeddings, described, basis)
            with self.autocast():
                content = self.vgg(photos)
                wanted = gram_targets(self.vgg(styles), self.config)
            seen = predictor.standardized(predictor.describe(photos))
        row = {"number": batch.style_index[batch.own :], "styles": described.half()}
        step = torch.zeros_like(embeddings)
        for turn in range(1 if basis is None else WAY):
            order = torch.arange(len(photos), device=device).roll(turn)
            content_here = {layer: x[order] for layer, x in content.items()}
            slopes, loss, grams = self._slope(shown[order], embeddings, content_here, wanted)
            row.update(embeddings=embeddings, slopes=slopes, photos=seen[order], content=loss)
            yield Rendered({name: x.cpu() for name, x in row.items()}, grams, [x.cpu() for x in wanted.values()])
            if basis is not None:
                back = torch.linalg.inv(basis)
                step = KEPT * step - PACE * _cut(slopes @ back.T / self.usual)
                embeddings = embeddings + step @ back

    def look(self, slopes: Float[Tensor, "n e"], embeddings: Float[Tensor, "n e"]) -> None:
        """Set `basis` and `usual`, by gradients and embeddings of styles; from now on there are ways."""
        basis = (balanced_basis(slopes, embeddings) / embeddings.shape[1] ** 0.5).float()
        self.usual = (slopes @ torch.linalg.inv(basis).T).norm(dim=1).median().item()
        self.basis = basis.to(next(self.network.parameters()).device)

    def _slope(
        self, shown: Tensor, embeddings: Tensor, content: Mapping[str, Tensor], wanted: Mapping[str, Tensor]
    ) -> tuple[Tensor, Tensor, list[Tensor]]:
        """The gradient of the loss with respect to the embeddings, content losses, and the pictures' Gram matrices."""
        embeddings = embeddings.detach().requires_grad_(True)
        with self.autocast():
            features = self.vgg(self.network.render(shown, embeddings))
        losses = perceptual_loss(features, content, wanted, self.config)
        (slopes,) = torch.autograd.grad((losses["content"] + losses["style"]).sum(), embeddings)
        with torch.no_grad():
            grams = gram_targets({layer: x.detach() for layer, x in features.items()}, self.config)
        return slopes, losses["content"].detach(), [x.cpu() for x in grams.values()]

    def _begin(self, embeddings: Tensor, described: Tensor, basis: Tensor) -> Tensor:
        """Where ways begin."""
        count = (len(embeddings), 1)
        far = torch.tensor(NEAR)[torch.randint(len(NEAR), count, generator=self.draw)] / basis.shape[0] ** 0.5
        aside = (far * torch.randn(embeddings.shape, generator=self.draw)).to(basis.device) @ torch.linalg.inv(basis)
        if self.before is None:
            return embeddings + aside
        ahead = self.before.descend(embeddings, *self.before.style.read(described)) - embeddings
        share = BEYOND * torch.rand(count, generator=self.draw) * (torch.rand(count, generator=self.draw) < 0.5)
        return embeddings + aside + share.to(ahead.device) * ahead


def gather(renderer: Renderer, batches: Iterable[Batch]) -> tuple[Renderings, dict[str, int]]:
    """Render batches; the first ones with the styles' own embeddings, by which axes for all are chosen.

    Returns:
        The renderings, and how many coordinates the Gram matrices of every layer have.
    """
    remaining = iter(batches)
    early: list[Rendered] = []
    for batch in remaining:
        early += renderer.render(batch)
        if sum(len(found.row["content"]) for found in early) >= FIRST:
            break
    layers = list(renderer.config.style)
    both = [grams for found in early for grams in (found.grams, found.wanted)]
    axes = GramAxes({layer: [grams[i] for grams in both] for i, layer in enumerate(layers)})
    slopes, embeddings = (torch.cat([found.row[name] for found in early]) for name in ("slopes", "embeddings"))
    renderer.look(slopes, embeddings)
    rows = [axes.row(found) for found in early]
    del early
    rows += [axes.row(found) for batch in remaining for found in renderer.render(batch)]
    found = Renderings(**{f.name: torch.cat([row[f.name] for row in rows]) for f in fields(Renderings)})
    return found, dict(zip(layers, axes.parts, strict=True))


def batches_needed(count: int, rows: int) -> int:
    """So that there are at least so many renderings, of so many rows of a batch."""
    first = math.ceil(FIRST / rows)
    return min(math.ceil(count / rows), first + math.ceil(max(0, count - first * rows) / (rows * WAY)))


def _cut(slopes: Float[Tensor, "b e"]) -> Float[Tensor, "b e"]:
    """No gradient longer than twice the usual length of 1."""
    return slopes * (OUTLYING / slopes.norm(dim=1, keepdim=True).clamp_min(1e-30)).clamp(max=1.0)
