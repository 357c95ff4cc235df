"""Renderings with embeddings of styles and near them, for a `Forecast` to learn from."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pasticcio.nn.losses import LossConfig, gram_targets, perceptual_loss
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.statistics import StatisticsPredictor
from pasticcio.nn.style_grams import StyleGrams, flat_grams
from pasticcio.training.balance import balanced_basis
from pasticcio.training.batches import Batch, to_unit

COORDINATES = {"relu1_1": 40, "relu2_1": 120, "relu3_1": 250, "relu4_1": 400}  # of Gram matrices
OTHER = 200  # the same of layers that are not named
FIRST = 600  # renderings by which axes are chosen
NEAR = (0.0, 0.03, 0.06, 0.12)  # deviations of embeddings from a style's own; those of styles have a length of 1


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


class Renderer:
    """Renders batches with embeddings of their styles, or near these.

    Args:
        network: whose statistics predictor has no forecast; it does not learn.
        vgg: the loss network.
        grams: describes styles; its narrow copy of the loss network has learned.
        config: layers and weights of the loss; style errors are relative and logarithmic.
        autocast: the precision of rendering and of the loss network.

    Attributes:
        away: (E, E), from normal random numbers to ways from a style's embedding, of length 1; None for no such ways.
    """

    def __init__(
        self,
        network: StyleNetwork,
        vgg: Callable[[Tensor], Mapping[str, Tensor]],
        grams: StyleGrams,
        config: LossConfig,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        assert isinstance(network.predictor, StatisticsPredictor)
        self.network, self.predictor, self.vgg, self.grams = network, network.predictor, vgg, grams
        self.config, self.autocast = config, autocast
        self.away: Tensor | None = None
        self.draw = torch.Generator().manual_seed(0)

    def render(self, batch: Batch) -> tuple[dict[str, Tensor], list[Tensor], list[Tensor]]:
        """What a row of `Renderings` has, without its Gram matrices, and these: of the pictures and of the styles.

        Rows in which a photo is its own style are left out.
        """
        device = next(self.network.parameters()).device
        photos, shown, styles = (to_unit(x[batch.own :].to(device)) for x in (batch.photos, batch.shown, batch.styles))
        predictor = self.predictor
        with torch.no_grad():
            embeddings = self._near(predictor(styles))
            described = self.grams.describe(styles).half()
            with self.autocast():
                content = self.vgg(photos)
                wanted = gram_targets(self.vgg(styles), self.config)
        embeddings.requires_grad_(True)
        with self.autocast():
            images = self.network.render(shown, embeddings)
            features = self.vgg(images)
        losses = perceptual_loss(features, content, wanted, self.config)
        (slopes,) = torch.autograd.grad((losses["content"] + losses["style"]).sum(), embeddings)
        with torch.no_grad():
            row = {"embeddings": embeddings.detach(), "slopes": slopes, "number": batch.style_index[batch.own :]}
            row.update(styles=described, photos=predictor.standardized(predictor.describe(photos)))
            row.update(content=losses["content"].detach())
            grams = gram_targets({layer: x.detach() for layer, x in features.items()}, self.config)
        return (
            {name: x.cpu() for name, x in row.items()},
            [x.cpu() for x in grams.values()],
            [x.cpu() for x in wanted.values()],
        )

    def _near(self, embeddings: Float[Tensor, "b e"]) -> Float[Tensor, "b e"]:
        if self.away is None:
            return embeddings
        far = torch.tensor(NEAR)[torch.randint(len(NEAR), (len(embeddings), 1), generator=self.draw)]
        way = far * torch.randn(embeddings.shape, generator=self.draw) @ self.away
        return embeddings + way.to(embeddings.device)


def gather(renderer: Renderer, batches: Iterable[Batch]) -> tuple[Renderings, dict[str, int]]:
    """Render batches; the first ones with the styles' own embeddings, by which axes for all are chosen.

    Returns:
        The renderings, and how many coordinates the Gram matrices of every layer have.
    """
    remaining = iter(batches)
    early = []
    for batch in remaining:
        early.append(renderer.render(batch))
        if sum(len(row["content"]) for row, _, _ in early) >= FIRST:
            break
    layers = list(renderer.config.style)
    axes = GramAxes({layer: [grams[i] for _, *both in early for grams in both] for i, layer in enumerate(layers)})
    slopes, embeddings = (torch.cat([row[name] for row, _, _ in early]) for name in ("slopes", "embeddings"))
    renderer.away = torch.linalg.inv(balanced_basis(slopes, embeddings)).float()
    rows = [_row(axes, *found) for found in early]
    del early
    rows += [_row(axes, *renderer.render(batch)) for batch in remaining]
    found = Renderings(**{f.name: torch.cat([row[f.name] for row in rows]) for f in fields(Renderings)})
    return found, dict(zip(layers, axes.parts, strict=True))


def _row(
    axes: GramAxes, row: dict[str, Tensor], pictures: Sequence[Tensor], styles: Sequence[Tensor]
) -> dict[str, Tensor]:
    grams, sizes = axes.of(pictures)
    wanted, wanted_sizes = axes.of(styles)
    norms = wanted_sizes.repeat_interleave(torch.tensor(axes.parts), dim=1).exp()
    return {**row, "grams": grams, "sizes": sizes, "wanted": wanted / norms, "wanted_sizes": wanted_sizes}
