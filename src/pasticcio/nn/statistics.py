"""A style prediction network that reads the statistics of an image recognition network's features."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.predictor import GAIN, NARROW, SEEN, WIDE, moments, narrow_vgg

FAR = 5.0  # deviations beyond which a statistic is cut for the hidden layer


class StatisticsPredictor(nn.Module):
    """The embedding from the means and standard deviations of features of the quarter-width VGG-19.

    Means and deviations of relu4_1 are what a style is in Huang and Belongie 2017 ("Arbitrary style transfer in
    real-time with adaptive instance normalization", equation 8). A linear map guesses the features of the full-width
    network from the narrow one's. Their means and deviations are not negative, and the square roots of these are nearer
    to a flat space than they are themselves. The statistics of four layers and of the colors are seen too. The
    embedding is linear in all of them, plus a small hidden layer, whose output begins at zero.

    Args:
        embedding: length of the embedding.
        hidden: width of the hidden layer.

    Attributes:
        centre, spread: mean and standard deviation of what `describe` gives over many styles; set by `measure`, not
            learned.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, embedding: int = 100, hidden: int = 256) -> None:
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

    def forward(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """Embeddings of style pictures, RGB in [0, 1], sides at least 16."""
        with torch.autocast(style.device.type, enabled=False):  # square roots magnify errors of half precision
            return self.embed(self.describe(style.float()))

    def describe(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Means and deviations of the colors and of four layers, and the square roots of those of relu4_1, widened."""
        layers = list(self.vgg(style).values())
        wide = moments(F.relu(self.widen(layers[-1])))
        return torch.cat([moments(4.0 * (style - 0.5)), *(moments(x) for x in layers), F.relu(wide).sqrt()], 1)

    def embed(self, described: Float[Tensor, "b d"]) -> Float[Tensor, "b e"]:
        """Embeddings of what `describe` gives."""
        x = (described - self.centre) / self.spread
        embedding: Tensor = self.direct(x) + self.out(GAIN * F.relu(self.hidden(x.clamp(-FAR, FAR))))
        return embedding

    @torch.no_grad()
    def measure(self, described: Float[Tensor, "n d"]) -> None:
        """Set centre and spread from what `describe` gives for many styles."""
        self.centre.copy_(described.mean(0))
        self.spread.copy_(described.std(0) + 1e-3)
