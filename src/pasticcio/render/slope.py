"""Slope: the loss of an embedding on pictures, and its gradient, by the graphs of a model."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import ModelError
from pasticcio.image.picture import Array
from pasticcio.model.folder import CONTENT_WEIGHT

if TYPE_CHECKING:
    from pasticcio.render.stylizer import Stylizer

Row = NDArray[np.float32]
Grams = Mapping[str, NDArray[np.float32]]


class Slopes(NamedTuple):
    """What is known at an embedding.

    Attributes:
        loss: content and style, weighted as in training.
        gradient: (1, E).
        direction: of steepest ascent, (1, E), in the basis of the embedding in which the loss depends on all numbers
            alike, where the model knows one.
    """

    loss: float
    gradient: Row
    direction: Row

    @property
    def length(self) -> float:
        """Of the gradient in that basis, in which embeddings of styles have a length of about 1."""
        return math.sqrt(max(0.0, float((self.gradient.astype(np.float64) * self.direction).sum())))


class Slope:
    """The graphs of the loss of a model.

    Args:
        stylizer: of the model.
        predicted: the embedding, (E,), from which a descent begins: where the model knows no basis, that in which its
            length is 1.

    Raises:
        ModelError: a model without these graphs.
    """

    def __init__(self, stylizer: Stylizer, predicted: Row) -> None:
        model = stylizer.model
        if model.grams is None or model.slope is None:
            raise ModelError(
                f"model {model.name} has no slope.onnx, or one of an earlier version, and can neither adapt nor refine "
                "styles; export a model whose predictor holds a loss network (network.predictor_directions), or use "
                "the model default"
            )
        self._stylizer, self._square = stylizer, np.square(predicted).sum()
        self._gram_graph, self._graph = model.grams, model.slope
        self._names = list(model.config["outputs"][model.grams.name])

    def grams(self, picture: Array) -> Grams:
        """The Gram matrices of a picture, (1, 3, H, W) in [0, 1]."""
        return dict(zip(self._names, self._stylizer.run_all(self._gram_graph, style=picture), strict=True))

    def __call__(self, embedding: Row, content: Array, wanted: Grams, weight: float = 1.0) -> Slopes:
        """Loss and gradient at an embedding.

        Args:
            embedding: (1, E).
            content: a photo, (1, 3, H, W) in [0, 1]; H and W are multiples of 8.
            wanted: Gram matrices of the style.
            weight: factor on the content loss.
        """
        factor = np.array([weight], np.float32)
        inputs = {"embedding": embedding, "content": content, CONTENT_WEIGHT: factor, **wanted}
        loss, gradient, *told = self._stylizer.run_all(self._graph, **inputs)
        return Slopes(float(loss), gradient, told[0] if told else gradient * self._square)
