"""The graphs by which a model refines the embedding of one painting without torch.

`grams.onnx` computes the Gram matrices of a style picture. `slope.onnx` computes the loss of a photo rendered with an
embedding, and its gradient with respect to the embedding: the forward and the backward pass of the whole system,
written as one graph. With a `Forecast` the graph gives the direction of steepest descent, too, in the basis of
the embedding in which the loss depends on all numbers alike (see `balance`). The loss network is the best one that the
model's own predictor holds: the half-width copy of a `Forecast`, or the narrow VGG-19 of a `VggBranch` or
`StatisticsPredictor`. A copy of the first may have learned more, see `teach_judge`.
"""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.errors import ModelError, TrainingError
from pasticcio.model.config import CONFIG
from pasticcio.model.folder import CONTENT_WEIGHT, GRAMS, JUDGE, PREDICT, SLOPE, TRANSFER, Model
from pasticcio.model.names import ONNXRUNTIME
from pasticcio.nn.forecast import Forecast
from pasticcio.nn.losses import LossConfig, gram_targets, grid_pattern, perceptual_loss
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.predictor import SEEN, VggBranch
from pasticcio.nn.statistics import StatisticsPredictor
from pasticcio.nn.style_grams import StyleGrams
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.graph_file import borrow, write_graph
from pasticcio.training.judge import load_judge
from pasticcio.training.model_folder import load_network, write_config
from pasticcio.training.operators import WRITTEN, traced

LOSS = LossConfig(  # as in training with the narrow VGG-19, see the first stage of recipes/fast.toml
    content={"relu3_3": 0.21, "relu4_1": 1.5},
    style=dict.fromkeys(SEEN, 10.0),
    relative=True,
    logarithmic=True,
    grid=8e4,
)
LENDERS = PREDICT, TRANSFER, JUDGE  # files of a model folder that hold weights of both graphs
CONTENT = 2.4  # with a copy of a forecast: as much as both content layers of recipes/encoded.toml
EXAMPLE, OTHER = (96, 136), (128, 104)  # height and width of the photo that is traced, and of one to compare
TOLERANCE = 1e-2  # largest difference from torch, as a share of the largest value: rectifiers near 0 take either side


class Grams(nn.Module):
    """The graph of `grams.onnx`.

    Args:
        vgg: the loss network: from pictures to features of the layers of the loss.
        loss: layers and weights.
    """

    def __init__(self, vgg: nn.Module, loss: LossConfig) -> None:
        super().__init__()
        self.vgg, self.config = vgg, loss

    def forward(self, style: Float[Tensor, "1 3 h w"]) -> tuple[Tensor, ...]:
        return tuple(gram_targets(self.vgg(style), self.config).values())


class Slope(nn.Module):
    """The function of `slope.onnx`, before it is written as a graph.

    Args:
        network: renders.
        vgg: the loss network: from pictures to features of the layers of the loss.
        loss: layers and weights.
    """

    def __init__(self, network: StyleNetwork, vgg: nn.Module, loss: LossConfig) -> None:
        super().__init__()
        self.network, self.vgg, self.config = network, vgg, loss
        forecast = getattr(network.predictor, "forecast", None)
        self.metric = forecast.back.T @ forecast.back if isinstance(forecast, Forecast) else None
        self.names = ["loss", "gradient", *([] if self.metric is None else ["direction"])]

    def forward(
        self, embedding: Float[Tensor, "1 e"], content: Float[Tensor, "b 3 h w"], weight: Tensor, *grams: Tensor
    ) -> tuple[Tensor, ...]:
        gradient, loss = torch.func.grad_and_value(self.loss)(embedding, content, weight, grams)
        return (loss, gradient) if self.metric is None else (loss, gradient, gradient @ self.metric)

    def loss(self, embedding: Tensor, content: Tensor, weight: Tensor, grams: tuple[Tensor, ...]) -> Tensor:
        """The mean over the photos; `weight`, (1,), is a factor on the content loss."""
        source = {layer: x for layer, x in self.vgg(content).items() if layer in self.config.content}
        images = self.network.render(content, embedding.expand(len(content), -1))
        all_grams = (gram.expand(len(content), -1, -1) for gram in grams)
        wanted = dict(zip(self.config.style, all_grams, strict=True))
        parts = perceptual_loss(self.vgg(images), source, wanted, self.config)
        total: Tensor = (weight * parts["content"] + parts["style"]).mean()
        return total + self.config.grid * grid_pattern(images)


class Guessed(nn.Module):
    """The features of a loss network as a forecast's half-width copy guesses them."""

    def __init__(self, style: StyleGrams) -> None:
        super().__init__()
        self.style = style

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> dict[str, Tensor]:
        return dict(zip(self.style.parts, self.style.features(images), strict=True))


def loss_network(network: StyleNetwork, folder: Path | None = None) -> tuple[nn.Module, LossConfig] | None:
    """A copy of the best loss network that a model's predictor holds, and the loss for it; None for none.

    Args:
        network: of the model.
        folder: of the model, where a judge may lie, see `teach_judge`.
    """
    forecast = getattr(network.predictor, "forecast", None)
    if isinstance(forecast, Forecast):
        style = dict(zip(forecast.style.parts, forecast.weights.tolist(), strict=True))
        loss = replace(LOSS, content={list(style)[-1]: CONTENT}, style=style)
        return Guessed(copy.deepcopy(forecast.style) if folder is None else load_judge(network, folder)), loss
    holder = getattr(network.predictor, "branch", network.predictor)
    if not isinstance(holder, (VggBranch, StatisticsPredictor)):
        return None
    vgg = copy.deepcopy(holder.vgg)
    vgg.wanted = tuple(LOSS.layers())
    return vgg, LOSS


def add_slope(folder: Path) -> None:
    """Add `grams.onnx` and `slope.onnx` to a model folder that has the other graphs, and compare both with torch.

    Raises:
        ModelError: the folder has no weights, or its predictor holds no loss network.
        TrainingError: a graph differs from torch by more than 1%.
    """
    network = load_network(folder).eval().requires_grad_(False)
    if (judge := loss_network(network, folder)) is None:
        raise ModelError(f"the predictor of {folder} holds no loss network; train with network.predictor_directions")
    style = torch.rand(1, 3, 137, 211)
    names = [f"gram_{layer}" for layer in judge[1].style]
    grams, slope = Grams(*judge), Slope(network, *judge)
    write_graph(grams, (style,), {"style": {2: "height", 3: "width"}}, names, folder / GRAMS)
    inputs = torch.randn(1, network.config.embedding), torch.rand(1, 3, *EXAMPLE), torch.rand(1), *grams(style)
    graph = traced(slope, *inputs)
    shapes: dict[str, dict[int, str]] = {name: {} for name in ("embedding", "content", CONTENT_WEIGHT, *names)}
    shapes["content"] = {2: "height", 3: "width"}
    # With weights as the other graphs hold them, this one need not.
    write_graph(graph, inputs, shapes, slope.names, folder / SLOPE, folded=0, operators=WRITTEN)
    for name in (GRAMS, SLOPE):
        borrow(folder / name, [path for lender in LENDERS if (path := folder / lender).is_file()])
    _declare(folder, slope, dict(zip(names, inputs[3:], strict=True)))
    other = inputs[0], torch.rand(1, 3, *OTHER), *inputs[2:]
    _compare(slope, dict(zip(shapes, other, strict=True)), style, Model.open(folder))


def _declare(folder: Path, slope: Slope, found: dict[str, Tensor]) -> None:
    """Say in `config.json` what goes into both graphs and what comes out."""
    config = json.loads((folder / CONFIG).read_bytes())
    row = f"float32 (1, {slope.network.config.embedding})"
    grams = {name: f"float32 (1, {len(x[0])}, {len(x[0])})" for name, x in found.items()}
    config["inputs"][GRAMS] = {"style": "float32 (1, 3, height, width), RGB in [0, 1]"}
    config["outputs"][GRAMS] = grams
    config["inputs"][SLOPE] = {
        "embedding": row,
        "content": "float32 (1, 3, height, width), RGB in [0, 1]; height and width are multiples of 8",
        CONTENT_WEIGHT: "float32 (1,), factor on the content loss",
        **grams,
    }
    config["outputs"][SLOPE] = {name: "float32" if name == "loss" else row for name in slope.names}
    write_config(folder, config)


def _compare(slope: Slope, inputs: dict[str, Tensor], style: Tensor, model: Model) -> None:
    run = Stylizer(model, runtime=ONNXRUNTIME).run_all
    assert model.grams is not None
    assert model.slope is not None
    wanted = [*list(inputs.values())[3:], *slope(*inputs.values())]
    found = run(model.grams, style=style.numpy())
    found += run(model.slope, **{name: value.numpy() for name, value in inputs.items()})
    for one, other in zip(wanted, found, strict=True):
        difference = float(np.abs(one.detach().numpy() - other).max() / one.detach().abs().max())
        if not difference <= TOLERANCE:
            raise TrainingError(
                f"the graphs of the loss in {model.folder} differ from torch by {difference:.2g} of the largest value; "
                f"the limit is {TOLERANCE:g}"
            )
