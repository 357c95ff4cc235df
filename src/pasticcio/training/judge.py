"""The loss network by which styles are adapted and refined, taught on the model's own pictures.

The half-width copy of the loss network in a `Forecast` has learned from photos and paintings. Of stylized pictures it
knows less, and the gradient of its loss points less far in the direction of the true one. A copy of this copy goes on
learning, from pictures that the model renders as well: their features, and the gradient of the loss with respect to the
embedding. It lies in the model folder beside the graphs that use it.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor, nn

from pasticcio.errors import ModelError
from pasticcio.files import write_whole
from pasticcio.model.folder import JUDGE
from pasticcio.nn.forecast import Forecast
from pasticcio.nn.losses import LossConfig, gram_targets, perceptual_loss
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.style_grams import StyleGrams
from pasticcio.nn.vgg import Vgg
from pasticcio.training.average import Average
from pasticcio.training.batches import Batch, to_unit
from pasticcio.training.narrow import CLIP, WARM, feature_error

Features = dict[str, Tensor]

RATE = 3e-4
AVERAGED = 0.995  # decay of the moving average that the weights become
APART = 0.15  # deviation of the embeddings rendered from those of styles, which have a length of about 1
PLAIN = 3  # photos, and as many styles, beside the rendered pictures of a batch
SLOPES = 2.0  # weight of the errors of gradients; that of the errors of features is 1
SPREAD = 0.6  # deviation of the logarithm of the content loss's weight, as gradients at several are wanted
DIFFERENCE = 0.05  # length of the embeddings' changes by which gradients of gradients are measured
FLAT = 0.05  # share of the mean length of gradients that is added to each


def forecast_of(network: StyleNetwork) -> Forecast:
    """The forecast of a network's predictor.

    Raises:
        ModelError: it has none.
    """
    forecast = getattr(network.predictor, "forecast", None)
    if not isinstance(forecast, Forecast):
        raise ModelError("the predictor has no forecast, whose loss network could learn; train with forecast")
    return forecast


class _Seen(NamedTuple):
    """What a loss network makes of a batch.

    Attributes:
        see: the network.
        loss: its layers and weights.
        photos, styles, rendered: features.
    """

    see: Callable[[Tensor], Features]
    loss: LossConfig
    photos: Features
    styles: Features
    rendered: Features


class _Lesson:
    """A batch: photos, styles, and the photos rendered with embeddings near those of the styles."""

    def __init__(
        self,
        network: StyleNetwork,
        forecast: Forecast,
        batch: Batch,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        device = next(network.parameters()).device
        photos, styles = (
            to_unit(x.to(device)).contiguous(memory_format=torch.channels_last) for x in (batch.photos, batch.styles)
        )
        self.network, self.forecast, self.autocast, self.photos = network, forecast, autocast, photos
        self.styles = styles[:, :, : photos.shape[2], : photos.shape[3]]
        with torch.no_grad(), autocast():
            embeddings = network.predictor(styles).float()
        aside = torch.randn_like(embeddings) * APART / embeddings.shape[1] ** 0.5
        self.embeddings = embeddings + aside @ forecast.back
        self.change = torch.zeros_like(embeddings).requires_grad_(True)
        self.rendered = self._render(self.change)
        self.shown = self.rendered.detach().requires_grad_(True)
        self.weight = torch.exp(SPREAD * torch.randn(len(photos), device=device))

    def _render(self, change: Float[Tensor, "b e"]) -> Tensor:
        """The photos with embeddings that are changed so in the basis of the forecast."""
        with self.autocast():
            return self.network.render(self.photos, self.embeddings + change @ self.forecast.back).float()

    def see(self, network: Callable[[Tensor], Features], loss: LossConfig) -> _Seen:
        """What a loss network makes of all pictures."""
        plain = self._features(network, torch.cat([self.photos, self.styles]))
        photos, styles = ({name: x.chunk(2)[half] for name, x in plain.items()} for half in (0, 1))
        return _Seen(network, loss, photos, styles, self._features(network, self.shown))

    def _features(self, network: Callable[[Tensor], Features], pictures: Tensor) -> Features:
        with self.autocast():
            return {name: x.float() for name, x in network(pictures).items()}

    def feature_error(self, guessed: _Seen, true: _Seen) -> Tensor:
        """Of the rendered pictures and some of the others, see `narrow.feature_error`."""

        def some(seen: _Seen, name: str) -> Tensor:
            return torch.cat([seen.rendered[name], seen.photos[name][:PLAIN], seen.styles[name][:PLAIN]])

        errors = [feature_error(some(guessed, name), some(true, name).detach()) for name in guessed.rendered]
        return torch.stack(errors).sum()

    def slope_error(self, guessed: _Seen, true: _Seen) -> tuple[float, Tensor]:
        """Of the gradients with respect to the embeddings: their squares as shares, and what has the error's gradient.

        The error e of a gradient h depends on the judge through h alone, so its own gradient is that of h times de/dh,
        which is how the judge's loss changes in that direction. This is measured by two more renderings.
        """
        wanted, found = (self._slope(seen) for seen in (true, guessed))
        squares = wanted.square().sum(1, keepdim=True)
        shares = (found - wanted) / (squares + FLAT * squares.mean())
        error = ((found - wanted) * shares).sum(1).mean().item()
        length = (2 * shares).norm(dim=1, keepdim=True).clamp_min(1e-12)
        change = 2 * shares / length * DIFFERENCE
        with torch.no_grad():
            pictures = [self._render(sign * change) for sign in (1, -1)]
        up, down = (self._loss(guessed, self._features(guessed.see, x)) for x in pictures)
        return error, ((up - down) / (2 * DIFFERENCE) * length[:, 0]).mean()

    def _slope(self, seen: _Seen) -> Float[Tensor, "b e"]:
        """The gradient of a loss with respect to the embeddings, in the basis of the forecast."""
        (there,) = torch.autograd.grad(self._loss(seen, seen.rendered).sum(), self.shown, retain_graph=True)
        return torch.autograd.grad(self.rendered, self.change, there, retain_graph=True)[0]

    def _loss(self, seen: _Seen, rendered: Features) -> Float[Tensor, "b"]:
        parts = perceptual_loss(rendered, seen.photos, gram_targets(seen.styles, seen.loss), seen.loss)
        loss: Tensor = self.weight * parts["content"] + parts["style"]
        return loss


def teach_judge(
    network: StyleNetwork,
    vgg: Vgg,
    losses: tuple[LossConfig, LossConfig],
    batches: Iterable[Batch],
    steps: int,
    autocast: Callable[[], AbstractContextManager[Any]],
    told: Callable[[int, float, float], None] = lambda step, features, slopes: None,
    start: StyleGrams | None = None,
) -> StyleGrams:
    """A copy of the forecast's half-width loss network that has learned from rendered pictures, photos and styles.

    Args:
        network: whose predictor has a forecast.
        vgg: the loss network, with the layers of the first loss, those of the forecast being among them.
        losses: by the loss network and by the judge, whose gradients are to be alike.
        batches: at least as many as steps; styles at least as large as photos, and no photo its own style.
        steps: of the optimizer.
        autocast: the precision of rendering and of both loss networks.
        told: called after every step with its number and the errors of features and of gradients.
        start: an earlier judge to go on from; by default the forecast's copy.

    Raises:
        ModelError: the predictor has no forecast.
    """
    forecast = forecast_of(network)
    grams = copy.deepcopy(start or forecast.style)
    learned = nn.ModuleList([grams.narrow.convs, grams.narrow.maps]).requires_grad_(True)
    optimizer = torch.optim.Adam(learned.parameters(), lr=RATE)
    average = Average(learned, AVERAGED)

    def guess(pictures: Tensor) -> Features:
        return dict(zip(grams.parts, grams.features(pictures), strict=True))

    for step, batch in zip(range(steps), batches, strict=False):
        for group in optimizer.param_groups:
            group["lr"] = RATE * min(1.0, (step + 1) / WARM) * max(0.01, 0.5 * (1 + math.cos(math.pi * step / steps)))
        lesson = _Lesson(network, forecast, batch, autocast)
        true, guessed = lesson.see(vgg, losses[0]), lesson.see(guess, losses[1])
        features, (slopes, direct) = lesson.feature_error(guessed, true), lesson.slope_error(guessed, true)
        optimizer.zero_grad()
        (features + SLOPES * direct).backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(learned.parameters(), CLIP)
        optimizer.step()
        average.follow(step + 1)
        told(step + 1, features.item(), slopes)
    learned.load_state_dict(average.values, strict=False)
    return grams.requires_grad_(False)


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
