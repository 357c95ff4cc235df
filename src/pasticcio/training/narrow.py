"""How the narrow copy of the loss network begins and learns that `StyleGrams` holds.

It begins layer by layer: of every layer those channels are kept that tell most of the others, and its kernels are those
that come nearest to them from what the copy's own layers before give, by least squares (He, Zhang and Sun 2017,
"Channel pruning for accelerating very deep neural networks", choose and fit likewise). Then all layers learn together
from the loss network's features, and from their means, deviations and Gram matrices.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.losses import gram_matrix
from pasticcio.nn.predictor import deviations
from pasticcio.nn.style_grams import StyleGrams
from pasticcio.nn.transfer import reflect
from pasticcio.nn.vgg import Vgg
from pasticcio.training.batches import Batch, to_unit
from pasticcio.training.compress import POSITIONS, kernels, linear, telling

STEPS = 500  # batches from which it learns
FIRST = 4  # batches by which it begins
RATE = 1e-3
WARM = 40  # steps until the full rate
CLIP = 2.0
AVERAGED = 0.99  # the weights become a moving average of this decay
STATISTICS = 2.0  # weight of the errors of means and deviations, and of those of Gram matrices; that of features is 1


def teach_narrow(
    grams: StyleGrams, vgg: Vgg, batches: Iterable[Batch], autocast: Callable[[], AbstractContextManager[Any]]
) -> None:
    """Teach the narrow copy, and choose the leading directions of its features.

    Args:
        grams: what is filled, but for its `maps`.
        vgg: the loss network, with the layers of `grams`.
        batches: of photos and styles.
        autocast: the precision of both networks.
    """
    device = next(vgg.parameters()).device
    shown = (_pictures(batch, device) for batch in batches)
    first = list(itertools.islice(shown, FIRST))
    _begin(grams, vgg, torch.cat(first))
    _descend(grams, vgg, itertools.chain(first, shown), autocast)
    _turn(grams, torch.cat(first))


def _pictures(batch: Batch, device: torch.device) -> Float[Tensor, "n 3 h w"]:
    """Photos and styles, cut to one size."""
    side = min(*batch.photos.shape[2:], *batch.styles.shape[2:])
    return torch.cat([to_unit(x[:, :, :side, :side].to(device)) for x in (batch.photos, batch.styles)])


@torch.no_grad()
def _begin(grams: StyleGrams, vgg: Vgg, pictures: Float[Tensor, "n 3 h w"]) -> None:
    narrow = grams.narrow
    narrow.input.load_state_dict(vgg.input.state_dict())
    wanted = _before_rectifiers(vgg, pictures)
    x = narrow.input(pictures)
    names = list(narrow.convs)
    for name, following in zip(names, [*names[1:], ""], strict=True):
        if name.endswith("_1") and name != names[0]:
            x = F.max_pool2d(x, 2)
        conv = narrow.convs[name]
        assert isinstance(conv, nn.Conv2d)
        activations = _rows(F.relu(wanted[name]))
        read = vgg.convs[following].weight.square().sum((0, 2, 3)).sqrt() if following else 1.0  # type: ignore[operator]
        kept = telling((activations * read).T.double().cov(), conv.out_channels)
        aim = wanted[name][:, kept]
        conv.weight.copy_(kernels(x, aim))
        x = F.conv2d(reflect(x, 1, 1, 1, 1), conv.weight)
        bias = (aim - x).mean((0, 2, 3))
        conv.bias.copy_(bias)  # type: ignore[union-attr]
        x = F.relu(x + bias[:, None, None])
        if name in narrow.maps:
            weight, bias = linear(_rows(x), activations)
            narrow.maps[name].load_state_dict({"weight": weight[:, :, None, None], "bias": bias})


def _rows(features: Float[Tensor, "b c h w"]) -> Float[Tensor, "n c"]:
    """Features at some positions."""
    step = features[:, 0].numel() // POSITIONS | 1
    return features.permute(0, 2, 3, 1).flatten(0, 2)[::step]


def _before_rectifiers(vgg: Vgg, pictures: Tensor) -> dict[str, Tensor]:
    """What every convolution gives."""
    found: dict[str, Tensor] = {}

    def keep(name: str, _: nn.Module, __: object, output: Tensor) -> None:
        found[name] = output

    with _by_modules(vgg):
        handles = [conv.register_forward_hook(partial(keep, name)) for name, conv in vgg.convs.items()]
        try:
            vgg(pictures)
        finally:
            for handle in handles:
                handle.remove()
    return found


@contextmanager
def _by_modules(vgg: Vgg) -> Iterator[None]:
    """With convolutions as torch has them, which hooks see."""
    before, vgg.winograd = vgg.winograd, False
    try:
        yield
    finally:
        vgg.winograd = before


def _descend(
    grams: StyleGrams,
    vgg: Vgg,
    shown: Iterator[Tensor],
    autocast: Callable[[], AbstractContextManager[Any]],
) -> None:
    narrow = grams.narrow
    learned = [p for part in (narrow.convs, narrow.maps) for p in part.requires_grad_(True).parameters()]
    optimizer = torch.optim.Adam(learned, lr=RATE)
    average = [p.detach().clone() for p in learned]
    for step, pictures in enumerate(itertools.islice(shown, STEPS)):
        for group in optimizer.param_groups:
            cosine = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * step / STEPS))
            group["lr"] = RATE * min(1.0, (step + 1) / WARM) * cosine
        with autocast():
            with torch.no_grad():
                wanted = vgg(pictures)
            found = grams.features(pictures)
        loss = sum(feature_error(x.float(), wanted[layer].float()) for x, layer in zip(found, grams.parts, strict=True))
        assert isinstance(loss, Tensor)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned, CLIP)
        optimizer.step()
        decay = min(AVERAGED, (1 + step) / (10 + step))
        for mean, now in zip(average, learned, strict=True):
            mean.lerp_(now.detach(), 1 - decay)
    with torch.no_grad():
        for mean, now in zip(average, learned, strict=True):
            now.copy_(mean)
    narrow.requires_grad_(False)


def feature_error(found: Float[Tensor, "b c h w"], wanted: Float[Tensor, "b c h w"]) -> Float[Tensor, ""]:
    """Errors as shares of the variance: of features, of means and deviations, of Gram matrices."""
    features = (found - wanted).square().mean() / (wanted.var((0, 2, 3)).mean() + 1e-8)
    have, want = (torch.cat([x.mean((2, 3)), deviations(x)], 1).clamp_min(1e-4).sqrt() for x in (found, wanted))
    statistics = (have - want).square().sum() / ((want - want.mean(0)).square().sum() + 1e-8)
    aim = gram_matrix(wanted)
    apart = (gram_matrix(found) - aim).square().sum((1, 2)) / aim.square().sum((1, 2)).clamp_min(1e-8)
    return features + STATISTICS * (statistics + apart.mean())


@torch.no_grad()
def _turn(grams: StyleGrams, pictures: Float[Tensor, "n 3 h w"]) -> None:
    """The directions of most energy, each picture counting alike."""
    for turn, x in zip(grams.turns, grams.features(pictures), strict=True):
        assert isinstance(turn, nn.Conv2d)
        each = gram_matrix(x)
        mean = (each / each.square().sum((1, 2), keepdim=True).sqrt().clamp_min(1e-8)).mean(0)
        _, axes = torch.linalg.eigh(mean.double())
        turn.weight.copy_(axes[:, -turn.out_channels :].T[:, :, None, None])
