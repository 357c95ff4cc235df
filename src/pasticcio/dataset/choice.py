"""Choice: which styles a picture gets, and how strong they are, by a hash of the seed and its own key."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pasticcio.dataset.source import as_bytes
from pasticcio.errors import ImageError, OptionError, StyleError
from pasticcio.image.listing import find_pictures
from pasticcio.model.folder import Model
from pasticcio.progress import Report
from pasticcio.render.find import RANDOM
from pasticcio.space.embed import embed_pictures
from pasticcio.space.embeddings import Embeddings
from pasticcio.space.formats import SUFFIXES
from pasticcio.style.gaussian import StyleGaussian


@dataclass(frozen=True)
class Choice:
    """What one output gets.

    Attributes:
        style: name of the style.
        embedding: float32 (E,).
        strength: see `Options`.
        seed: of this output alone, 63 bits. A random style is `StyleGaussian.sample(seed)`.
    """

    style: str
    embedding: NDArray[np.float32] = field(repr=False, compare=False)
    strength: float
    seed: int


@dataclass(frozen=True)
class Palette:
    """The styles to choose from: those of a table, or random ones.

    Attributes:
        names: of the styles of a table, S of them; empty for random styles. Of equal names the second is "name#2".
        vectors: float32 (S, E).
        gaussian: where random styles are drawn from.
        bad: why style pictures were left out.
    """

    names: tuple[str, ...] = ()
    vectors: NDArray[np.float32] = field(default_factory=lambda: np.zeros((0, 0), np.float32), repr=False)
    gaussian: StyleGaussian | None = None
    bad: tuple[ImageError, ...] = ()

    @classmethod
    def open(cls, styles: str | os.PathLike[str], model: Model, report: Report | None = None) -> Palette:
        """The styles of a table of embeddings, of pictures that are embedded now, or random ones.

        Args:
            styles: "random"; or a table that `pasticcio embed` wrote; or a folder, list or table of pictures. Where a
                file and "random" agree the file is meant.
            model: whose styles they are.
            report: called after every picture that is embedded.

        Raises:
            ImageError: no such file, or no pictures.
            StyleError: no table of embeddings, or one of another model; a model that has no random styles, or cannot
                embed pictures.
        """
        if model.table:
            raise StyleError(f"model {model.name} cannot embed pictures; use a model that can")
        path = Path(styles)
        if str(styles) == RANDOM and not os.path.exists(path):
            return cls(gaussian=StyleGaussian.open(model.name, model.fingerprint))
        if os.path.isfile(path) and path.suffix.lower() in SUFFIXES:
            table = Embeddings.load(path)
            if table.model != model.fingerprint:
                raise StyleError(
                    f"the embeddings in {path} belong to model {table.model}, not to {model.name} "
                    f"({model.fingerprint}); embed the pictures with this model"
                )
            return cls(_unlike(table.names), table.vectors)
        table, bad = embed_pictures(find_pictures(path), model, report=report)
        return cls(_unlike(table.names), table.vectors, bad=tuple(bad))

    @property
    def digest(self) -> str:
        """sha256 of all that the choice depends on."""
        if self.gaussian is not None:
            parts = [b"random", self.gaussian.mean.tobytes(), self.gaussian.factor.tobytes()]
        else:
            parts = [*(as_bytes(name) + b"\0" for name in self.names), self.vectors.tobytes()]
        return hashlib.sha256(b"".join(parts)).hexdigest()


def _unlike(names: Iterable[str]) -> tuple[str, ...]:
    """Names by which a manifest tells the styles apart, though files of one name lie in several folders."""
    seen = Counter[str]()
    found = list[str]()
    for name in names:
        seen[name] += 1
        found.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return tuple(found)


@dataclass(frozen=True)
class Chooser:
    """Draws styles and strengths.

    Attributes:
        palette: the styles.
        seed: 0 or more.
        count: styles for each picture, all different.
        strength: the lowest and the highest; every strength between them is as likely.

    Raises:
        OptionError: more styles for a picture than there are.
    """

    palette: Palette
    seed: int
    count: int
    strength: tuple[float, float]

    def __post_init__(self) -> None:
        known = len(self.palette.names)
        if self.palette.gaussian is None and self.count > known:
            raise OptionError(
                f"{self.count} styles for each picture are asked for, and there are {known}; give more styles, or "
                "lower --styles-per-picture"
            )

    def choose(self, key: str) -> list[Choice]:
        """The choices for the picture of that key, the same in every run."""
        return [self._one(key, place) for place in range(self.count)]

    def _one(self, key: str, place: int) -> Choice:
        style, strong, seed = self._numbers(key, place)
        low, high = self.strength
        strength = low + (high - low) * (strong >> 11) / 2.0**53
        if self.palette.gaussian is not None:
            seed >>= 1
            return Choice(RANDOM, self.palette.gaussian.sample(seed), strength, seed)
        taken = list[int]()
        for earlier in range(place + 1):  # each is drawn from those that the ones before it left
            row = (style if earlier == place else self._numbers(key, earlier)[0]) % (len(self.palette.names) - earlier)
            for other in sorted(taken):
                row += row >= other
            taken.append(row)
        return Choice(self.palette.names[row], self.palette.vectors[row], strength, seed >> 1)

    def _numbers(self, key: str, place: int) -> tuple[int, int, int]:
        """Three numbers of 64 bits."""
        digest = hashlib.sha256(f"{self.seed}\0{place}\0".encode() + as_bytes(key)).digest()
        return tuple(int.from_bytes(digest[i : i + 8], "little") for i in (0, 8, 16))  # type: ignore[return-value]
