"""Styles at a strength: between a photo's own embedding and a style's, and beyond."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pasticcio.style.style import towards

if TYPE_CHECKING:
    from pasticcio.render.stylizer import Stylizer


def at_strength(
    stylizer: Stylizer, own: NDArray[np.float32], wanted: NDArray[np.float32], strength: Any
) -> NDArray[np.float32]:
    """Embeddings of styles at a strength: 0 is the photo's own, 1 the style's, more goes beyond it.

    On a straight line (identity interpolation, Ghiasi et al. 2017); or, where the model has `strength.onnx`, on a way
    that keeps the photo's content at less cost to the style.

    >>> from pasticcio import Stylizer
    >>> rows = np.zeros((2, 100), np.float32), np.ones((2, 100), np.float32)
    >>> at_strength(Stylizer(), *rows, 0.0).shape
    (2, 100)

    Args:
        stylizer: of the model whose embeddings these are.
        own, wanted: float32, (E,) or (B, E).
        strength: 0 or more; a number, or an array (B, 1).
    """
    graph = stylizer.model.strength
    if graph is None:
        return towards(own, wanted, strength)
    shape = np.broadcast_shapes(own.shape, wanted.shape)
    rows = [np.ascontiguousarray(np.broadcast_to(one, shape).reshape(-1, shape[-1])) for one in (own, wanted)]
    each = np.broadcast_to(np.asarray(strength, np.float32), (len(rows[0]), 1))
    found = stylizer.run(graph, own=rows[0], wanted=rows[1], strength=np.ascontiguousarray(each))
    return found.reshape(shape)
