"""How a trained network gets a `Forecast`: styles are read, photos rendered, and the forecast learns from these."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.statistics import StatisticsPredictor
from pasticcio.nn.style_grams import StyleGrams
from pasticcio.nn.vgg import Vgg
from pasticcio.training import narrow
from pasticcio.training.batches import Batches
from pasticcio.training.config import TrainConfig
from pasticcio.training.forecast import fit
from pasticcio.training.model_folder import load_network
from pasticcio.training.renderings import Renderer, gather
from pasticcio.training.start import start_folder

Told = Callable[[str, int, int], None]
"""Called with the name of what is under way, parts done, and all."""

T = TypeVar("T")


def foresee(
    network: StyleNetwork,
    vgg: Vgg,
    config: TrainConfig,
    batches: Batches,
    first: int,
    autocast: Callable[[], AbstractContextManager[Any]],
    told: Told | None = None,
) -> StyleNetwork:
    """A copy of the network with a forecast that has learned from its renderings.

    Args:
        network: has learned.
        vgg: the loss network.
        config: the recipe. Where it starts with a model that has a forecast of the same layers, the narrow copy of the
            loss network is taken from there.
        batches: of photos and styles.
        first: number of the first batch that is used.
        autocast: the precision of rendering and of the loss network.
        told: called now and then.

    Raises:
        ModelError: a missing or damaged model to start with.
    """
    told = told or (lambda *_: None)
    grams = _of_the_start(config, vgg)
    if grams is None:
        grams = StyleGrams(dict.fromkeys(config.loss.style, 1), vgg.config.depth, vgg.config.widths)
        grams = grams.to(next(network.parameters()).device)
        shown = batches.loader(first, first + narrow.STEPS)
        narrow.teach_narrow(grams, vgg, _counted(shown, "narrow copy", narrow.STEPS, told), autocast)
        first += narrow.STEPS
    count = math.ceil(config.forecast / (config.batch - batches.own))
    shown = batches.loader(first, first + count)
    renderer = Renderer(network, vgg, grams, config.loss, autocast)
    found, parts = gather(renderer, _counted(shown, "renderings", count, told))
    weights = list(config.loss.style.values())
    forecast = fit(grams.cpu(), parts, weights, found, told=lambda step, steps, _: told("forecast", step, steps))
    return network.with_forecast(forecast)


def _of_the_start(config: TrainConfig, vgg: Vgg) -> StyleGrams | None:
    """What the model with which the run began has, if it fits."""
    if not config.start:
        return None
    predictor = load_network(start_folder(config.start)).predictor
    if not isinstance(predictor, StatisticsPredictor) or predictor.forecast is None:
        return None
    grams = predictor.forecast.style
    same = list(grams.parts) == list(config.loss.style) and grams.narrow.config.depth == vgg.config.depth
    return grams.to(next(vgg.parameters()).device) if same and grams.widths == vgg.config.widths else None


def _counted(shown: Iterable[T], name: str, count: int, told: Told) -> Iterator[T]:
    for number, batch in enumerate(shown, start=1):
        yield batch
        told(name, number, count)
