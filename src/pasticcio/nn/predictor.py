"""Style prediction networks: a style picture in, its embedding out.

The embedding is a bottleneck of 100 numbers (Ghiasi et al. 2017, section 3). Linear heads turn it
into the scales and shifts of the style transfer network; they live in `network.py`, between the two.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.inception import CHANNELS, Inception


class InceptionPredictor(nn.Module):
    """The paper's: Inception-v3 to Mixed_6e, mean over positions, linear to the embedding."""

    def __init__(self, embedding: int = 100) -> None:
        super().__init__()
        self.trunk = Inception()
        self.bottleneck = nn.Linear(CHANNELS, embedding)
        nn.init.xavier_uniform_(self.bottleneck.weight)
        nn.init.zeros_(self.bottleneck.bias)

    def forward(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """Embeddings of style pictures, RGB in [0, 1], sides at least 75."""
        return self.embed(self.describe(style))

    def describe(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 768"]:
        """The pooled features alone: what can be computed once where the trunk is frozen."""
        return self.trunk(style).float().mean(dim=(2, 3))

    def embed(self, features: Float[Tensor, "b 768"]) -> Float[Tensor, "b e"]:
        """Pooled features to embeddings."""
        return self.bottleneck(features)


class CompactPredictor(nn.Module):
    """A predictor of a million weights.

    Style is what stays when position is averaged away, so the mean and the standard deviation of
    every channel at three depths, and of the colours themselves, are all that the embedding sees.
    Each of these statistics is brought to one scale before it is used: some are a hundred times
    larger than others, and learning was slow without it.

    Args:
        embedding: length of the embedding.
        widths: channels at 1/4, 1/8 and 1/16 of the size.
        hidden: width of the layer between the pooled statistics and the embedding.
    """

    def __init__(self, embedding: int = 100, widths: tuple[int, ...] = (48, 96, 192), hidden: int = 512) -> None:
        super().__init__()
        stages = []
        inputs = 3 * 4 * 4
        for i, width in enumerate(widths):
            entry = nn.Conv2d(inputs, width, 3, stride=1 if i == 0 else 2, padding=1)
            stages.append(nn.Sequential(entry, nn.ReLU(), nn.Conv2d(width, width, 3, padding=1), nn.ReLU()))
            inputs = width
        self.stages = nn.ModuleList(stages)
        for module in self.stages.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
                nn.init.zeros_(module.bias)  # type: ignore[arg-type]
        statistics = 2 * (3 + sum(widths))
        self.scale = Standardize(statistics)
        self.hidden = nn.Linear(statistics, hidden)
        self.bottleneck = nn.Linear(hidden, embedding)

    def forward(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """Embeddings of style pictures, RGB in [0, 1], sides at least 16."""
        return self.embed(self.describe(style))

    def embed(self, features: Float[Tensor, "b d"]) -> Float[Tensor, "b e"]:
        """Pooled features to embeddings."""
        return self.bottleneck(F.relu(self.hidden(features)))

    def describe(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Means and standard deviations over positions, of the colours and of every stage, standardized."""
        x = style - 0.5
        statistics = [moments(4.0 * x)]
        height, width = x.shape[2] // 16 * 16, x.shape[3] // 16 * 16
        x = F.pixel_unshuffle(x[:, :, :height, :width], 4)
        for stage in self.stages:
            x = stage(x)
            statistics.append(moments(x))
        return self.scale(torch.cat(statistics, 1))


class Standardize(nn.Module):
    """Every number minus its mean, over its standard deviation, both followed over all of training.

    Unlike batch normalization it uses the followed values in training too: no picture's embedding
    depends on the others in its batch.
    """

    mean: Tensor
    variance: Tensor

    def __init__(self, numbers: int, momentum: float = 0.01) -> None:
        super().__init__()
        self.momentum = momentum
        self.register_buffer("mean", torch.zeros(numbers))
        self.register_buffer("variance", torch.ones(numbers))

    def forward(self, x: Float[Tensor, "b d"]) -> Float[Tensor, "b d"]:
        if self.training:
            with torch.no_grad():
                values = x.detach().float()
                self.variance.lerp_((values - self.mean).square().mean(0), self.momentum)
                self.mean.lerp_(values.mean(0), self.momentum)
        return (x - self.mean) * torch.rsqrt(self.variance + 1e-6)


def moments(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
    """Mean and standard deviation of every channel, in float32."""
    values = x.float()
    mean = values.mean(dim=(2, 3))
    variance = (values - mean[:, :, None, None]).square().mean(dim=(2, 3))
    return torch.cat([mean, torch.sqrt(variance + 1e-5)], 1)
