"""The content and style losses that evaluations and experiments report."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from pasticcio.baselines.settings import LOSS, PLAIN
from pasticcio.nn.losses import perceptual_loss

SEED = 2017  # of every draw of pictures
CONTENT = tuple(LOSS.content)  # layers
STYLE = tuple(LOSS.style)

Features = Mapping[str, Tensor]


def content_and_style(features: Features, content: Features, grams: Features) -> tuple[float, float]:
    """Content loss at relu4_1, and relative squared Gram distance |G(y) - G(s)|^2 / |G(s)|^2, mean over four layers.

    Args:
        features: of one output, by layer, (1, C, H, W).
        content: of its photo.
        grams: Gram matrices of its style, (1, C, C), see `gram_targets`.
    """
    found = perceptual_loss(features, content, grams, PLAIN)
    return found["content"].item(), found["style"].item()
