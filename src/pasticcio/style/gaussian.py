"""The Gaussian of a model's style embeddings, from which random styles are drawn."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import StyleError
from pasticcio.files import writing
from pasticcio.style.named import LIBRARY

LIMIT = 2.5  # standard deviations: no random style lies further out along a principal direction
Seed = Union[int, "np.random.Generator", None]  # quoted: numpy imports numpy.random when it is first used


@dataclass(frozen=True, eq=False)
class StyleGaussian:
    """The Gaussian of the embeddings of the styles that a model was trained on.

    Style augmentation draws its styles from such a Gaussian (Jackson et al. 2018, section 3.2).

    >>> gaussian = StyleGaussian.open()
    >>> gaussian.sample(seed=7).shape
    (100,)

    Attributes:
        mean: float32 (E,).
        factor: float32 (E, E): columns are the principal directions, each as long as the standard deviation
            along it, the longest first; factor @ factor.T is the covariance.
        model: fingerprint of the model whose embeddings they are.
        count: number of embeddings that it was fitted to.
        side: short side, in pixels, to which their pictures were brought before they were embedded.
    """

    mean: NDArray[np.float32] = field(repr=False)
    factor: NDArray[np.float32] = field(repr=False)
    model: str
    count: int
    side: int

    def __eq__(self, other: object) -> bool:
        return self._content() == other._content() if isinstance(other, StyleGaussian) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._content())

    def _content(self) -> tuple[object, ...]:
        return self.mean.tobytes(), self.factor.tobytes(), self.model, self.count, self.side

    @classmethod
    def open(cls, name: str = "default", fingerprint: str | None = None) -> StyleGaussian:
        """The Gaussian that ships with a model.

        Args:
            name: of the model.
            fingerprint: of the model it will be used with; not checked if None.

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

        Args:
            path: the .npz file.
            fingerprint: of the model it will be used with; not checked if None.

        Raises:
            StyleError: the file cannot be read, `save` did not write it, or it belongs to another model.
        """
        import tokenize  # of numpy's headers
        import zlib  # as numpy does, imported only where a file is read
        from zipfile import BadZipFile

        try:
            with Path(path).open("rb") as file:
                values = dict(np.load(file, allow_pickle=False))
        except OSError as error:
            raise StyleError(f"cannot read the Gaussian of styles {path}: {error.strerror or error}") from error
        except (
            ValueError,
            TypeError,
            EOFError,
            LookupError,
            RuntimeError,
            SyntaxError,
            BadZipFile,
            tokenize.TokenError,
            zlib.error,
        ) as error:
            raise StyleError(f"{path} is no Gaussian of styles: {error}; make it anew") from error
        if missing := {"mean", "factor", "model", "count", "side"} - values.keys():
            raise StyleError(f"{path} is no Gaussian of styles: it lacks {', '.join(sorted(missing))}; make it anew")
        mean, factor = values["mean"], values["factor"]
        if mean.dtype.kind != "f" or factor.dtype.kind != "f" or values["count"].size != 1 or values["side"].size != 1:
            raise StyleError(f"{path} is no Gaussian of styles: its values are of other kinds; make it anew")
        if mean.ndim != 1 or factor.shape != 2 * mean.shape:
            raise StyleError(f"{path} is no Gaussian of styles: it has shapes {mean.shape} and {factor.shape}")
        model = str(values["model"])
        if fingerprint is not None and fingerprint != model:
            raise StyleError(
                f"the Gaussian of styles {os.path.basename(path)} belongs to model {model}, not to "
                f"{fingerprint}; make it anew with scripts/style_gaussian.py"
            )
        return cls(mean, factor, model=model, count=int(values["count"]), side=int(values["side"]))

    @classmethod
    def fit(cls, embeddings: NDArray[np.float32], model: str, side: int) -> StyleGaussian:
        """The Gaussian with the mean and covariance of embeddings.

        Args:
            embeddings: (N, E), N at least 2.
            model, side: see the attributes.

        Raises:
            StyleError: fewer than 2, or numbers that are not finite.
        """
        values = np.asarray(embeddings, np.float64)
        if values.ndim != 2 or len(values) < 2 or not np.isfinite(values).all():
            raise StyleError(f"a Gaussian needs two or more rows of finite numbers, not shape {values.shape}")
        variance, directions = np.linalg.eigh(np.atleast_2d(np.cov(values.T)))
        factor = (directions * np.sqrt(np.maximum(variance, 0.0)))[:, ::-1]
        mean = values.mean(0).astype(np.float32)
        return cls(mean, factor.astype(np.float32), model=model, count=len(values), side=side)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write it as .npz, whole or not at all.

        Raises:
            OutputError: the file cannot be written.
        """
        with writing(path) as partial, partial.open("wb") as file:
            np.savez_compressed(
                file,
                mean=self.mean,
                factor=self.factor,
                model=np.array(self.model),
                count=np.array(self.count),
                side=np.array(self.side),
            )

    def sample(self, seed: Seed = None) -> NDArray[np.float32]:
        """The embedding of a random style, (E,).

        A draw more than 2.5 standard deviations out along a principal direction is brought back to 2.5 there:
        further out, pictures go black or lose their content.

        Args:
            seed: a number, for the same style every time; or a generator to draw from; or None.
        """
        normal = np.random.default_rng(seed).standard_normal(len(self.mean))
        drawn: NDArray[np.float32] = self.mean + self.factor @ np.clip(normal, -LIMIT, LIMIT).astype(np.float32)
        return drawn

    def near(self, embedding: NDArray[np.float32], spread: float, seed: Seed = None) -> NDArray[np.float32]:
        """The embedding of a random style near a given one, (E,).

        With m the mean and z a draw of `sample`, it is m + sqrt(1 - spread^2) (embedding - m) + spread (z - m).
        If the given embedding follows the Gaussian, the result does too, at every spread. A straight line from
        the embedding to z would have less variance in its middle: paler styles.

        Args:
            embedding: (E,).
            spread: 0 gives the embedding itself, 1 an independent draw.
            seed: see `sample`.

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
