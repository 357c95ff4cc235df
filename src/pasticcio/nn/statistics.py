"""A style prediction network that reads the statistics of an image recognition network's features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.forecast import Forecast
from pasticcio.nn.predictor import GAIN, NARROW, SEEN, WIDE, QuadraticForms, moments, narrow_vgg

FAR = 5.0  # deviations beyond which a statistic is cut for the hidden layer
FAINT = 0.02  # variance, of standardized statistics, below which a direction is noise and is not scaled up to 1
LEADING = 60  # directions that learn at about the full rate, see `StatisticsPredictor.whiten`


class StatisticsPredictor(nn.Module):
    """The embedding from the means and standard deviations of features of the quarter-width VGG-19.

    Means and deviations of relu4_1 are what a style is in Huang and Belongie 2017 ("Arbitrary style transfer in
    real-time with adaptive instance normalization", equation 8). A linear map guesses the features of the full-width
    network from the narrow one's. Their means and deviations are not negative, and the square roots of these are nearer
    to a flat space than they are themselves. The statistics of four layers and of the colors are seen too. The
    embedding is linear in all of them, plus a small hidden layer, whose output begins at zero, and, optionally, plus
    what quadratic forms of the covariance matrices of the four layers add.

    Args:
        embedding: length of the embedding.
        hidden: width of the hidden layer.
        forms: `QuadraticForms` per layer; 0 for none.
        forecast: for layers of the loss network, coordinates of the Gram matrices that a `Forecast` guesses, which then
            corrects the embedding; none for no forecast.
        depth: of that loss network.

    Attributes:
        centre, spread: mean and standard deviation of what `describe` gives over many styles; set by `measure`, not
            learned.
        whitened: None, or while the network learns a second linear map of all statistics, see `whiten`.
    """

    centre: Tensor
    spread: Tensor
    whitening: Tensor

    def __init__(
        self,
        embedding: int = 100,
        hidden: int = 256,
        forms: int = 0,
        forecast: Mapping[str, int] | None = None,
        depth: Literal[16, 19] = 19,
    ) -> None:
        super().__init__()
        self.vgg = narrow_vgg()
        self.widen = nn.Conv2d(NARROW[3] + 1, WIDE, 1)
        described = 2 * (3 + sum(width + 1 for width in NARROW[: len(SEEN)]) + WIDE)
        self.register_buffer("centre", torch.zeros(described))
        self.register_buffer("spread", torch.ones(described))
        self.direct = nn.Linear(described, embedding)
        self.hidden = nn.Linear(described, hidden)
        self.out = nn.Linear(hidden, embedding)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.forms = QuadraticForms(embedding, [width + 1 for width in NARROW[: len(SEEN)]], forms) if forms else None
        self.whitened: nn.Linear | None = None
        self.forecast = Forecast(embedding, forecast, depth) if forecast else None

    def forward(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """Embeddings of style pictures, RGB in [0, 1], sides at least 16."""
        with torch.autocast(style.device.type, enabled=False):  # square roots magnify errors of half precision
            embedding = self.embed(self.describe(style.float()))
            return embedding if self.forecast is None else self.forecast(embedding, style.float())

    def last_layers(self) -> list[nn.Linear]:
        """The layers whose outputs add up to the embedding."""
        found = [self.direct, self.out, *([] if self.forms is None else [self.forms.out])]
        return found if self.whitened is None else [*found, self.whitened]

    def layers(self, style: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """Features of the layers in `SEEN`, each (B, C, H', W')."""
        return list(self.vgg(style).values())

    def describe(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """All that the embedding is computed from.

        Means and deviations of the colors and of four layers, the square roots of those of relu4_1, widened, and what
        the quadratic forms see.
        """
        layers = self.layers(style)
        wide = moments(F.relu(self.widen(layers[-1])))
        found = [moments(4.0 * (style - 0.5)), *(moments(x) for x in layers), F.relu(wide).sqrt()]
        return torch.cat(found if self.forms is None else [*found, self.forms.describe(layers)], 1)

    def embed(self, described: Float[Tensor, "b d"]) -> Float[Tensor, "b e"]:
        """Embeddings of what `describe` gives, before a forecast corrects them."""
        statistics = len(self.centre)
        x = (described[:, :statistics] - self.centre) / self.spread
        embedding: Tensor = self.direct(x) + self.out(GAIN * F.relu(self.hidden(x.clamp(-FAR, FAR))))
        if self.forms is not None:
            embedding = embedding + self.forms.embed(described[:, statistics:])
        if self.whitened is not None:
            embedding = embedding + self.whitened(F.linear(self.standardized(described), self.whitening))
        return embedding

    def standardized(self, described: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """What `describe` gives, with mean 0 and deviation 1 over the styles measured."""
        parts = [self] if self.forms is None else [self, self.forms]
        centre, spread = (torch.cat([getattr(part, name) for part in parts]) for name in ("centre", "spread"))
        return (described - centre) / spread

    @torch.no_grad()
    def set_linear(self, weight: Float[Tensor, "e d"], bias: Float[Tensor, "e"]) -> None:
        """Let the embedding be a linear map of what `standardized` gives, as long as the hidden layers add nothing."""
        for learned in (self.direct, *([self.forms.out] if self.forms is not None else [])):
            learned.weight.zero_()
        self.direct.bias.copy_(bias)
        self._add_linear(weight)

    @torch.no_grad()
    def whiten(self, described: Float[Tensor, "n d"], directions: int) -> None:
        """Add a linear map that learns from whitened statistics; it begins at zero, and `fold` makes it part of others.

        Statistics of styles go together: most of their variance is in one direction, and what tells styles apart is in
        those of little variance, which gradient descent on the statistics themselves hardly moves. So the principal
        directions are scaled to variance 1, those after the leading ones to less, since they tell less.

        Args:
            described: of many styles; at least two a direction, or fewer directions are used.
            directions: number of principal directions.
        """
        x = self.standardized(described).double().clamp(-FAR, FAR)
        _, lengths, turn = torch.linalg.svd(x - x.mean(0), full_matrices=False)
        count = min(directions, len(x) // 2)
        variance = lengths[:count].square() / (len(x) - 1)
        scale = ((variance + FAINT) * (1 + torch.arange(count) / LEADING)).rsqrt()
        self.register_buffer("whitening", (scale[:, None] * turn[:count]).float())
        self.whitened = nn.Linear(count, self.direct.out_features, bias=False)
        nn.init.zeros_(self.whitened.weight)

    @torch.no_grad()
    def fold(self) -> None:
        """Make the map of `whiten` a part of the other linear maps, which give the same embeddings without it."""
        if self.whitened is None:
            return
        self._add_linear(self.whitened.weight @ self.whitening)
        self.whitened = None
        del self.whitening

    def _add_linear(self, weight: Float[Tensor, "e d"]) -> None:
        statistics = len(self.centre)
        self.direct.weight += weight[:, :statistics]
        if self.forms is not None:
            self.forms.out.weight[:, : weight.shape[1] - statistics] += weight[:, statistics:] / GAIN

    @torch.no_grad()
    def measure(self, described: Float[Tensor, "n d"]) -> None:
        """Set centre and spread from what `describe` gives for many styles."""
        x = described[:, : len(self.centre)]
        self.centre.copy_(x.mean(0))
        self.spread.copy_(x.std(0) + 1e-3)
