"""The graph by which a model with a `Forecast` renders a style at less than full strength.

A straight line from a style's embedding to the photo's own takes the style away faster than it must. Descent on the
forecast with more weight on the content loss leads to embeddings that keep more of every photo and lose less style. The
way there is for the most part a linear function of the embedding, so that a style file needs nothing but its embedding
for it.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.errors import DataError, ModelError, OutputError
from pasticcio.image.read import open_image
from pasticcio.image.resize import style_view
from pasticcio.model.config import CONFIG
from pasticcio.model.folder import STRENGTH, Model
from pasticcio.nn.forecast import Forecast
from pasticcio.nn.statistics import StatisticsPredictor
from pasticcio.nn.tensors import to_batch
from pasticcio.training.graph_file import write_graph
from pasticcio.training.model_folder import load_network, write_config
from pasticcio.training.pictures import Pictures

CONTENT = 2.2  # factor on the content loss, on the way to embeddings that keep more of a photo
STYLES = 800  # pictures on which the way there is measured
SIDE = 256  # their short side, in pixels
RIDGE = 1e-3  # of the coordinates' squares
REACH = 10.0  # factor on that way: a strength of 0.9 goes about once along it

log = logging.getLogger(__name__)


class StrengthCurve(nn.Module):
    """The graph of `strength.onnx`.

    Args:
        matrix, offset: the way from an embedding e to one that keeps more of a photo is e times the matrix plus the
            offset.
    """

    matrix: Tensor
    offset: Tensor

    def __init__(self, matrix: Float[Tensor, "e e"], offset: Float[Tensor, "e"]) -> None:
        super().__init__()
        self.register_buffer("matrix", matrix)
        self.register_buffer("offset", offset)

    def forward(
        self, own: Float[Tensor, "b e"], wanted: Float[Tensor, "b e"], strength: Float[Tensor, "b 1"]
    ) -> Float[Tensor, "b e"]:
        """Embeddings at a strength: at 0 `own`, at 1 `wanted`; beyond 1 the straight line goes on."""
        # Departure from the paper, whose identity interpolation is own + strength * (wanted - own).
        less = F.relu(1 - strength)
        share = torch.where(strength < 1, 1 - less.square(), strength)
        kept = wanted + REACH * less * share * (wanted @ self.matrix + self.offset)
        return own + share * (kept - own)


def add_strength(folder: Path, styles: Sequence[str], *, split: str = "train", count: int = STYLES) -> float:
    """Add `strength.onnx` to the folder of a model with a forecast.

    Args:
        folder: of the model.
        styles: on which the way is measured, see `Pictures`; in place of unreadable ones come the next.
        split: rows of tables used.
        count: so many, spread evenly; one in five is left out of the fit.

    Returns:
        The share of the way's square that is explained for those left out, at most 1.

    Raises:
        ModelError: no model folder, or a model without a forecast.
        DataError: no styles, too few, or none that can be read.
        OutputError: the folder cannot be written.
    """
    predictor = load_network(folder).eval().requires_grad_(False).predictor
    if not isinstance(predictor, StatisticsPredictor) or (forecast := predictor.forecast) is None:
        raise ModelError(f"{folder} has no forecast, and its styles keep the straight line; train with forecast")
    pictures = Pictures(styles, split)
    count = min(count, len(pictures))
    if count < 5:
        raise DataError(f"{count} styles are too few to measure on; give 5 or more")
    strong, ways, skipped = [], [], list[str]()
    for number in range(count):
        _, pixels = pictures.usable(number * len(pictures) // count, skipped)
        style = to_batch(style_view(open_image(pixels), SIDE))
        predicted, (wanted, sizes) = predictor.embed(predictor.describe(style)), forecast.style(style)
        strong.append(forecast.descend(predicted, wanted, sizes))
        ways.append(forecast.descend(predicted, wanted, sizes, CONTENT) - strong[-1])
    for name in dict.fromkeys(skipped):
        log.warning("skipping unreadable or tiny picture %s", name)
    matrix, offset, explained = fit_way(torch.cat(strong), torch.cat(ways), forecast)
    try:
        _write(StrengthCurve(matrix, offset), folder)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
    return explained


def fit_way(
    strong: Float[Tensor, "n e"], ways: Float[Tensor, "n e"], forecast: Forecast
) -> tuple[Float[Tensor, "e e"], Float[Tensor, "e"], float]:
    """Matrix and offset of the ways as a function of the embeddings, fitted in the basis of the forecast by ridge.

    Returns:
        Both, and the share of the square explained for every fifth style, which the fit does not see.
    """
    axes, back = forecast.axes.double(), forecast.back.double()
    places = F.pad(strong.double() @ axes, (0, 1), value=1.0)
    wanted = ways.double() @ axes
    held = torch.arange(len(places)) % 5 == 4
    x, y = places[~held], wanted[~held]
    penalty = RIDGE * len(x) * torch.eye(x.shape[1], dtype=x.dtype)
    penalty[-1, -1] = 0.0
    found = torch.linalg.solve(x.T @ x + penalty, x.T @ y)
    left = (wanted[held] - places[held] @ found).square().sum() / wanted[held].square().sum()
    return (axes @ found[:-1] @ back).float(), (found[-1] @ back).float(), 1.0 - float(left)


def _write(curve: StrengthCurve, folder: Path) -> None:
    length = len(curve.offset)
    rows = torch.rand(2, length), torch.rand(2, length), torch.rand(2, 1)
    free = {name: {0: "batch"} for name in ("own", "wanted", "strength")}
    write_graph(curve, rows, free, ["embedding"], folder / STRENGTH)
    config = json.loads((folder / CONFIG).read_bytes())
    row = "float32 (batch, embedding)"
    config["inputs"][STRENGTH] = {"own": row, "wanted": row, "strength": "float32 (batch, 1), 0 or more"}
    config["outputs"][STRENGTH] = {"embedding": row}
    write_config(folder, config)
    assert Model.open(folder).strength is not None
