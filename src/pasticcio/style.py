"""Styles: an embedding with a name; mixing them is arithmetic. And the library of named styles."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import StyleError

LIBRARY = Path(__file__).parent / "styles"
WEIGHT_TOLERANCE = 1e-4


@dataclass(frozen=True)
class Style:
    """A style, as the style prediction network of one model sees it.

    Attributes:
        embedding: float32 (E,), read-only; 100 numbers in the shipped models.
        model: fingerprint of the model it belongs to; other models cannot use it.
        name: for people.
        title, artist, year: of a named work; empty where unknown.
    """

    embedding: NDArray[np.float32] = field(repr=False)
    model: str
    name: str = ""
    title: str = ""
    artist: str = ""
    year: str = ""

    def __post_init__(self) -> None:
        values = np.array(self.embedding, dtype=np.float32)
        if values.ndim != 1 or not np.isfinite(values).all():
            raise StyleError(f"an embedding is a row of finite numbers; this one has shape {values.shape}")
        values.flags.writeable = False
        object.__setattr__(self, "embedding", values)


def mix(styles: Sequence[tuple[Style, float]]) -> Style:
    """The weighted mean of styles (Ghiasi et al. 2017: mixing embeddings mixes scales and shifts).

    Args:
        styles: pairs of style and weight; the weights sum to 1.

    Raises:
        StyleError: no styles, styles of different models, or weights that do not sum to 1.
    """
    if not styles:
        raise StyleError("nothing to mix: give at least one style")
    total = sum(weight for _, weight in styles)
    if not abs(total - 1.0) <= WEIGHT_TOLERANCE:
        raise StyleError(f"weights sum to {total:g}; they must sum to 1")
    models = {style.model for style, _ in styles}
    if len(models) > 1:
        raise StyleError(
            f"cannot mix styles of different models ({', '.join(sorted(models))}); embed all with one model"
        )
    embedding = sum(weight * style.embedding for style, weight in styles)
    name = " + ".join(f"{style.name}:{weight:g}" for style, weight in styles)
    return Style(np.asarray(embedding), models.pop(), name)


def list_styles(model: str = "default") -> dict[str, Style]:
    """The named styles of a shipped model, by name; empty where it has none."""
    return dict(_library(model))


@cache
def _library(model: str) -> dict[str, Style]:
    path = LIBRARY / f"{model}.json"
    if not path.exists():
        return {}
    table = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Style(
            np.array(work["embedding"], dtype=np.float32),
            table["model"],
            name,
            work["title"],
            work["artist"],
            work["year"],
        )
        for name, work in table["styles"].items()
    }
