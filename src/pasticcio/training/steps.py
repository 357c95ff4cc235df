"""The steps by which an embedding is fitted to a photo, learned for a model and its judge.

Gradient descent goes where the judge's loss of a sketch falls. It knows nothing of where this loss is bent, or of what
the judge and the sketch get wrong. Both can be learned: for many photos and styles the steps are taken, the photo is
rendered larger, and the gradient of the loss network's own loss there says how each step should have been.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.errors import ModelError
from pasticcio.model.config import CONFIG
from pasticcio.model.folder import STEPS, Model
from pasticcio.nn.forecast import Forecast
from pasticcio.nn.losses import LossConfig, gram_targets, perceptual_loss
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.steps import Steps
from pasticcio.render.adapt import CONTENT, KEPT, LEARNED, LENGTHS, SKETCH, WEAKER, eased
from pasticcio.training.average import Average
from pasticcio.training.batches import Batch, to_unit
from pasticcio.training.graph_file import write_graph
from pasticcio.training.judge import Features, forecast_of
from pasticcio.training.model_folder import load_network, write_config
from pasticcio.training.slope import loss_network

RATE = 1e-4
WARM = 20  # batches until the full rate
CLIP = 3.0
AVERAGED = 0.99  # decay of the moving average that the steps become
WEAK = 0.5  # least strength, and share of the pairs with a strength below 1

Judged = Callable[[Tensor], Features]


class Pairs(NamedTuple):
    """Photos and styles of a batch, and what they are compared with.

    Attributes:
        photos, sketches: (B, 3, H, W) and smaller.
        start: (B, E), in the basis of the forecast.
        strength: (B,), at most 1.
        eased: (B,), see `render.adapt.eased`.
        content, style: targets of the loss network, for the photos.
        seen, aim: targets of the judge, for the sketches, see `render.adapt`.
    """

    photos: Tensor
    sketches: Tensor
    start: Float[Tensor, "b e"]
    strength: Float[Tensor, "b"]
    eased: Float[Tensor, "b"]
    content: Features
    style: Features
    seen: Features
    aim: Features


class Descent:
    """Descents of a model's embeddings, by a judge on sketches, seen by the loss network on photos.

    Args:
        network: of the model, whose predictor has a forecast.
        folder: of the model, where its judge lies.
        vgg: the loss network.
        loss: its layers and weights.
        autocast: the precision of all networks.

    Raises:
        ModelError: the predictor has no forecast.
    """

    def __init__(
        self,
        network: StyleNetwork,
        folder: Path,
        vgg: nn.Module,
        loss: LossConfig,
        autocast: Callable[[], AbstractContextManager[Any]],
    ) -> None:
        self.forecast = forecast_of(network)
        found = loss_network(network, folder)
        assert found is not None  # it has a forecast
        self.network, self.vgg, self.config, self.autocast = network, vgg, loss, autocast
        self.judge, self.judged = found[0].requires_grad_(False), found[1]

    @torch.no_grad()
    def pairs(self, batch: Batch) -> Pairs:
        """Photos and styles; half of the pairs at strengths below 1."""
        device = next(self.network.parameters()).device
        photos, styles = (
            to_unit(x.to(device)).contiguous(memory_format=torch.channels_last) for x in (batch.photos, batch.styles)
        )
        with self.autocast():
            wanted, own = (self.network.predictor(x).float() for x in (styles, photos))
        draw = torch.rand(len(photos), 2, device=device)
        strength = torch.where(draw[:, 0] < WEAK, WEAK + (1 - WEAK) * draw[:, 1], 1.0)
        near = torch.tensor([eased(float(one)) for one in strength], device=device)
        start = (own + near[:, None] * (wanted - own)) @ self.forecast.axes
        side = math.isqrt(SKETCH)
        sketches = F.interpolate(photos, size=(side, side), mode="bilinear", antialias=True)
        style = gram_targets(self._see(self.vgg, styles), self.config)
        asked, drawn, rendered = (
            gram_targets(self._see(self.judge, x), self.judged)
            for x in (styles, self._render(sketches, start), self._render(photos, start))
        )
        aim = {layer: gram + drawn[layer] - rendered[layer] for layer, gram in asked.items()}
        seen = self._see(self.judge, sketches)
        return Pairs(photos, sketches, start, strength, near, self._see(self.vgg, photos), style, seen, aim)

    def gradient(self, pairs: Pairs, at: Float[Tensor, "b e"]) -> Float[Tensor, "b e"]:
        """Of the judge's loss of the sketches."""
        at = at.detach().requires_grad_(True)
        features = self._see(self.judge, self._render(pairs.sketches, at))
        parts = perceptual_loss(features, pairs.seen, pairs.aim, self.judged)
        loss = CONTENT / pairs.strength**WEAKER * parts["content"] + parts["style"]
        return torch.autograd.grad(loss.sum(), at)[0]

    def loss(self, pairs: Pairs, at: Float[Tensor, "b e"]) -> Float[Tensor, "b"]:
        """The loss network's loss of the photos."""
        features = self._see(self.vgg, self._render(pairs.photos, at))
        parts = perceptual_loss(features, pairs.content, pairs.style, self.config)
        found: Tensor = parts["content"] / pairs.strength**WEAKER + parts["style"]
        return found

    def _render(self, photos: Tensor, at: Float[Tensor, "b e"]) -> Tensor:
        with self.autocast():
            return self.network.render(photos, at @ self.forecast.back).float()

    def _see(self, network: Judged, pictures: Tensor) -> Features:
        with self.autocast():
            return {layer: x.float() for layer, x in network(pictures).items()}

    def walk(self, steps: Steps, pairs: Pairs) -> list[Float[Tensor, "b e"]]:
        """Where every step leads; of each only its own way depends on the weights."""
        at, gradients, found = pairs.start, torch.zeros(len(pairs.start), LEARNED, pairs.start.shape[1]), []
        for step in range(LEARNED):
            gradients[:, step] = self.gradient(pairs, at)
            way = steps(gradients.clone(), pairs.start, torch.tensor([step]))
            found.append(at + pairs.eased[:, None] * way)
            at = found[-1].detach()
        return found


def teach_steps(
    descent: Descent,
    batches: Iterable[Batch],
    count: int,
    told: Callable[[int, list[float]], None] = lambda step, losses: None,
) -> Steps:
    """Steps that have learned from pairs of photos and styles.

    Args:
        descent: of the model.
        batches: at least as many as `count`; no photo its own style.
        count: steps of the optimizer.
        told: called after each with its number and the loss after every step of the descent.
    """
    steps = Steps(descent.network.config.embedding, LEARNED)
    steps.plain(LENGTHS[0], KEPT[0])
    optimizer = torch.optim.Adam(steps.parameters(), lr=RATE, betas=(0.9, 0.99))
    average = Average(steps, AVERAGED)
    for number, batch in zip(range(count), batches, strict=False):
        for group in optimizer.param_groups:
            cosine = max(0.01, 0.5 * (1 + math.cos(math.pi * number / count)))
            group["lr"] = RATE * min(1.0, (number + 1) / WARM) * cosine
        pairs = descent.pairs(batch)
        optimizer.zero_grad()
        losses = []
        for place in descent.walk(steps, pairs):
            loss = descent.loss(pairs, place).mean()
            loss.backward()  # type: ignore[no-untyped-call]
            losses.append(loss.item())
        nn.utils.clip_grad_norm_(steps.parameters(), CLIP)
        optimizer.step()
        average.follow(number + 1)
        told(number + 1, losses)
    steps.load_state_dict(average.values, strict=False)
    return steps.requires_grad_(False)


class Way(nn.Module):
    """The graph of `steps.onnx`: `Steps` in the basis of the model's embeddings."""

    axes: Tensor
    back: Tensor

    def __init__(self, steps: Steps, forecast: Forecast) -> None:
        super().__init__()
        self.steps = steps
        self.register_buffer("axes", forecast.axes)
        self.register_buffer("back", forecast.back)

    def forward(self, gradients: Float[Tensor, "k e"], start: Float[Tensor, "1 e"], step: Tensor) -> Tensor:
        way: Tensor = self.steps((gradients @ self.back.T)[None], start @ self.axes, step) @ self.back
        return way


def add_steps(folder: Path, steps: Steps) -> None:
    """Add `steps.onnx` to the folder of a model with a forecast.

    Raises:
        ModelError: no model folder, or a model without a forecast.
    """
    forecast = forecast_of(load_network(folder))
    count, size = steps.offset.shape
    if (count, size) != (LEARNED, forecast.back.shape[1]):
        raise ModelError(f"{count} steps of {size} numbers; {folder} needs {LEARNED} of {forecast.back.shape[1]}")
    rows = torch.randn(count, size), torch.randn(1, size), torch.tensor([1])
    write_graph(Way(steps, forecast), rows, {"gradients": {}, "start": {}, "step": {}}, ["way"], folder / STEPS)
    config = json.loads((folder / CONFIG).read_bytes())
    row = f"float32 (1, {size})"
    config["inputs"][STEPS] = {
        "gradients": f"float32 ({count}, {size}), of slope.onnx, 0 where there is none yet",
        "start": row,
        "step": "int64 (1,), from 0",
    }
    config["outputs"][STEPS] = {"way": row}
    write_config(folder, config)
    assert Model.open(folder).steps is not None
