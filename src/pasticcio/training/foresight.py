"""How a trained network gets a `Forecast`: styles are read, photos rendered, and the forecast learns from these."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import Any, TypeVar

from pasticcio.nn.forecast import Forecast
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.statistics import StatisticsPredictor
from pasticcio.nn.style_grams import StyleGrams
from pasticcio.nn.vgg import Vgg
from pasticcio.training import narrow
from pasticcio.training.batches import Batches
from pasticcio.training.config import TrainConfig
from pasticcio.training.forecast import fit
from pasticcio.training.model_folder import load_network
from pasticcio.training.renderings import Renderer, batches_needed, gather
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
            loss network is taken from there, half of the ways begin where that forecast leads, and the new one begins
            with its layers.
        batches: of photos and styles.
        first: number of the first batch that is used.
        autocast: the precision of rendering and of the loss network.
        told: called now and then.

    Raises:
        ModelError: a missing or damaged model to start with.
    """
    told = told or (lambda *_: None)
    before = _of_the_start(config, vgg)
    if before is not None:
        grams = before.style
    else:
        grams = StyleGrams(dict.fromkeys(config.loss.style, 1), vgg.config.depth, vgg.config.widths)
        grams = grams.to(next(network.parameters()).device)
        shown = batches.loader(first, first + narrow.STEPS)
        narrow.teach_narrow(grams, vgg, _counted(shown, "narrow copy", narrow.STEPS, told), autocast)
        first += narrow.STEPS
    count = batches_needed(config.forecast, config.batch - batches.own)
    shown = batches.loader(first, first + count)
    renderer = Renderer(network, vgg, grams, config.loss, autocast, before)
    found, parts = gather(renderer, _counted(shown, "renderings", count, told))
    weights = list(config.loss.style.values())
    forecast = fit(
        grams.cpu(), parts, weights, found, told=lambda step, steps, _: told("forecast", step, steps), before=before
    )
    return network.with_forecast(forecast)


def _of_the_start(config: TrainConfig, vgg: Vgg) -> Forecast | None:
    """The forecast of the model with which the run began, if it fits."""
    if not config.start:
        return None
    predictor = load_network(start_folder(config.start)).predictor
    if not isinstance(predictor, StatisticsPredictor) or predictor.forecast is None:
        return None
    forecast, style = predictor.forecast, predictor.forecast.style
    same = list(style.parts) == list(config.loss.style) and style.narrow.config.depth == vgg.config.depth
    fits = same and style.widths == vgg.config.widths and len(forecast.centre) == config.network.embedding
    return forecast.to(next(vgg.parameters()).device) if fits else None


def _counted(shown: Iterable[T], name: str, count: int, told: Told) -> Iterator[T]:
    for number, batch in enumerate(shown, start=1):
        yield batch
        told(name, number, count)
