"""What a `Forecast` learns from renderings.

Each rendering is of one photo with an embedding near that of one style. The forecast learns what the pictures' Gram
matrices and content losses are, and what the gradient of the whole loss is: of 100 numbers each time, where a loss is
one. (Czarnecki et al. 2017, "Sobolev training for neural networks", learn values and gradients of functions so.)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pasticcio.nn.forecast import FAR, HIDDEN, Forecast, Guess
from pasticcio.training.balance import OUTLYING, balanced_basis
from pasticcio.training.renderings import Renderings

PASSES = 80  # through all renderings
LEAST = 200  # steps of the optimizer
RATE = 2e-3
DECAY = 0.02  # of the weights, as of AdamW
BATCH = 256
SLOPES = 128  # of a batch, whose gradients count
STEEP = 3.0  # weight of the error of gradients
PHOTO = 32  # principal directions of photos' statistics, from which a picture is guessed while the forecast learns
TRUST = 4.0  # times the gradients' usual length: the weight of the squared way from the predicted embedding
NOISE = 0.004  # share of the renderings: ridge of the map from statistics to Gram matrices


class _Informed(nn.Module):
    """The forecast with a part that sees the photo, so that what depends on the photo is no noise to the rest."""

    def __init__(self, forecast: Forecast, photo: int) -> None:
        super().__init__()
        self.forecast = forecast
        self.first = nn.Linear(photo, HIDDEN, bias=False)
        self.last = nn.Linear(photo, forecast.last.out_features, bias=False)
        nn.init.zeros_(self.last.weight)

    def forward(self, z: Tensor, photo: Tensor) -> Guess:
        layers = (self.forecast.first, self.first), (self.forecast.last, self.last)
        hooks = [layer.register_forward_hook(lambda _, __, y, add=add: y + add(photo)) for layer, add in layers]
        try:
            return self.forecast.guess(z)
        finally:
            for hook in hooks:
                hook.remove()


def fit(
    parts: Sequence[int],
    weights: Sequence[float],
    found: Renderings,
    steps: int = 0,
    told: Callable[[int, dict[str, float]], None] | None = None,
) -> Forecast:
    """A forecast that has learned from renderings.

    Args:
        parts: coordinates of every layer's Gram matrices.
        weights: of the layers' style losses.
        found: the renderings.
        steps: of the optimizer; by default as many as go through the renderings 80 times, and at least 200.
        told: called now and then with the step and the errors: of Gram matrices, content and gradients.
    """
    steps = steps or max(LEAST, PASSES * len(found.embeddings) // BATCH)
    forecast = Forecast(found.embeddings.shape[1], found.styles.shape[1], parts)
    forecast.weights.copy_(torch.tensor(weights))
    basis = balanced_basis(found.slopes, found.embeddings) / found.embeddings.shape[1] ** 0.5
    forecast.axes.copy_(basis.half())  # as it is stored
    forecast.back.copy_(torch.linalg.inv(forecast.axes.double()))
    z = found.embeddings @ forecast.axes
    forecast.centre.copy_(z.mean(0))
    forecast.spread.copy_(z.std(0))
    slopes = _cut(found.slopes.double() @ forecast.back.double().T).float()
    forecast.trust.copy_(TRUST * slopes.square().sum(1).mean().sqrt())
    _begin(forecast, found)
    _learn(forecast, found, _told_apart(forecast, found), z, slopes, steps, told)
    _map_statistics(forecast, found, torch.arange(len(z)))
    return forecast


def _learn(
    forecast: Forecast,
    found: Renderings,
    wanted: Tensor,
    z: Tensor,
    slopes: Tensor,
    steps: int,
    told: Callable[[int, dict[str, float]], None] | None,
) -> None:
    photos = _principal(found.photos)
    informed = _Informed(forecast, photos.shape[1])
    learned = [*informed.first.parameters(), *informed.last.parameters()]
    learned += [p for layer in (forecast.first, forecast.second, forecast.last) for p in layer.parameters()]
    optimizer = torch.optim.AdamW(learned, lr=RATE, weight_decay=DECAY)
    spread, length = found.content.std(), slopes.square().sum(1).mean()
    limit = 2.5 * slopes.norm(dim=1).median()
    draw = torch.Generator().manual_seed(0)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = RATE * (1 - step / steps) * min(1.0, (step + 1) / 50)
        rows = torch.randint(len(z), (BATCH,), generator=draw)
        guess = informed(z[rows], photos[rows])
        errors = _gram_errors(forecast, guess, found, rows)
        forecast.photo.lerp_(errors.detach().mean(0), 0.01)
        content = ((guess.content.exp()[:, 0] - found.content[rows]) / spread).square().mean()
        some = rows[:SLOPES]
        steep = _slope_error(informed, z[some], photos[some], wanted[some], slopes[some], limit) / length
        loss = (errors @ forecast.weights).mean() + content + STEEP * steep
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        if told and (step + 1) % max(1, steps // 10) == 0:
            now = {"grams": errors.mean(), "content": content, "slopes": steep}
            told(step + 1, {name: value.item() for name, value in now.items()})


def _gram_errors(forecast: Forecast, guess: Guess, found: Renderings, rows: Int[Tensor, "b"]) -> Float[Tensor, "b l"]:
    """Squared errors of the pictures' Gram matrices, over the squared norms of these."""
    apart = (guess.sizes.exp() @ forecast.layers) * guess.grams - found.grams[rows]
    return (apart.square() @ forecast.layers.T) / (2 * found.sizes[rows]).exp()


def _slope_error(
    informed: _Informed, z: Tensor, photos: Tensor, wanted: Tensor, slopes: Tensor, limit: Tensor
) -> Float[Tensor, ""]:
    forecast, at = informed.forecast, z.requires_grad_(True)
    loss = forecast.loss(informed(at, photos), *forecast.divided(wanted))
    (slope,) = torch.autograd.grad(loss.sum(), at, create_graph=True)
    slope = slope * (limit / slope.norm(dim=1, keepdim=True).detach()).clamp(max=1)
    return (slope - slopes).square().sum(1).mean()


@torch.no_grad()
def _begin(forecast: Forecast, found: Renderings) -> None:
    """Let a new forecast guess the mean of all pictures."""
    forecast.last.weight.mul_(0.1)
    grams = [x / x.norm(dim=1, keepdim=True) for x in torch.split(found.grams, forecast.parts, 1)]
    means = [*(x.mean(0) for x in grams), found.sizes.mean(0), found.content.log().mean(0, keepdim=True)]
    forecast.last.bias.copy_(torch.cat(means))


@torch.no_grad()
def _told_apart(forecast: Forecast, found: Renderings) -> Float[Tensor, "n o"]:
    """What the map from statistics says of each style, when it was fitted to the other half of the styles.

    The gradients are learned with these errors, which are those of styles that the map does not know.
    """
    wanted = torch.empty(len(found.styles), forecast.wanted.out_features)
    for half in (0, 1):
        own = found.number % 2 == half
        _map_statistics(forecast, found, (~own).nonzero()[:, 0])
        wanted[own] = torch.cat(forecast.expected(found.styles[own]), 1)
    return wanted


@torch.no_grad()
def _map_statistics(forecast: Forecast, found: Renderings, rows: Int[Tensor, "m"]) -> None:
    """Fit the map from statistics to Gram matrices, by ridge regression on styles and, at half weight, on pictures."""
    sizes = found.sizes[rows]
    norms = (sizes @ forecast.layers).exp()
    of_styles = torch.cat([found.wanted[rows], found.wanted_sizes[rows]], 1)
    outputs = torch.cat([of_styles, torch.cat([found.grams[rows] / norms, sizes], 1)])
    inputs = torch.cat([found.styles[rows], found.pictures[rows]]).clamp(-FAR, FAR)
    x = torch.cat([inputs, torch.ones(len(inputs), 1)], 1)
    weighted = torch.cat([x[: len(rows)], 0.5 * x[len(rows) :]]).T
    square = (weighted @ x).double() + NOISE * len(rows) * torch.eye(x.shape[1]).double()
    solved = torch.linalg.solve(square, (weighted @ outputs).double())
    forecast.wanted.weight.copy_(solved[:-1].T)
    forecast.wanted.bias.copy_(solved[-1])


def _principal(photos: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
    """Principal components of photos' statistics, of variance 1."""
    centred = (photos - photos.mean(0)).double()
    _, turn = torch.linalg.eigh(centred.T @ centred)
    components = centred @ turn[:, -PHOTO:]
    return (components / components.std(0)).float()


def _cut(slopes: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
    """Gradients, the longest ones cut, as one picture must not count for all."""
    length = slopes.norm(dim=1, keepdim=True).clamp_min(1e-30)
    return slopes * (OUTLYING * length.median() / length).clamp(max=1.0)
