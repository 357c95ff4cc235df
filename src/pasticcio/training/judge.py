"""The loss network by which styles are adapted and refined, taught on the model's own pictures.

The half-width copy of the loss network in a `Forecast` has learned from photos and paintings. Of stylized pictures it
knows less, and the gradient of its loss points less far in the direction of the true one. A copy of this copy goes on
learning, from pictures that the model renders as well, and lies in the model folder beside the graphs that use it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from pasticcio.errors import ModelError
from pasticcio.files import write_whole
from pasticcio.model.folder import JUDGE
from pasticcio.nn.forecast import Forecast
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.style_grams import StyleGrams
from pasticcio.nn.vgg import Vgg
from pasticcio.training.average import Average
from pasticcio.training.batches import Batch, to_unit
from pasticcio.training.narrow import CLIP, WARM, feature_error

RATE = 5e-4
AVERAGED = 0.995  # decay of the moving average that the weights become
APART = 0.15  # deviation of the embeddings rendered from those of styles, which have a length of about 1
PLAIN = 3  # photos, and as many styles, beside the rendered pictures of a batch


def forecast_of(network: StyleNetwork) -> Forecast:
    """The forecast of a network's predictor.

    Raises:
        ModelError: it has none.
    """
    forecast = getattr(network.predictor, "forecast", None)
    if not isinstance(forecast, Forecast):
        raise ModelError("the predictor has no forecast, whose loss network could learn; train with forecast")
    return forecast


def teach_judge(
    network: StyleNetwork,
    vgg: Vgg,
    batches: Iterable[Batch],
    steps: int,
    autocast: Callable[[], AbstractContextManager[Any]],
    told: Callable[[int, float], None] = lambda step, loss: None,
    start: StyleGrams | None = None,
) -> StyleGrams:
    """A copy of the forecast's half-width loss network that has learned from rendered pictures, photos and styles.

    Args:
        network: whose predictor has a forecast.
        vgg: the loss network, with the layers of the forecast.
        batches: at least as many as steps; styles at least as large as photos, and no photo its own style.
        steps: of the optimizer.
        autocast: the precision of rendering and of both loss networks.
        told: called after every step with its number and loss.
        start: an earlier judge to go on from; by default the forecast's copy.

    Raises:
        ModelError: the predictor has no forecast.
    """
    forecast = forecast_of(network)
    grams = copy.deepcopy(start or forecast.style)
    learned = nn.ModuleList([grams.narrow.convs, grams.narrow.maps]).requires_grad_(True)
    optimizer = torch.optim.Adam(learned.parameters(), lr=RATE)
    average = Average(learned, AVERAGED)
    for step, batch in zip(range(steps), batches, strict=False):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / WARM) * max(0.01, 0.5 * (1 + math.cos(math.pi * step / steps)))
        with torch.no_grad(), autocast():
            shown = _pictures(network, forecast, batch)
            wanted = vgg(shown)
        with autocast():
            found = grams.features(shown)
        errors = [feature_error(x.float(), wanted[layer].float()) for x, layer in zip(found, grams.parts, strict=True)]
        loss = torch.stack(errors).sum()
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned.parameters(), CLIP)
        optimizer.step()
        average.follow(step + 1)
        told(step + 1, loss.item())
    learned.load_state_dict(average.values, strict=False)
    return grams.requires_grad_(False)


def _pictures(network: StyleNetwork, forecast: Forecast, batch: Batch) -> Float[Tensor, "n 3 h w"]:
    """Photos rendered with embeddings near those of styles, some of the photos, and some styles cut to their size."""
    device = next(network.parameters()).device
    photos, styles = (
        to_unit(x.to(device)).contiguous(memory_format=torch.channels_last) for x in (batch.photos, batch.styles)
    )
    height, width = photos.shape[2:]
    embeddings = network.predictor(styles)
    aside = torch.randn_like(embeddings) * APART / embeddings.shape[1] ** 0.5
    rendered = network.render(photos, embeddings + aside @ forecast.back).float()
    return torch.cat([rendered, photos[:PLAIN], styles[:PLAIN, :, :height, :width]])


def save_judge(grams: StyleGrams, folder: Path) -> None:
    """Write a judge into a model folder, as numbers of half precision in single precision, which graphs can borrow."""
    state = {name: x.half().float().contiguous() for name, x in grams.narrow.state_dict().items()}
    write_whole(folder / JUDGE, save(state))


def load_judge(network: StyleNetwork, folder: Path) -> StyleGrams:
    """The loss network by which a model's styles are judged: the folder's own, or the forecast's.

    Raises:
        ModelError: the network has no forecast, or the file is none of its judges.
    """
    grams = copy.deepcopy(forecast_of(network).style)
    if (folder / JUDGE).is_file():
        try:
            grams.narrow.load_state_dict(load_file(folder / JUDGE))
        except (RuntimeError, SafetensorError, OSError) as error:
            raise ModelError(f"{folder / JUDGE} is no judge of this model; remove it, or make it anew") from error
    return grams
