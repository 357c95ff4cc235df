"""Styles: an embedding with a name; mixing them is arithmetic. Random styles. And the library of named styles."""

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
from pasticcio.image.picture import writing

LIBRARY = Path(__file__).parent / "library"
WEIGHT_TOLERANCE = 1e-4
FORMAT = "pasticcio-style-1"
FIELDS = ("model", "name", "title", "artist", "year")
LIMIT = 2.5  # standard deviations along a principal direction beyond which no random style lies


@dataclass(frozen=True)
class Style:
    """A style, as the style prediction network of one model sees it.

    >>> Style([0.5, -1.0], model="d2fd47733c83", name="mine").embedding
    array([ 0.5, -1. ], dtype=float32)

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

    >>> one, two = Style([0.0, 1.0], "m", "one"), Style([1.0, 1.0], "m", "two")
    >>> mix([(one, 0.75), (two, 0.25)]).embedding
    array([0.25, 1.  ], dtype=float32)

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


@dataclass(frozen=True)
class StyleGaussian:
    """The Gaussian of the embeddings of the styles that a model was trained on: where random styles come from.

    Style augmentation draws its styles so (Jackson et al. 2018, section 3.2).

    >>> gaussian = StyleGaussian.open()
    >>> gaussian.sample(seed=7).shape
    (100,)

    Attributes:
        mean: float32 (E,).
        factor: float32 (E, E): columns are the principal directions, each as long as the standard deviation
            along it, the longest first; factor @ factor.T is the covariance.
        model: fingerprint of the model whose embeddings they are.
        count: how many embeddings it was made of.
        side: short side, in pixels, at which their pictures were looked at.
    """

    mean: NDArray[np.float32] = field(repr=False)
    factor: NDArray[np.float32] = field(repr=False)
    model: str
    count: int
    side: int

    @classmethod
    def open(cls, name: str = "default", fingerprint: str | None = None) -> StyleGaussian:
        """That of a shipped model.

        Args:
            name: of the model.
            fingerprint: of the model it will be used with.

        Raises:
            StyleError: the model has none, or it belongs to another model than the one of that fingerprint.
        """
        path = LIBRARY / f"{name}-gaussian.npz"
        if not path.exists():
            raise StyleError(f"model {name} has no Gaussian of styles; scripts/style_gaussian.py makes one")
        return cls.load(path, fingerprint)

    @classmethod
    def load(cls, path: str | os.PathLike[str], fingerprint: str | None = None) -> StyleGaussian:
        """Read what `save` wrote.

        Raises:
            StyleError: no such file, not such a file, or one of another model.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                loaded = cls(file["mean"], file["factor"], str(file["model"]), int(file["count"]), int(file["side"]))
        except OSError as error:
            raise StyleError(f"cannot read the Gaussian of styles {path}: {error.strerror or error}") from error
        except (ValueError, KeyError, EOFError) as error:
            raise StyleError(f"{path} is no Gaussian of styles: {error}; make it anew") from error
        if fingerprint is not None and fingerprint != loaded.model:
            raise StyleError(
                f"the Gaussian of styles {os.path.basename(path)} belongs to model {loaded.model}, not to "
                f"{fingerprint}; make it anew with scripts/style_gaussian.py"
            )
        return loaded

    @classmethod
    def fit(cls, embeddings: NDArray[np.float32], model: str, side: int) -> StyleGaussian:
        """The Gaussian of embeddings (N, E), N at least 2.

        Raises:
            StyleError: fewer, or numbers that are not finite.
        """
        values = np.asarray(embeddings, np.float64)
        if values.ndim != 2 or len(values) < 2 or not np.isfinite(values).all():
            raise StyleError(f"a Gaussian needs two or more rows of finite numbers, not shape {values.shape}")
        variance, directions = np.linalg.eigh(np.cov(values.T))
        factor = (directions * np.sqrt(np.maximum(variance, 0.0)))[:, ::-1]
        return cls(values.mean(0).astype(np.float32), factor.astype(np.float32), model, len(values), side)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as .npz, whole or not at all.

        Raises:
            OutputError: a place that cannot be written.
        """
        with writing(Path(path)) as partial, partial.open("wb") as file:
            np.savez_compressed(
                file,
                mean=self.mean,
                factor=self.factor,
                model=np.array(self.model),
                count=np.array(self.count),
                side=np.array(self.side),
            )

    def sample(self, seed: int | np.random.Generator | None = None) -> NDArray[np.float32]:
        """The embedding of a random style, (E,).

        A draw that lies more than 2.5 standard deviations out along a principal direction is brought back
        to that: one in eighty does on each. Beyond, pictures go black or lose their content.

        Args:
            seed: a number, for the same style every time; or a generator to draw from.
        """
        normal = np.random.default_rng(seed).standard_normal(len(self.mean))
        drawn: NDArray[np.float32] = self.mean + self.factor @ np.clip(normal, -LIMIT, LIMIT).astype(np.float32)
        return drawn

    def near(
        self, embedding: NDArray[np.float32], spread: float, seed: int | np.random.Generator | None = None
    ) -> NDArray[np.float32]:
        """The embedding of a random style near a given one, (E,).

        With m the mean and z a draw as `sample` makes it, it is
        m + sqrt(1 - spread^2) (embedding - m) + spread (z - m). So a spread of 0 is the style itself, 1 an
        independent draw, and if the given embedding is itself one of the Gaussian's, what comes out has the
        Gaussian's mean and covariance at every spread: styles in between are no paler than those at the ends,
        as a straight line to z would make them.

        Raises:
            StyleError: a spread outside 0 to 1, or an embedding of another length.
        """
        if not 0.0 <= spread <= 1.0:
            raise StyleError(f"spread is {spread:g}; it must be between 0 and 1")
        if embedding.shape != self.mean.shape:
            raise StyleError(f"an embedding of shape {embedding.shape} is not of this Gaussian, of {self.mean.shape}")
        kept = np.float32(np.sqrt(1.0 - spread**2))
        drawn = self.sample(seed) - self.mean
        near: NDArray[np.float32] = self.mean + kept * (embedding - self.mean) + np.float32(spread) * drawn
        return near


def list_styles(model: str = "default") -> dict[str, Style]:
    """The named styles of a shipped model, by name; empty where it has none.

    >>> list_styles()["dance"].artist
    'Henri Matisse'
    """
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
