"""Styles: an embedding with a name; mixing them is arithmetic. And the library of named styles."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import StyleError
from pasticcio.images import writing

LIBRARY = Path(__file__).parent / "styles"
WEIGHT_TOLERANCE = 1e-4
FORMAT = "pasticcio-style-1"
FIELDS = ("model", "name", "title", "artist", "year")


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

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the style as a small JSON file, whole or not at all.

        Raises:
            OutputError: a place that cannot be written.
        """
        values = {"format": FORMAT, **{name: getattr(self, name) for name in FIELDS}}
        text = json.dumps({**values, "embedding": [float(f"{x:.7g}") for x in self.embedding]}, indent=1)
        with writing(Path(path)) as partial:
            partial.write_text(text + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Style:
        """Read what `save` wrote.

        Raises:
            StyleError: no such file, or not such a file.
        """
        try:
            values = json.loads(Path(path).read_text(encoding="utf-8"))
            if values["format"] != FORMAT:
                raise ValueError(f"format {values['format']!r}")
            return cls(np.array(values["embedding"], np.float32), **{name: str(values[name]) for name in FIELDS})
        except OSError as error:
            raise StyleError(f"cannot read style {path}: {error.strerror or error}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StyleError(f"{path} is no style file that 'pasticcio embed' wrote ({error})") from error


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
