"""Style prediction networks: a style picture in, its embedding out.

The embedding is a bottleneck of 100 numbers (Ghiasi et al. 2017, section 3). The
heads in `network` turn it into the scales and shifts of the style transfer network.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from pasticcio.nn.inception import CHANNELS, Inception
from pasticcio.nn.vgg import Vgg, VggConfig

NARROW = (16, 32, 64, 128, 128)  # channels of the five blocks of the quarter-width VGG-19
WIDE = 512  # channels of relu4_1 of the VGG-19 of full width
SEEN = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")  # its layers whose moments a `VggBranch` sees
NOISE = 0.02  # share of the mean variance; directions of less variance are noise and are not scaled up to variance 1
EPS = 1e-5  # added to variances
GAIN = 1 / 8  # on the inputs of zero-initialized layers, so that their first steps are as small as those of the rest


class InceptionPredictor(nn.Module):
    """The predictor of the paper: Inception-v3 to Mixed_6e, mean over positions, a linear layer."""

    def __init__(self, embedding: int = 100) -> None:
        super().__init__()
        self.trunk = Inception()
        self.bottleneck = nn.Linear(CHANNELS, embedding)
        nn.init.xavier_uniform_(self.bottleneck.weight)
        nn.init.zeros_(self.bottleneck.bias)

    def forward(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """Embeddings of style pictures, RGB in [0, 1], sides at least 75."""
        return self.bottleneck(self.describe(style))

    def last_layers(self) -> list[nn.Linear]:
        """The layers whose outputs add up to the embedding."""
        return [self.bottleneck]

    def describe(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 768"]:
        """Features of Mixed_6e, mean over positions."""
        return self.trunk(style).float().mean(dim=(2, 3))


class CompactPredictor(nn.Module):
    """A predictor of a third of a million weights.

    The embedding is computed from the means and standard deviations over positions of every channel at three depths,
    and of the colors.

    Args:
        embedding: length of the embedding.
        widths: channels at 1/4, 1/8 and 1/16 of the size.
        hidden: width of the layer between the pooled statistics and the embedding.
        directions: of a `VggBranch` that adds to the embedding; 0 for none.
        forms: quadratic forms per layer of that branch; 0 for none.
    """

    def __init__(
        self,
        embedding: int = 100,
        widths: tuple[int, ...] = (32, 64, 128),
        hidden: int = 256,
        directions: int = 0,
        forms: int = 0,
    ) -> None:
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
        self.hidden = nn.Linear(2 * (3 + sum(widths)), hidden)
        self.bottleneck = nn.Linear(hidden, embedding)
        self.branch = VggBranch(embedding, directions, forms=forms) if directions else None

    def forward(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """Embeddings of style pictures, RGB in [0, 1], sides at least 16."""
        embedding: Tensor = self.bottleneck(F.relu(self.hidden(self.describe(style))))
        return embedding if self.branch is None else embedding + self.branch(style)

    def last_layers(self) -> list[nn.Linear]:
        """The layers whose outputs add up to the embedding."""
        found = [self.bottleneck]
        if self.branch is not None:
            found += [self.branch.out, *([] if self.branch.forms is None else [self.branch.forms.out])]
        return found

    def describe(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b d"]:
        """Means and standard deviations over positions, of the colors and of every stage."""
        x = style - 0.5
        statistics = [moments(4.0 * x)]
        height, width = x.shape[2] // 16 * 16, x.shape[3] // 16 * 16
        x = F.pixel_unshuffle(x[:, :, :height, :width], 4)
        for stage in self.stages:
            x = stage(x)
            statistics.append(moments(x))
        return torch.cat(statistics, 1)


class VggBranch(nn.Module):
    """An addition to the embedding from the features of a pretrained network; it begins as zero.

    The network is the quarter-width VGG-19 of Collaborative-Distillation (Wang et al. 2020). The means and standard
    deviations of the channels of four of its layers, and of the colors, are whitened by fixed numbers, so that all
    their directions are learned at the same rate.

    Args:
        embedding: length of the embedding.
        directions: number of principal directions of these statistics that are used.
        hidden: width of the layer beside the direct path.
        forms: quadratic forms per layer, see `QuadraticForms`; 0 for none.

    Attributes:
        centre, whitening: mean of the statistics and the matrix that whitens them; set by `measure`, not learned.
    """

    centre: Tensor
    whitening: Tensor

    def __init__(self, embedding: int, directions: int, hidden: int = 512, forms: int = 0) -> None:
        super().__init__()
        self.vgg = narrow_vgg()
        statistics = 2 * (3 + sum(width + 1 for width in NARROW[: len(SEEN)]))
        self.register_buffer("centre", torch.zeros(statistics))
        self.register_buffer("whitening", torch.eye(directions, statistics))
        self.hidden = nn.Linear(directions, hidden)
        nn.init.orthogonal_(self.hidden.weight)
        self.out = nn.Linear(directions + hidden, embedding)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)
        self.forms = QuadraticForms(embedding, [width + 1 for width in NARROW[: len(SEEN)]], forms) if forms else None

    def forward(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """What is added to the embeddings of style pictures, RGB in [0, 1], sides at least 16."""
        with torch.autocast(style.device.type, enabled=False):  # the whitening magnifies errors of half precision
            found = self.layers(style.float())
            x = F.linear(self.describe(style.float(), found) - self.centre, self.whitening)
            embedding: Tensor = self.out(GAIN * torch.cat([x, F.relu(self.hidden(x))], 1))
            return embedding if self.forms is None else embedding + self.forms(found)

    def layers(self, style: Float[Tensor, "b 3 h w"]) -> list[Tensor]:
        """Features of the layers in `SEEN`, each (B, C, H', W')."""
        return list(self.vgg(style).values())

    def describe(self, style: Float[Tensor, "b 3 h w"], layers: Sequence[Tensor]) -> Float[Tensor, "b d"]:
        """Means and standard deviations over positions, of the colors and of every layer."""
        return torch.cat([moments(4.0 * (style - 0.5)), *(moments(x) for x in layers)], 1)

    @torch.no_grad()
    def measure(self, described: Float[Tensor, "n d"]) -> None:
        """Set centre and whitening from the statistics (`describe`) of many styles.

        Statistics are standardized, then rotated to their principal directions. Those of more variance than `NOISE`
        are scaled to variance 1.
        """
        values = described.double()
        centre, spread = values.mean(0), values.std(0) + 1e-4
        variance, turn = torch.linalg.eigh(((values - centre) / spread).T.cov())
        matrix = (variance.clamp(min=0) + NOISE * variance.mean()).rsqrt()[:, None] * turn.T / spread
        self.centre.copy_(centre)
        self.whitening.copy_(matrix[-len(self.whitening) :])  # eigenvalues come in rising order


class QuadraticForms(nn.Module):
    """An addition to the embedding from quadratic forms of covariance matrices of features; it begins as zero.

    The variance over positions of a projection of the channels is a quadratic form of their covariance matrix; the
    projections are learned. The style loss compares whole Gram matrices, while standard deviations of single channels
    are the diagonal of the covariance matrix alone.

    Args:
        embedding: length of the embedding.
        channels: of every layer.
        forms: projections per layer.
        hidden: width of the layer beside the direct path.

    Attributes:
        centre, spread: mean and standard deviation of the logarithms of the deviations of the projections; set by
            `measure`, not learned.
    """

    centre: Tensor
    spread: Tensor

    def __init__(self, embedding: int, channels: Sequence[int], forms: int, hidden: int = 256) -> None:
        super().__init__()
        self.projections = nn.ModuleList([nn.Conv2d(width, forms, 1, bias=False) for width in channels])
        self.register_buffer("centre", torch.zeros(len(channels) * forms))
        self.register_buffer("spread", torch.ones(len(channels) * forms))
        self.hidden = nn.Linear(len(channels) * forms, hidden)
        self.out = nn.Linear(len(channels) * forms + hidden, embedding)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, layers: Sequence[Tensor]) -> Float[Tensor, "b e"]:
        """What is added to the embeddings of style pictures, from their features at every layer."""
        return self.embed(self.describe(layers))

    def describe(self, layers: Sequence[Tensor]) -> Float[Tensor, "b d"]:
        """Logarithms of the standard deviations of all projections."""
        found = []
        for project, layer in zip(self.projections, layers, strict=True):
            x = layer.float().flatten(2)
            x = x - x.mean(2, keepdim=True)
            covariance = torch.bmm(x, x.transpose(1, 2)) / x.shape[2]
            rows: Tensor = project.weight[:, :, 0, 0]  # type: ignore[index]
            found.append(0.5 * ((rows @ covariance * rows).sum(2).clamp_min(0) + EPS).log())
        return torch.cat(found, 1)

    def embed(self, described: Float[Tensor, "b d"]) -> Float[Tensor, "b e"]:
        """What is added to the embeddings, from what `describe` gives."""
        x = (described - self.centre) / self.spread
        added: Tensor = self.out(GAIN * torch.cat([x, F.relu(self.hidden(x))], 1))
        return added

    @torch.no_grad()
    def measure(self, styles: Sequence[Sequence[Tensor]]) -> None:
        """Draw projections of channels scaled to one deviation, and standardize their logarithms, over many styles.

        Args:
            styles: features at every layer, of each style picture.
        """
        for project, layer in zip(self.projections, zip(*styles, strict=True), strict=True):
            assert isinstance(project, nn.Conv2d)
            nn.init.orthogonal_(project.weight)
            loudness = torch.cat([deviations(x) for x in layer]).mean(0)
            project.weight /= loudness[None, :, None, None].clamp_min(1e-3)
        described = torch.cat([self.describe(layers) for layers in styles])
        self.centre.copy_(described.mean(0))
        self.spread.copy_(described.std(0).clamp_min(1e-2))


class TablePredictor(nn.Module):
    """In place of a predictor: the embedding of style number i of N is 1 at i and 0 elsewhere (Dumoulin et al. 2017).

    An embedding whose numbers sum to 1 is a mix of the styles.
    """

    def __init__(self, styles: int) -> None:
        super().__init__()
        self.styles = styles

    def forward(self, number: Int[Tensor, "s"]) -> Float[Tensor, "s n"]:
        """Embeddings of styles by their numbers, from 0."""
        return F.one_hot(number, self.styles).float()


def narrow_vgg() -> Vgg:
    """The quarter-width VGG-19 to relu4_1, with its maps (see `Vgg.load_small`), as a part that can learn."""
    vgg = Vgg(VggConfig(padding="reflect", widths=NARROW), SEEN)
    vgg.winograd = False  # its channels are too few for it, and it has no graph
    for layer, width in zip(SEEN, NARROW, strict=False):
        vgg.maps[layer] = nn.Conv2d(width, width + 1, 1)
    return vgg.requires_grad_(True)


def moments(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d"]:
    """Mean and standard deviation of every channel, in float32."""
    return torch.cat([x.float().mean(dim=(2, 3)), deviations(x)], 1)


def deviations(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c"]:
    """Standard deviation of every channel, in float32."""
    values = x.float()
    variance = (values - values.mean(dim=(2, 3), keepdim=True)).square().mean(dim=(2, 3))
    return torch.sqrt(variance + EPS)
