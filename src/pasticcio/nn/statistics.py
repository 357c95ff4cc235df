"""A style prediction network that reads the statistics of an image recognition network's features."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.predictor import GAIN, SEEN, moments
from pasticcio.nn.vgg import Vgg, VggConfig

FAR = 5.0  # deviations beyond which a statistic is cut for the hidden layer


class StatisticsPredictor(nn.Module):
    """The embedding from the means and standard deviations of features of VGG-19.

    These are what a style is in Huang and Belongie 2017 ("Arbitrary style transfer in real-time with adaptive instance
    normalization", equation 8). Features are not negative, and neither are their statistics: the embedding is linear in
    the square roots, which are closer to a flat space than the statistics are, plus a small hidden layer, whose output
    begins at zero.

    Args:
        embedding: length of the embedding.
        widths: channels of the first four blocks of the VGG-19.
        hidden: width of the hidden layer.

    Attributes:
        centre, spread: mean and standard deviation of the square roots over many styles; set by `measure`, not learned.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, embedding: int = 100, widths: Sequence[int] = (64, 128, 256, 512), hidden: int = 256) -> None:
        super().__init__()
        self.vgg = Vgg(VggConfig(padding="reflect", widths=(*widths, widths[-1])), SEEN)
        self.vgg.winograd = False  # it has no graph
        statistics = 2 * sum(widths)
        self.register_buffer("centre", torch.zeros(statistics))
        self.register_buffer("spread", torch.ones(statistics))
        self.direct = nn.Linear(statistics, embedding)
        self.hidden = nn.Linear(statistics, hidden)
        self.out = nn.Linear(hidden, embedding)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """Embeddings of style pictures, RGB in [0, 1], sides at least 16."""
        with torch.autocast(style.device.type, enabled=False):  # square roots magnify errors of half precision
            return self.embed(self.describe(style.float()))

    def describe(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Means and standard deviations over positions of every channel, layer after layer."""
        return torch.cat([moments(x) for x in self.vgg(style).values()], 1)

    def embed(self, described: Float[Tensor, "b d"]) -> Float[Tensor, "b e"]:
        """Embeddings of statistics as `describe` gives them."""
        x = (described.sqrt() - self.centre) / self.spread
        embedding: Tensor = self.direct(x) + self.out(GAIN * F.relu(self.hidden(x.clamp(-FAR, FAR))))
        return embedding

    @torch.no_grad()
    def measure(self, described: Float[Tensor, "n d"]) -> None:
        """Set centre and spread from the statistics (`describe`) of many styles."""
        roots = described.double().sqrt()
        self.centre.copy_(roots.mean(0))
        self.spread.copy_(roots.std(0) + 1e-3)
