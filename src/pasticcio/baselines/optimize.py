"""Optimization per picture (Gatys, Ecker, Bethge 2015): gradient descent on the pixels of one picture.

A picture takes minutes where the networks take a fraction of a second. In return it reaches the lowest loss for one
photo and one painting, which no network does. The losses are those of training.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from pasticcio.baselines.descent import Descent, IterationReport, Step
from pasticcio.baselines.objective import Losses, Objective, loss_for
from pasticcio.baselines.scales import Scale, resize, sizes
from pasticcio.baselines.settings import LOSS, Settings
from pasticcio.errors import StyleError
from pasticcio.image.color import luminance
from pasticcio.image.picture import Array, Kind, Picture, Source, as_depth, as_float
from pasticcio.image.read import open_image, read_picture
from pasticcio.nn.losses import LossConfig
from pasticcio.nn.tensors import to_array, to_batch
from pasticcio.nn.vgg import Vgg
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.named import list_styles
from pasticcio.style.style import check_weights, with_weights
from pasticcio.training.pretrained import Download, guess_vgg, load_vgg

__all__ = ["LOSS", "IterationReport", "Result", "Settings", "Step", "optimize"]


@dataclass(frozen=True)
class Result:
    """The result of an optimization.

    Attributes:
        picture: the best picture of the last scale, with the photo's depth, alpha and EXIF data.
        losses: of that picture: "total" and its weighted parts "content" and "style".
        before: losses of the picture that the last scale started from.
        iterations: made at the last scale.
        interrupted: whether Ctrl-C ended the optimization.
    """

    picture: Picture
    losses: Losses
    before: Losses
    iterations: int
    interrupted: bool


def optimize(
    photo: Source,
    style: Source | Sequence[Source] | Sequence[tuple[Source, float]],
    settings: Settings | None = None,
    *,
    vgg: str = "",
    mask: Source | None = None,
    stylizer: Stylizer | None = None,
    report: IterationReport | None = None,
    download: Download | None = None,
) -> Result:
    """Optimize a picture for one photo and one style. Ctrl-C ends the optimization with the best picture so far.

    Args:
        photo: see `read_picture`.
        style: a picture, or a list of pairs of picture and weight, with weights that sum to 1; of pictures without
            weights, all weigh the same.
        settings: by default `Settings()`.
        vgg: file of the loss network: the normalized VGG-19, or torchvision's VGG-16 or VGG-19; empty for
            torchvision's VGG-19, which is downloaded once. With torchvision's networks, content losses are relative to
            the photo's features, see `loss_for`.
        mask: a picture of any size. Its gray is the weight of the style at every place; black places stay as they are.
        stylizer: the model whose output is the start "network"; by default the shipped one.
        report: called after every iteration.
        download: called with the bytes received and their total while weights are downloaded.

    Raises:
        ImageError, OptionError: see `read_picture`, `Settings`.
        StyleError: weights that do not sum to 1, or a named style, which has no picture.
        ConfigError, DownloadError, ModelError: the loss network is not available or lacks a layer.
        TrainingError: the loss of the start is not finite.
    """
    settings = settings or Settings()
    picture = read_picture(photo)
    paintings = _paintings(style)
    shade = None if mask is None else luminance(open_image(mask))
    full = as_float(picture.pixels)
    plan = sizes(full.shape[:2], settings)
    network, loss = _loss_network(settings, vgg, download)
    best: Tensor | None = None
    for number, size in enumerate(plan, start=1):
        scale = Scale(settings, resize(full, size), paintings, plan[-1], shade)
        objective = Objective(network, scale.content, scale.styles, loss, scale.mask, settings.precision)
        if best is None:
            first = to_batch(scale.start(stylizer), device=objective.device)
        else:
            first = F.interpolate(best, size, mode="bicubic", align_corners=False).clamp(0, 1)
        descent = Descent(
            objective, first, settings, finish=scale.finish, scale=number, scales=len(plan), report=report
        )  # fmt: skip
        best = descent.run()
        if descent.interrupted:
            break
    assert best is not None
    return Result(
        picture=_with_pixels(picture, resize(scale.finish(to_array(best)), plan[-1])),
        losses=descent.losses,
        before=descent.before,
        iterations=descent.iteration,
        interrupted=descent.interrupted,
    )


def _paintings(style: Source | Sequence[Source] | Sequence[tuple[Source, float]]) -> list[tuple[Array, float]]:
    """The style pictures, opened, with their weights."""
    pairs: list[tuple[Source, float]] = with_weights(style if isinstance(style, (list, tuple)) else [style])
    check_weights([weight for _, weight in pairs])
    for source, _ in pairs:
        if isinstance(source, str) and source in list_styles() and not Path(source).exists():
            raise StyleError(f"{source} is a named style, known by its embedding; optimization needs its picture")
    return [(open_image(source), weight) for source, weight in pairs]


def _loss_network(settings: Settings, weights: str, download: Download | None) -> tuple[Vgg, LossConfig]:
    """The loss network on the device of the settings, and the loss for the scale of its features."""
    kind = guess_vgg(weights)
    loss = loss_for(kind, settings.loss)
    network = load_vgg(kind, loss.layers(), weights, settings.pooling, "reflect", download)
    device = torch.device(settings.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    network = network.to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network, loss


def _with_pixels(picture: Picture, image: Array) -> Picture:
    """A photo with other pixels, perhaps of another size."""
    alpha = picture.alpha
    if alpha is not None:
        alpha = as_depth(resize(as_float(alpha)[:, :, None], image.shape[:2])[:, :, 0], alpha.dtype)
    kind = picture.kind if picture.kind.dtype is not None else Kind(None, picture.kind.channels)
    return replace(picture, pixels=as_depth(image, picture.pixels.dtype), alpha=alpha, kind=kind)
