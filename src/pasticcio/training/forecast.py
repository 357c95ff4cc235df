"""What a `Forecast` learns from renderings.

Each rendering is of one photo with an embedding on the way from that of one style down the loss. The forecast learns
what the pictures' Gram matrices and content losses are, and what the gradient of the whole loss is: of 100 numbers each
time, where a loss is one. (Czarnecki et al. 2017, "Sobolev training for neural networks", learn values and gradients of
functions so.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from pasticcio.nn.forecast import HIDDEN, Forecast, Guess
from pasticcio.nn.style_grams import StyleGrams
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
TRUST = 1.4  # times the gradients' usual length: the weight of the squared way from the predicted embedding
RIDGE = 5e-3  # of the mean variance, on the maps to Gram matrices


class _Informed(nn.Module):
    """The forecast with a part that sees the photo, so that what depends on the photo is no noise to the rest."""

    def __init__(self, forecast: Forecast, photo: int, learned: bool) -> None:
        super().__init__()
        self.forecast = forecast
        self.first = nn.Linear(photo, HIDDEN, bias=False)
        self.last = nn.Linear(photo, forecast.last.out_features, bias=False)
        nn.init.zeros_(self.last.weight)
        if learned:  # or the photo would disturb what the hidden layers know
            nn.init.zeros_(self.first.weight)

    def forward(self, z: Tensor, photo: Tensor) -> Guess:
        layers = (self.forecast.first, self.first), (self.forecast.last, self.last)
        hooks = [layer.register_forward_hook(lambda _, __, y, add=add: y + add(photo)) for layer, add in layers]
        try:
            return self.forecast.guess(z)
        finally:
            for hook in hooks:
                hook.remove()


def fit(
    grams: StyleGrams,
    parts: Mapping[str, int],
    weights: Sequence[float],
    found: Renderings,
    steps: int = 0,
    told: Callable[[int, int, dict[str, float]], None] | None = None,
    before: Forecast | None = None,
) -> Forecast:
    """A forecast that has learned from renderings.

    Args:
        grams: by which the renderings' styles were described; its narrow copy of the loss network becomes a part of the
            forecast.
        parts: coordinates of every layer's Gram matrices.
        weights: of the layers' style losses.
        found: the renderings.
        steps: of the optimizer; by default as many as go through the renderings 80 times, and at least 200.
        told: called now and then with steps done, all steps and the errors: of Gram matrices, content and gradients.
        before: an earlier forecast for the same network, or one much like it, with whose layers this one begins.
    """
    steps = steps or max(LEAST, PASSES * len(found.embeddings) // BATCH)
    forecast = Forecast(found.embeddings.shape[1], parts, grams.narrow.config.depth, grams.widths)
    forecast.style.narrow, forecast.style.turns = grams.narrow, grams.turns
    forecast.weights.copy_(torch.tensor(weights))
    if before is None:
        _see(forecast, found)
        _begin(forecast, found)
    else:
        _take_over(forecast, before, found)
    z = found.embeddings @ forecast.axes
    slopes = _cut(found.slopes.double() @ forecast.back.double().T).float()
    forecast.trust.copy_(TRUST * slopes.square().sum(1).mean().sqrt())
    informed = _Informed(forecast, min(PHOTO, found.photos.shape[1]), before is not None)
    _learn(informed, found, _told_apart(forecast, found), z, slopes, steps, told)
    _map_styles(forecast, found, torch.arange(len(z)))
    return forecast


def _learn(
    informed: _Informed,
    found: Renderings,
    wanted: Tensor,
    z: Tensor,
    slopes: Tensor,
    steps: int,
    told: Callable[[int, int, dict[str, float]], None] | None,
) -> None:
    forecast, photos = informed.forecast, _principal(found.photos)
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
            told(step + 1, steps, {name: value.item() for name, value in now.items()})


def _gram_errors(forecast: Forecast, guess: Guess, found: Renderings, rows: Int[Tensor, "b"]) -> Float[Tensor, "b l"]:
    """Squared errors of the pictures' Gram matrices, over the squared norms of these."""
    apart = (guess.sizes.exp() @ forecast.layers) * guess.grams - found.grams[rows]
    return (apart.square() @ forecast.layers.T) / (2 * found.sizes[rows]).exp()


def _slope_error(
    informed: _Informed, z: Tensor, photos: Tensor, wanted: Tensor, slopes: Tensor, limit: Tensor
) -> Float[Tensor, ""]:
    forecast, at = informed.forecast, z.requires_grad_(True)
    coordinates, sizes = torch.split(wanted, [sum(forecast.parts), len(forecast.parts)], 1)
    loss = forecast.loss(informed(at, photos), coordinates, sizes)
    (slope,) = torch.autograd.grad(loss.sum(), at, create_graph=True)
    slope = slope * (limit / slope.norm(dim=1, keepdim=True).detach()).clamp(max=1)
    return (slope - slopes).square().sum(1).mean()


@torch.no_grad()
def _see(forecast: Forecast, found: Renderings) -> None:
    """Choose coordinates of embeddings in which the loss depends on all of them alike."""
    basis = balanced_basis(found.slopes, found.embeddings) / found.embeddings.shape[1] ** 0.5
    forecast.axes.copy_(basis.half())  # as it is stored
    forecast.back.copy_(torch.linalg.inv(forecast.axes.double()))
    z = found.embeddings @ forecast.axes
    forecast.centre.copy_(z.mean(0))
    forecast.spread.copy_(z.std(0))


@torch.no_grad()
def _begin(forecast: Forecast, found: Renderings) -> None:
    """Let a new forecast guess the mean of all pictures."""
    forecast.last.weight.mul_(0.1)
    grams = [x / x.norm(dim=1, keepdim=True) for x in torch.split(found.grams, forecast.parts, 1)]
    means = [*(x.mean(0) for x in grams), found.sizes.mean(0), found.content.log().mean(0, keepdim=True)]
    forecast.last.bias.copy_(torch.cat(means))


@torch.no_grad()
def _take_over(forecast: Forecast, before: Forecast, found: Renderings) -> None:
    """Begin with the layers of an earlier forecast, whose coordinates of Gram matrices are others.

    What it reads of the renderings' styles tells how they are turned (the orthogonal Procrustes problem, Schönemann
    1966).
    """
    kept = ("axes", "back", "centre", "spread", "photo", "first", "second")
    state = {key: x for key, x in before.state_dict().items() if key.split(".")[0] in kept}
    forecast.load_state_dict(state, strict=False)
    read, _ = before.style.read(found.styles.float())
    both = (torch.split(read, before.parts, 1), torch.split(found.wanted, forecast.parts, 1))
    for weight, new in ((before.last.weight, forecast.last.weight), (before.last.bias, forecast.last.bias)):
        rows = torch.split(weight, [*before.parts, len(before.parts) + 1])
        new.copy_(torch.cat([*(_turn(*x).T @ y for *x, y in zip(*both, rows[:-1], strict=True)), rows[-1]]))


def _turn(x: Float[Tensor, "n p"], y: Float[Tensor, "n q"]) -> Float[Tensor, "p q"]:
    """The matrix of orthogonal rows or columns that turns the first ones to the second ones best."""
    left, _, right = torch.linalg.svd(x.T @ y, full_matrices=False)
    return left @ right


@torch.no_grad()
def _told_apart(forecast: Forecast, found: Renderings) -> Float[Tensor, "n o"]:
    """What the maps tell of each style's Gram matrices, when they were fitted to the other half of the styles.

    The gradients are learned with these errors, which are those of styles that the maps do not know.
    """
    wanted = torch.empty(len(found.styles), sum(forecast.parts) + len(forecast.parts))
    styles, order = found.number.unique(return_inverse=True)  # type: ignore[no-untyped-call]
    for half in (0, 1):
        own = order % 2 == half
        _map_styles(forecast, found, (~own if len(styles) > 1 else own).nonzero()[:, 0])
        wanted[own] = torch.cat(forecast.style.read(found.styles[own].float()), 1)
    return wanted


@torch.no_grad()
def _map_styles(forecast: Forecast, found: Renderings, rows: Int[Tensor, "m"]) -> None:
    """Fit the maps from what is described of styles to their Gram matrices, by ridge regression."""
    style = forecast.style
    wanted = torch.split(found.wanted[rows], forecast.parts, 1)
    for number, (x, told) in enumerate(zip(style.by_layer(found.styles[rows]), style.maps, strict=True)):
        inputs = x.double()
        outputs = torch.cat([wanted[number], found.wanted_sizes[rows, number : number + 1]], 1).double()
        centre, middle = inputs.mean(0), outputs.mean(0)
        inputs = inputs - centre
        square = inputs.T @ inputs
        square.diagonal().add_(RIDGE * square.diagonal().mean() + 1e-12)
        solved = torch.linalg.solve(square, inputs.T @ (outputs - middle))
        told.load_state_dict({"weight": solved.T, "bias": middle - centre @ solved})


def _principal(photos: Float[Tensor, "n d"]) -> Float[Tensor, "n p"]:
    """Principal components of photos' statistics, of variance 1, where so many tell photos apart."""
    centred = (photos - photos.mean(0)).double()
    _, turn = torch.linalg.eigh(centred.T @ centred)
    components = centred @ turn[:, -PHOTO:]
    spread = components.std(0)
    return (components / spread.clamp_min(1e-4 * spread.max() + 1e-12)).float()


def _cut(slopes: Float[Tensor, "n e"]) -> Float[Tensor, "n e"]:
    """Gradients, the longest ones cut, as one picture must not count for all."""
    length = slopes.norm(dim=1, keepdim=True).clamp_min(1e-30)
    return slopes * (OUTLYING * length.median() / length).clamp(max=1.0)
