"""How an encoded network begins: as that of Huang and Belongie 2017 (AdaIN), with fewer channels, by least squares.

The encoder is a quarter-width VGG-19 that others distilled. Of every layer of AdaIN's decoder the channels are kept
that carry most of what the next layer reads; the kernels of a layer are those with which its own input, what the layers
before it make of photos and styles, comes nearest to the kept channels' activations (He, Zhang and Sun 2017,
"Channel pruning for accelerating very deep neural networks", section 3.1, choose and fit likewise). The scales and
shifts of every layer are fitted to the statistics that AdaIN's activations have for each style.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.errors import ConfigError, DataError
from pasticcio.image.read import open_image
from pasticcio.nn.encoded import EncodedTransfer, enlarged
from pasticcio.nn.fast import UpsampledConv
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.norm import INSTANCE_EPS
from pasticcio.nn.predictor import SEEN, moments
from pasticcio.nn.statistics import StatisticsPredictor
from pasticcio.nn.tensors import to_batch
from pasticcio.nn.transfer import reflect
from pasticcio.training.config import TrainConfig
from pasticcio.training.crops import photo_crop, style_crop
from pasticcio.training.pictures import UNREADABLE, Pictures
from pasticcio.training.pretrained import load_vgg, read_state

MEASURED = 8000  # style pictures whose statistics are measured
PAIRS = 1600  # photos and styles whose activations' statistics are measured
FITTED = 256  # of these, on which the kernels are fitted
CHOSEN = 48  # of these, on which the channels are chosen
SCALED = 200  # style pictures on which the scale of quadratic forms is measured
AT_ONCE = 16
POSITIONS = 60_000  # of activations, on which a layer is fitted
RIDGE = 1e-3  # of the mean variance, on the kernels of a layer
LINEAR_RIDGES = [4.0**power for power in range(-3, 10)]
ENLARGED = 0, 4, 6  # convolutions of AdaIN's decoder after which the size is doubled


class AdainDecoder(nn.Module):
    """The decoder of AdaIN: nine 3x3 convolutions padded by reflection.

    Args:
        state: their weights, in the order of the layers.
    """

    def __init__(self, state: Sequence[tuple[Tensor, Tensor]]) -> None:
        super().__init__()
        self.convs = nn.ModuleList()
        for weight, bias in state:
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2])
            conv.load_state_dict({"weight": weight.float(), "bias": bias.float()})
            self.convs.append(conv)
        self.requires_grad_(False)

    def forward(self, x: Float[Tensor, "b c h w"]) -> list[Tensor]:
        """What every convolution gives before its rectifier; the last gives the picture."""
        found = []
        for number, conv in enumerate(self.convs):
            found.append(conv(reflect(x, 1, 1, 1, 1)))
            x = F.relu(found[-1])
            x = F.interpolate(x, scale_factor=2.0) if number in ENLARGED else x
        return found


@torch.no_grad()
def begin_encoded(network: StyleNetwork, config: TrainConfig, photos: Pictures, styles: Pictures) -> None:
    """Fill predictor, heads and transfer network.

    Args:
        network: of the encoded family, with a statistics predictor.
        config: the recipe; `encoder`, `decoder` and `vgg` name the weights.
        photos, styles: of the run.

    Raises:
        ConfigError: another network, or weights that do not fit it.
        DataError: too few pictures.
        ModelError: weights that cannot be read.
    """
    transfer, predictor = network.transfer, network.predictor
    if not (isinstance(transfer, EncodedTransfer) and isinstance(predictor, StatisticsPredictor)):
        raise ConfigError(
            "encoder and decoder name weights, but the network is another; set network.transfer = 'encoded' and "
            "network.predictor = 'statistics'"
        )
    rng = np.random.default_rng(config.seed)
    vgg = load_vgg("vgg19-normalised", SEEN, config.vgg, padding="reflect")
    small = load_vgg("vgg19-small", SEEN, config.encoder, padding="reflect")
    with _fitting(config.encoder):
        state = read_state(Path(config.encoder))
        weight, bias = state["conv41_aux.weight"].float(), state["conv41_aux.bias"].float()
        kept = {key: value for key, value in small.state_dict().items() if not key.startswith("maps.")}
        transfer.encoder.load_state_dict(kept)
        transfer.widen.load_state_dict({"weight": weight, "bias": bias})
        predictor.vgg.load_state_dict(small.state_dict())
        _widen(predictor, torch.cat([weight[:, :, 0, 0], bias[:, None]], 1))
    with _fitting(config.decoder):
        weights = read_state(Path(config.decoder))
        layers = sorted({key.rsplit(".", 1)[0] for key in weights}, key=lambda name: int(name.split(".")[0]))
        teacher = AdainDecoder([(weights[f"{name}.weight"], weights[f"{name}.bias"]) for name in layers])
    if predictor.forms is not None:
        scaled = _crops(styles, config, rng, SCALED, of_styles=True)
        predictor.forms.measure([predictor.layers(style) for style in scaled])
    described, roots = [], []
    for style in _crops(styles, config, rng, MEASURED, of_styles=True):
        described.append(predictor.describe(style))
        roots.append(moments(vgg(style)["relu4_1"]).sqrt())
    embeddings = _begin_embedding(network, predictor, torch.cat(described), torch.cat(roots))
    drawn = embeddings[rng.integers(len(embeddings), size=PAIRS)]
    _Fit(network, transfer, teacher, drawn).run(list(_crops(photos, config, rng, PAIRS, of_styles=False)))


@contextlib.contextmanager
def _fitting(source: str) -> Iterator[None]:
    try:
        yield
    except (KeyError, RuntimeError, ValueError) as error:
        raise ConfigError(f"{source} does not hold the weights that this network begins with: {error}") from error


def _crops(
    pictures: Pictures, config: TrainConfig, rng: np.random.Generator, count: int, *, of_styles: bool
) -> Iterator[Tensor]:
    """Up to `count` crops, each (1, 3, S, S); of a style at most one, of a photo as many as are needed."""
    cut = style_crop if of_styles else photo_crop
    found = 0
    numbers = rng.permutation(len(pictures))[:count] if of_styles else rng.integers(len(pictures), size=count)
    for number in numbers.tolist():
        with contextlib.suppress(*UNREADABLE):
            yield to_batch(open_image(cut(pictures.load(number), config.data, rng)))
            found += 1
    if found < 2:
        raise DataError(f"of {len(pictures)} pictures {found} can be read; 2 are the least")


def _widen(predictor: StatisticsPredictor, wanted: Float[Tensor, "w d"]) -> None:
    """Make `widen` the linear map to the full network's features from what `vgg.maps` has made of the narrow ones."""
    mapped = predictor.vgg.maps[SEEN[-1]]
    assert isinstance(mapped, nn.Conv2d)
    assert mapped.bias is not None
    triangle = torch.cat([mapped.weight[:, :, 0, 0], mapped.bias[:, None]], 1).double()
    predictor.widen.weight.copy_((wanted.double() @ torch.linalg.pinv(triangle))[:, :, None, None])
    nn.init.zeros_(predictor.widen.bias)  # type: ignore[arg-type]


def _begin_embedding(
    network: StyleNetwork, predictor: StatisticsPredictor, described: Float[Tensor, "n d"], roots: Float[Tensor, "n p"]
) -> Float[Tensor, "n e"]:
    """Principal components of the statistics of relu4_1 become the embedding, and the heads turn them back.

    Args:
        network, predictor: what is filled.
        described: of many styles, as `StatisticsPredictor.describe` gives it.
        roots: square roots of the means and deviations of the full network's relu4_1 of the same styles.

    Returns:
        The embeddings of the styles, of which the predictor gives the nearest linear map.
    """
    squared, size = network.transfer.squared, network.config.embedding
    centre = roots.double().mean(0)
    _, _, turn = torch.linalg.svd(roots.double() - centre, full_matrices=False)
    turn = F.pad(turn[:size], (0, 0, 0, max(0, size - len(turn))))
    components = (roots.double() - centre) @ turn.T
    length = components.std(0) + 1e-6
    network.heads.weight[:squared] = turn.T * length
    network.heads.bias[:squared] = centre
    embeddings = (components / length).float()
    predictor.measure(described)
    predictor.set_linear(*linear(predictor.standardized(described), embeddings))
    return embeddings


class _Fit:
    """The decoder's layers, one after the other."""

    def __init__(
        self,
        network: StyleNetwork,
        transfer: EncodedTransfer,
        teacher: AdainDecoder,
        embeddings: Float[Tensor, "n e"],
    ) -> None:
        self.network, self.transfer, self.teacher, self.embeddings = network, transfer, teacher, embeddings
        self.layers = [
            transfer.at_eighth,
            transfer.to_quarter,
            *transfer.at_quarter,
            transfer.narrow,
            transfer.to_half,
            transfer.at_half,
        ]

    def run(self, photos: list[Tensor]) -> None:
        count = min(len(photos), len(self.embeddings))
        parts = [slice(i, min(i + AT_ONCE, count)) for i in range(0, count, AT_ONCE)]
        kept: list[Tensor] = []
        statistics: list[list[Tensor]] = [[] for _ in self.layers]
        wanted: list[list[Tensor]] = [[] for _ in self.layers]
        inputs, pictures = [], []
        for part in parts:
            x = self._restyled(torch.cat(photos[part]), self.embeddings[part])
            found = self.teacher(x)
            if not kept:
                kept = self._chosen(photos[:CHOSEN])
            for layer, (channels, activations) in enumerate(zip(kept, found, strict=False)):
                statistics[layer].append(moments(activations[:, channels]))
                if part.start < FITTED:
                    wanted[layer].append(activations[:, channels])
            if part.start < FITTED:
                inputs.append(x)
                pictures.append(found[-1])
        x, heads = torch.cat(inputs), []
        for number, layer in enumerate(self.layers):
            x = enlarged(x) if number - 1 in ENLARGED else x
            aim = torch.cat(wanted[number])
            wanted[number].clear()
            layer.conv.weight.copy_(kernels(x, aim))
            x = F.relu(
                _with_statistics(torch.cat([layer.convolved(part) for part in torch.split(x, AT_ONCE)]), moments(aim))
            )
            heads.append(linear(self.embeddings[:count], torch.cat(statistics[number])))
        before = torch.logit(torch.cat(pictures).clamp(0.02, 0.98))
        _share(kernels(x, F.pixel_unshuffle(before, 2)), self.transfer.unfold)
        heads.append(linear(self.embeddings[: len(before)], moments(before)))
        rows = slice(self.transfer.squared, None)
        self.network.heads.weight[rows] = torch.cat([weight for weight, _ in heads])
        self.network.heads.bias[rows] = torch.cat([bias for _, bias in heads])

    def _restyled(self, photos: Tensor, embeddings: Tensor) -> Tensor:
        features = F.relu(self.transfer.widen(self.transfer.encoder(photos)["relu4_1"]))
        return self.transfer.bottleneck(features, self.network.heads(embeddings))

    def _chosen(self, photos: list[Tensor]) -> list[Tensor]:
        """Numbers of AdaIN's channels that every layer keeps, each weighted by the next layer; see `telling`."""
        found = self.teacher(self._restyled(torch.cat(photos), self.embeddings[: len(photos)]))
        kept = []
        for number, layer in enumerate(self.layers):
            have, want = found[number].shape[1], layer.conv.out_channels
            if want > have:
                raise ConfigError(f"layer {number + 1} of AdaIN's decoder has {have} channels; {want} are wanted of it")
            weight = self.teacher.convs[number + 1].weight
            assert isinstance(weight, Tensor)
            rows = F.relu(found[number]).transpose(0, 1).flatten(1) * weight.square().sum((0, 2, 3)).sqrt()[:, None]
            kept.append(telling(rows.double().cov(), want))
        return kept


def telling(covariance: Float[Tensor, "c c"], count: int) -> Tensor:
    """Numbers of `count` channels that tell most of the others, in order, by a pivoted Cholesky decomposition.

    The next channel is the one with the largest variance that those before it leave unexplained.
    """
    rest, found = covariance.clone(), []
    for _ in range(count):
        best = int(rest.diagonal().argmax())
        found.append(best)
        column = rest[:, best] / rest[best, best].clamp_min(1e-12).sqrt()
        rest = rest - column[:, None] * column[None]
        rest[found, found] = -1.0
    return torch.tensor(sorted(found))


def _with_statistics(x: Float[Tensor, "b c h w"], wanted: Float[Tensor, "b d"]) -> Float[Tensor, "b c h w"]:
    """Every channel with the mean and deviation wanted, as `moments` gives them."""
    mean, deviation = wanted[:, :, None, None].chunk(2, 1)
    spread = (x.var((2, 3), unbiased=False) + INSTANCE_EPS).sqrt()[:, :, None, None]
    return (x - x.mean((2, 3), keepdim=True)) / spread * deviation + mean


def kernels(x: Float[Tensor, "b c h w"], wanted: Float[Tensor, "b d h w"]) -> Float[Tensor, "d c 3 3"]:
    """The 3x3 kernels that come nearest to what is wanted, up to a constant in every channel of every picture."""
    inputs, outputs = 9 * x.shape[1], wanted.shape[1]
    own = torch.zeros(inputs, inputs, dtype=torch.double)
    cross = torch.zeros(inputs, outputs, dtype=torch.double)
    step = wanted[:, 0].numel() // POSITIONS | 1  # odd: an even step would see one side of every enlarged pixel only
    for picture, aim in zip(reflect(x, 1, 1, 1, 1), wanted, strict=True):
        columns, rows = F.unfold(picture[None], 3)[0], aim.flatten(1)
        columns, rows = columns - columns.mean(1, keepdim=True), rows - rows.mean(1, keepdim=True)
        columns, rows = columns[:, ::step], rows[:, ::step]
        own += columns @ columns.T
        cross += columns @ rows.T
    own.diagonal().add_(RIDGE * own.diagonal().mean())
    return torch.linalg.solve(own, cross).T.float().reshape(outputs, -1, 3, 3)


def linear(inputs: Float[Tensor, "n e"], wanted: Float[Tensor, "n d"]) -> tuple[Tensor, Tensor]:
    """Weight and bias of a linear map, by ridge regression.

    The ridge is the one with which the others tell every tenth row best: without one that is large enough, as many rows
    as there are inputs give a map that fits these rows alone.
    """
    x, y = F.pad(inputs.double(), (0, 1), value=1.0), wanted.double()
    held = torch.arange(len(x)) % 10 == 1

    def solved(rows: Tensor, ridge: float) -> Tensor:
        weights = torch.full((x.shape[1],), ridge, dtype=torch.double)
        weights[-1] = 0.0  # the bias is free
        return torch.linalg.solve(x[rows].T @ x[rows] + weights.diag(), x[rows].T @ y[rows])

    ridge = min(LINEAR_RIDGES, key=lambda ridge: float((x[held] @ solved(~held, ridge) - y[held]).square().mean()))
    found = solved(held | ~held, ridge).T.float()
    return found[:, :-1], found[:, -1]


def _share(kernels: Float[Tensor, "d c 3 3"], layer: UpsampledConv) -> None:
    """Give `layer` the kernels of its four pixels: what they can share, and the rest as free ones."""
    channels, outputs = kernels.shape[1], len(kernels) // 4
    shared = torch.eye(25).reshape(25, 1, 5, 5)
    rows = torch.einsum("pia,ocab->opcib", layer.taps, shared)
    basis = torch.einsum("qjb,opcib->opqcij", layer.taps, rows).reshape(25, 36).T
    wanted = kernels.reshape(outputs, 4, channels, 9).permute(1, 3, 0, 2).reshape(36, -1)
    found = torch.linalg.lstsq(basis, wanted).solution
    layer.weight.copy_(found.T.reshape(outputs, channels, 5, 5))
    rest = (wanted - basis @ found).reshape(4, 9, outputs, channels).permute(2, 0, 3, 1)
    layer.free.copy_(rest.reshape(outputs * 4, channels, 3, 3))
