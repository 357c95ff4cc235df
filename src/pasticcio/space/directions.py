"""Directions in the space of styles: principal directions, and directions named after what they change.

The paper varies an embedding around that of a painter and describes what changes. Here, statistics of the colors and
textures of the pictures are measured, and the embeddings are regressed on them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import StyleError
from pasticcio.extras import extra
from pasticcio.space.embeddings import Embeddings
from pasticcio.space.statistics import STATISTICS
from pasticcio.style.gaussian import StyleGaussian

RIDGE = 1e-3  # of the mean variance of the embeddings, for every row
FOLDS = 5


@dataclass(frozen=True)
class Direction:
    """A direction in the space of styles.

    Attributes:
        name: of the statistic that grows in this direction, or "principal" and a number.
        vector: float32 (E,): the change of the embedding with one standard deviation.
        known: of a named direction, R^2 of its statistic as a linear function of the embedding, by cross-validation;
            else NaN.
    """

    name: str
    vector: NDArray[np.float32]
    known: float = float("nan")


def named_directions(table: Embeddings, statistics: NDArray[np.float32]) -> list[Direction]:
    """A direction for every statistic, by linear regression of the embeddings on all of them.

    A direction is the change of the embedding with one standard deviation of its statistic while the other statistics
    are constant. More saturation at the same mean color, for example, is more of the colors on both sides of it.

    Args:
        table: embeddings of N pictures.
        statistics: of these pictures, (N, 8), see `measure`; rows with NaN are left out.

    Raises:
        StyleError: too few pictures could be measured.
        MissingExtraError: scikit-learn is not installed.
    """
    good = np.isfinite(statistics).all(axis=1)
    if good.sum() < 4 * statistics.shape[1]:
        raise StyleError(
            f"only {good.sum()} pictures of the table could be read and measured; "
            f"{4 * statistics.shape[1]} or more are needed to find directions"
        )
    measured, vectors = statistics[good].astype(np.float64), table.vectors[good].astype(np.float64)
    scaled = (measured - measured.mean(0)) / np.maximum(measured.std(0), 1e-9)
    slopes, *_ = np.linalg.lstsq(np.c_[scaled, np.ones(len(scaled))], vectors, rcond=None)
    known = explained(vectors, scaled)
    return [
        Direction(name, slope.astype(np.float32), float(share))
        for name, slope, share in zip(STATISTICS, slopes, known, strict=False)  # the last slope is the intercept
    ]


def principal_directions(gaussian: StyleGaussian, count: int) -> list[Direction]:
    """The first principal directions of the embeddings, each as long as their standard deviation along it.

    Args:
        gaussian: of the embeddings.
        count: number of directions.
    """
    variance = np.square(gaussian.factor.astype(np.float64)).sum(0)
    share = variance / variance.sum()
    return [
        Direction(f"principal {i + 1} ({100 * share[i]:.0f}%)", np.ascontiguousarray(gaussian.factor[:, i]))
        for i in range(min(count, len(gaussian.mean)))
    ]


def explained(vectors: NDArray[np.float64], wanted: NDArray[np.float64], folds: int = FOLDS) -> NDArray[np.float64]:
    """R^2 of ridge regression of each column of `wanted`, (N, S), on `vectors`, (N, E), by cross-validation: (S,).

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    with extra("analysis", "regression on embeddings"):
        from sklearn.linear_model import Ridge
        from sklearn.metrics import r2_score
        from sklearn.model_selection import KFold, cross_val_predict
    fitted = len(vectors) * (folds - 1) / folds
    ridge = Ridge(alpha=RIDGE * float(vectors.var(0).mean()) * fitted)
    predicted = cross_val_predict(ridge, vectors, wanted, cv=KFold(folds, shuffle=True, random_state=0))
    shares: NDArray[np.float64] = r2_score(wanted, predicted, multioutput="raw_values")
    return shares
