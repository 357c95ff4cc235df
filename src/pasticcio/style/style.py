"""A style: the embedding of one model, with a name. Mixing and strength are arithmetic on embeddings."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import StyleError
from pasticcio.files import write_whole

WEIGHT_TOLERANCE = 1e-4
FORMAT = "pasticcio-style-1"
FIELDS = ("model", "name", "title", "artist", "year")


@dataclass(frozen=True, eq=False)
class Style:
    """The embedding that the style prediction network of one model computes, with a name.

    Two styles are equal if their embeddings and all their texts are.

    >>> Style([0.5, -1.0], model="d2fd47733c83", name="mine").embedding
    array([ 0.5, -1. ], dtype=float32)

    Attributes:
        embedding: float32 (E,), finite, read-only; E is 100 in the shipped model.
        model: fingerprint of the model it belongs to; other models cannot use it.
        name: shown to people.
        title, artist, year: of a named work; empty where unknown.

    Raises:
        StyleError: the embedding is not one row of finite numbers.
    """

    embedding: NDArray[np.float32] = field(repr=False)
    model: str
    name: str = ""
    title: str = ""
    artist: str = ""
    year: str = ""

    def __post_init__(self) -> None:
        try:
            with np.errstate(over="ignore"):
                values = np.array(self.embedding, dtype=np.float32)
        except (TypeError, ValueError) as error:
            raise StyleError(f"an embedding is a row of finite numbers: {error}") from error
        if values.ndim != 1 or not np.isfinite(values).all():
            raise StyleError(f"an embedding is a row of finite numbers; this one has shape {values.shape}")
        values.flags.writeable = False
        object.__setattr__(self, "embedding", values)

    def __eq__(self, other: object) -> bool:
        return self._content() == other._content() if isinstance(other, Style) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        return self.embedding.tobytes(), *(getattr(self, name) for name in FIELDS)

    def towards(self, other: Style, strength: float) -> Style:
        """The style at a point of the straight line from this one through another.

        >>> Style([0.0, 1.0], "m", "own").towards(Style([1.0, 1.0], "m", "wanted"), 0.25).embedding
        array([0.25, 1.  ], dtype=float32)

        Args:
            other: of the same model.
            strength: 0 gives this style, 1 the other; more than 1 goes beyond it.

        Raises:
            StyleError: styles of different models, or a strength that is not finite.
        """
        model = _common_model([self, other])
        name = f"{self.name}:{1 - strength:g} + {other.name}:{strength:g}"
        return Style(towards(self.embedding, other.embedding, strength), model, name)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the style as a small JSON file, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        values = {"format": FORMAT, **{name: getattr(self, name) for name in FIELDS}}
        text = json.dumps({**values, "embedding": [float(f"{x:.7g}") for x in self.embedding]}, indent=1)
        write_whole(path, (text + "\n").encode())

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Style:
        """Read what `save` wrote.

        Raises:
            StyleError: the file cannot be read, or `save` did not write it.
        """
        try:
            values = json.loads(Path(path).read_bytes())
        except OSError as error:
            raise StyleError(f"cannot read style {path}: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise StyleError(f"{path} is no style file that 'pasticcio embed' wrote: {error}") from error
        if flaw := _flaw(values):
            raise StyleError(f"{path} is no style file that 'pasticcio embed' wrote: {flaw}")
        return cls(values["embedding"], **{name: str(values[name]) for name in FIELDS})


def _flaw(values: Any) -> str:
    """What is wrong with the JSON value of a style file; empty where nothing is."""
    if not isinstance(values, dict):
        return "it holds no JSON object"
    if values.get("format") != FORMAT:
        return f"its format is {values.get('format')!r}, not {FORMAT!r}"
    if missing := [name for name in (*FIELDS, "embedding") if name not in values]:
        return f"it lacks {', '.join(missing)}"
    embedding = values["embedding"]
    if not isinstance(embedding, list) or not all(type(number) in (int, float) for number in embedding):
        return "its embedding is no list of numbers"
    return ""


def towards(own: NDArray[np.float32], wanted: NDArray[np.float32], strength: Any) -> NDArray[np.float32]:
    """Embeddings on the straight lines from `own` through `wanted`: own + strength (wanted - own).

    With `own` the photo's own embedding this is the identity interpolation of Ghiasi et al. 2017.

    >>> towards(np.zeros(2, np.float32), np.ones(2, np.float32), 0.5)
    array([0.5, 0.5], dtype=float32)

    Args:
        own, wanted: float32, (E,) or (B, E).
        strength: a number, or an array that broadcasts with them, such as (B, 1).
    """
    between: NDArray[np.float32] = own + np.asarray(strength, np.float32) * (wanted - own)
    return between


def mix(styles: Sequence[Style] | Sequence[tuple[Style, float]]) -> Style:
    """The weighted mean of styles (Ghiasi et al. 2017: mixing embeddings mixes scales and shifts).

    >>> one, two = Style([0.0, 1.0], "m", "one"), Style([1.0, 1.0], "m", "two")
    >>> mix([(one, 0.75), (two, 0.25)]).embedding
    array([0.25, 1.  ], dtype=float32)
    >>> mix([one, two]).name
    'one:0.5 + two:0.5'

    Args:
        styles: pairs of style and weight, with weights that sum to 1; or styles, for equal weights.

    Raises:
        StyleError: no styles, styles of different models, or weights that do not sum to 1.
    """
    pairs = with_weights(styles)
    for style, _ in pairs:
        if not isinstance(style, Style):
            raise StyleError(f"a {type(style).__name__} is no Style to mix; `Stylizer.embed` makes one of a picture")
    check_weights([weight for _, weight in pairs])
    model = _common_model([style for style, _ in pairs])
    embedding = sum(float(weight) * style.embedding for style, weight in pairs)
    name = " + ".join(f"{style.name}:{weight:g}" for style, weight in pairs)
    return Style(np.asarray(embedding), model, name)


def with_weights(styles: Iterable[Any]) -> list[tuple[Any, Any]]:
    """Pairs of style and weight as they are; of bare styles pairs with equal weights that sum to 1.

    >>> with_weights(["dance", "kiss"])
    [('dance', 0.5), ('kiss', 0.5)]

    Args:
        styles: all of them pairs (a tuple or list of two), or none. A pair may hold a mask in place of a weight.

    Raises:
        StyleError: no styles, or some with a weight and some without.
    """
    given = list(styles)
    if not given:
        raise StyleError("nothing to mix: give at least one style")
    paired = [isinstance(one, (tuple, list)) for one in given]
    if not any(paired):
        return [(one, 1.0 / len(given)) for one in given]
    if not all(paired):
        raise StyleError("some styles have a weight and some have none; give one to all of them, or to none")
    for one in given:
        if len(one) != 2:
            raise StyleError(f"a style with its weight is a pair, not {len(one)} values")
    return [(style, weight) for style, weight in given]


def check_weights(weights: Sequence[Any]) -> None:
    """Make sure that weights are numbers that sum to 1.

    Raises:
        StyleError: they are not.
    """
    for weight in weights:
        if not isinstance(weight, Real):
            raise StyleError(f"weight is {weight!r}; it must be a number")
    total = sum(map(float, weights))
    if not abs(total - 1.0) <= WEIGHT_TOLERANCE:
        raise StyleError(f"weights sum to {total:g}; they must sum to 1")


def _common_model(styles: Sequence[Style]) -> str:
    """The model that all the styles belong to.

    Raises:
        StyleError: they belong to several.
    """
    models = {style.model for style in styles}
    if len(models) > 1:
        raise StyleError(
            f"cannot mix styles of different models ({', '.join(sorted(models))}); embed all with one model"
        )
    lengths = {len(style.embedding) for style in styles}
    if len(lengths) > 1:
        raise StyleError(f"cannot mix embeddings of {' and '.join(map(str, sorted(lengths)))} numbers")
    return models.pop()
