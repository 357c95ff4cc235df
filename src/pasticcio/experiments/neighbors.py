"""How well nearest neighbors in a feature tell a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import OptionError
from pasticcio.experiments.features import Features
from pasticcio.experiments.measures import SEED
from pasticcio.extras import extra

NEIGHBORS = (1, 3, 5, 10, 20)  # numbers of neighbors that are tried


@dataclass(frozen=True)
class Score:
    """The result of `judge`.

    Attributes:
        feature, label: names.
        accuracy: share of the queries whose label is found.
        low, high: the middle 95% of the accuracies of 1000 bootstrap samples of the queries.
        recall: mean over the labels of the share of their queries that is found, so that all labels count alike.
        chance: the accuracy of always naming the most frequent label.
        silhouette: of the queries by their labels (Rousseeuw 1987), -1 to 1; NaN where it is not defined.
        k: number of neighbors.
        metric: "euclidean" or "cosine".
        queries: their number.
    """

    feature: str
    label: str
    accuracy: float
    low: float
    high: float
    recall: float
    chance: float
    silhouette: float
    k: int
    metric: str
    queries: int


def judge(
    name: str,
    label: str,
    gallery: Features,
    gallery_labels: Sequence[str],
    queries: Features | None = None,
    query_labels: Sequence[str] = (),
) -> Score:
    """Predict the label of every query by a vote of its nearest neighbors in a gallery.

    The number of neighbors and the metric (Euclidean, or cosine after every dimension is standardized) are those with
    the highest accuracy on the gallery itself, leaving one out. Without queries, the score is of the gallery too.

    Args:
        name, label: of the feature and of the label, for the score.
        gallery: features (N, D).
        gallery_labels: N labels.
        queries: features (M, D).
        query_labels: M labels.

    Raises:
        OptionError: fewer than two labels, or no queries.
        MissingExtraError: scikit-learn is not installed.
    """
    labels = np.array(gallery_labels)
    wanted = labels if queries is None else np.array(query_labels)
    if len(np.unique(labels)) < 2 or not len(wanted):
        raise OptionError(f"nothing to tell apart by {label}: {len(labels)} pictures, {len(np.unique(labels))} labels")
    best: tuple[float, int, str] = (-1.0, 1, "euclidean")
    spaces = {metric: _space(gallery, queries, metric) for metric in ("euclidean", "cosine")}
    for metric, (space, _) in spaces.items():
        nearest = _nearest(space, None, max(NEIGHBORS))
        for k in NEIGHBORS:
            right = float((_vote(labels[nearest[:, :k]]) == labels).mean())
            best = max(best, (right, k, metric), key=lambda one: one[0])
    _, k, metric = best
    space, asked = spaces[metric]
    right = _vote(labels[_nearest(space, asked, k)]) == wanted
    rng = np.random.default_rng(SEED)
    draws = rng.integers(len(right), size=(1000, len(right)))
    low, high = np.quantile(right[draws].mean(1), [0.025, 0.975])
    recall = float(np.mean([right[wanted == one].mean() for one in np.unique(wanted)]))
    values, counts = np.unique(labels, return_counts=True)
    chance = float((wanted == values[counts.argmax()]).mean())
    return Score(
        feature=name,
        label=label,
        accuracy=float(right.mean()),
        low=float(low),
        high=float(high),
        recall=recall,
        chance=chance,
        silhouette=_silhouette(space if asked is None else asked, wanted),
        k=k,
        metric=metric,
        queries=len(wanted),
    )


def _space(gallery: Features, queries: Features | None, metric: str) -> tuple[Features, Features | None]:
    if metric == "euclidean":
        return gallery, queries
    mean, deviation = gallery.mean(0), np.maximum(gallery.std(0), 1e-6)

    def unit(rows: Features) -> Features:
        scaled: Features = (rows - mean) / deviation
        scaled /= np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-9)
        return scaled

    return unit(gallery), None if queries is None else unit(queries)


def _nearest(gallery: Features, queries: Features | None, k: int) -> NDArray[np.intp]:
    """Rows of the nearest neighbors in a gallery, nearest first, (M, k); without queries, of every row of its own."""
    with extra("analysis", "nearest neighbors"):
        from sklearn.neighbors import NearestNeighbors
    most = len(gallery) - (queries is None)
    found = NearestNeighbors(n_neighbors=min(k, most), algorithm="brute").fit(gallery)
    rows: NDArray[np.intp] = found.kneighbors(queries, return_distance=False)
    return rows


def _vote(labels: NDArray[np.str_]) -> NDArray[np.str_]:
    """The most frequent label of every row, (M, k) to (M,); of labels as frequent, that of the nearer neighbors."""
    values, codes = np.unique(labels, return_inverse=True)
    codes = codes.reshape(labels.shape)
    weights = 1.0 + 1e-3 * np.linspace(1, 0, labels.shape[1])
    votes = np.zeros((len(labels), len(values)), np.float32)
    np.add.at(votes, (np.arange(len(labels))[:, None], codes), np.broadcast_to(weights, codes.shape).astype(np.float32))
    winners: NDArray[np.str_] = values[votes.argmax(1)]
    return winners


def _silhouette(space: Features, labels: NDArray[np.str_]) -> float:
    if not 1 < len(np.unique(labels)) < len(labels):
        return float("nan")
    with extra("analysis", "a silhouette"):
        from sklearn.metrics import silhouette_score
    return float(silhouette_score(space, labels))
