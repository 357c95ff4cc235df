"""Directions in the space of styles: the principal ones, and ones that are named after what they change.

The paper varies an embedding around a painter's and reads off what changes. Here what changes is measured:
the colors and textures of the pictures embedded, and the embedding is regressed on them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import ImageError, StyleError
from pasticcio.image.color import RGB_TO_YIQ
from pasticcio.image.picture import Array
from pasticcio.render.embedder import style_view
from pasticcio.space.embeddings import Embeddings, open_reduced
from pasticcio.style.gaussian import StyleGaussian

STATISTICS = ("lightness", "contrast", "saturation", "warmth", "magenta", "fine", "coarse", "upright")
SIDE = 192  # short side at which pictures are measured
RIDGE = 1e-3  # of the mean variance of the embeddings, added to every one
FOLDS = 5


@dataclass(frozen=True)
class Direction:
    """A direction in the space of styles.

    Attributes:
        name: what grows along it.
        vector: float32 (E,): the change of the embedding that goes with one standard deviation.
        known: share of the variance of what it is named after that a linear function of the embedding
            explains on pictures it was not fitted to (R^2, 5 folds); NaN for principal directions.
    """

    name: str
    vector: NDArray[np.float32]
    known: float = float("nan")


def measure(image: Array) -> NDArray[np.float32]:
    """Statistics of color and texture of a picture, in the order of `STATISTICS`.

    lightness and contrast: mean and standard deviation of luminance (Y of YIQ). saturation: mean chroma
    |(I, Q)|. warmth: mean I, orange against blue. magenta: mean Q, magenta against green. fine and
    coarse: logarithm of the energy of luminance below three pixels and between five and seventeen, over
    its whole variance (at 192 pixels). upright: logarithm of the energy of differences across over that
    of differences down: vertical strokes count as upright.
    """
    luminance, in_phase, quadrature = np.moveaxis(image.astype(np.float64) @ RGB_TO_YIQ.T, 2, 0)
    small, middle, large = (_blur(luminance, size) for size in (3, 5, 17))
    variance = luminance.var() + 1e-6
    across, down = np.diff(luminance, axis=1), np.diff(luminance, axis=0)
    return np.array(
        [
            luminance.mean(),
            luminance.std(),
            np.hypot(in_phase, quadrature).mean(),
            in_phase.mean(),
            quadrature.mean(),
            np.log((np.square(luminance - small).mean() + 1e-6) / variance),
            np.log((np.square(middle - large).mean() + 1e-6) / variance),
            np.log((np.square(across).mean() + 1e-6) / (np.square(down).mean() + 1e-6)),
        ],
        np.float32,
    )


def measure_pictures(paths: Sequence[Path], workers: int | None = None) -> NDArray[np.float32]:
    """`measure` of many pictures at a short side of 192 pixels, (N, 8); NaN where one cannot be read."""

    def one(path: Path) -> NDArray[np.float32]:
        try:
            return measure(style_view(open_reduced(path, SIDE), SIDE))
        except ImageError:
            return np.full(len(STATISTICS), np.nan, np.float32)

    with ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        return np.stack(list(pool.map(one, paths)))


def named_directions(table: Embeddings, statistics: NDArray[np.float32]) -> list[Direction]:
    """A direction for every statistic, by linear regression of the embeddings on all of them together.

    So each direction is the change of the embedding that goes with one standard deviation of its
    statistic while the others stay what they are: more saturation at the same mean color, for example,
    is more colors on both sides of it.

    Args:
        table: embeddings of N pictures.
        statistics: what was measured of them, (N, 8), see `measure`; rows with NaN are left out.

    Raises:
        StyleError: too few pictures could be measured.
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
        for name, slope, share in zip(STATISTICS, slopes, known, strict=False)
    ]


def principal_directions(gaussian: StyleGaussian, count: int) -> list[Direction]:
    """The first principal directions of the embeddings, each one standard deviation long."""
    variance = np.square(gaussian.factor.astype(np.float64)).sum(0)
    share = variance / variance.sum()
    return [
        Direction(f"principal {i + 1} ({100 * share[i]:.0f}%)", np.ascontiguousarray(gaussian.factor[:, i]))
        for i in range(min(count, len(gaussian.mean)))
    ]


def explained(vectors: NDArray[np.float64], wanted: NDArray[np.float64], folds: int = FOLDS) -> NDArray[np.float64]:
    """R^2 of ridge regression of each column of `wanted` on `vectors`, on rows left out, over `folds` folds."""
    fold = np.random.default_rng(0).permutation(len(vectors)) % folds
    predicted = np.empty_like(wanted)
    for number in range(folds):
        train, test = fold != number, fold == number
        mean, target = vectors[train].mean(0), wanted[train].mean(0)
        x = vectors[train] - mean
        ridge = RIDGE * np.mean(x.var(0)) * len(x) * np.eye(x.shape[1])
        weights = np.linalg.solve(x.T @ x + ridge, x.T @ (wanted[train] - target))
        predicted[test] = (vectors[test] - mean) @ weights + target
    residual = np.square(wanted - predicted).sum(0)
    shares: NDArray[np.float64] = 1.0 - residual / np.maximum(np.square(wanted - wanted.mean(0)).sum(0), 1e-12)
    return shares


def _blur(image: NDArray[np.float64], size: int) -> NDArray[np.float64]:
    """Mean over `size` x `size` pixels, edges repeated."""
    half = size // 2
    sums = np.pad(image, ((half + 1, half), (half + 1, half)), mode="edge").cumsum(0).cumsum(1)
    blurred: NDArray[np.float64] = (
        sums[size:, size:] - sums[:-size, size:] - sums[size:, :-size] + sums[:-size, :-size]
    ) / size**2
    return blurred
