"""What the embedding knows without having been told: artist, movement and texture class by nearest neighbors.

Beside it, on the same pictures: ImageNet's Inception-v3 pooled at Mixed_6e, Gram matrices of a VGG, and a
histogram of colors.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pasticcio.errors import ImageError, OptionError
from pasticcio.files import writing
from pasticcio.image.picture import Array
from pasticcio.nn.losses import gram_matrix
from pasticcio.nn.predictor import InceptionPredictor
from pasticcio.render.embedder import style_view
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embeddings import Embeddings, Entry, Report, open_reduced
from pasticcio.training.pretrained import load_vgg, read_state

Features = NDArray[np.float32]
Feature = Callable[[Array], Features]

GRAM_LAYERS = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
PROJECTED = 512  # Gram matrices are brought to so many numbers by a fixed random projection
BINS = 6  # of each color channel
NEIGHBORS = (1, 3, 5, 10, 20)
SEED = 2017


@dataclass(frozen=True)
class Score:
    """How well nearest neighbors in one feature tell a label.

    Attributes:
        feature, label: names.
        accuracy, low, high: share of the queries whose label is found, and the middle 95% of 1000 bootstrap draws
            of the queries.
        recall: mean over the labels of the share found of each, so that frequent labels do not weigh more.
        chance: share found by always naming the most frequent label.
        silhouette: of the queries by their labels (Rousseeuw 1987), -1 to 1.
        k, metric: chosen on the gallery alone.
        queries: how many.
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


def style_feature(stylizer: Stylizer) -> Feature:
    """The style embedding."""

    def feature(image: Array) -> Features:
        batch = np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32)
        row: Features = stylizer.run(stylizer.model.predict, style=batch)[0]
        return row

    return feature


def inception_feature(weights: Path) -> Feature:
    """Inception-v3 to Mixed_6e, mean over positions, 768 numbers: the paper's predictor before it learns styles."""
    network = InceptionPredictor().eval()
    network.trunk.load_folded(read_state(weights))

    @torch.no_grad()
    def feature(image: Array) -> Features:
        pooled: Features = network.describe(_tensor(image))[0].numpy()
        return pooled

    return feature


def gram_feature(name: str, weights: Path) -> Feature:
    """Gram matrices at the four style layers, each divided by its norm, projected to 512 numbers.

    A fixed random projection keeps distances within a few percent (Johnson and Lindenstrauss 1984).
    """
    network = load_vgg(name, GRAM_LAYERS, str(weights), padding="reflect")
    matrix: list[Features] = []

    @torch.no_grad()
    def feature(image: Array) -> Features:
        found = network(_tensor(image))
        parts = [gram_matrix(found[layer])[0] for layer in GRAM_LAYERS]
        flat = np.concatenate([(gram / gram.norm().clamp_min(1e-9)).flatten().numpy() for gram in parts])
        if not matrix:
            drawn = np.random.default_rng(SEED).standard_normal((PROJECTED, len(flat)), np.float32)
            matrix.append(drawn / np.float32(np.sqrt(PROJECTED)))
        projected: Features = matrix[0] @ flat
        return projected

    return feature


def color_feature(image: Array) -> Features:
    """Square roots of a joint histogram of colors, 6 bins a channel: their distance is Hellinger's."""
    places = np.minimum((image * BINS).astype(np.int64), BINS - 1) @ np.array([BINS * BINS, BINS, 1])
    counts = np.bincount(places.ravel(), minlength=BINS**3)
    roots: Features = np.sqrt(counts / counts.sum()).astype(np.float32)
    return roots


def compute(
    entries: Sequence[Entry], feature: Feature, side: int, cache: Path, report: Report | None = None
) -> tuple[Features, NDArray[np.bool_]]:
    """A feature of many pictures at a short side; kept in `cache` every 200 pictures, and taken from there.

    Returns:
        Rows (N, D), and which of the pictures could be read; the other rows are zeros.
    """
    known: dict[str, Features] = {}
    if cache.exists():
        with np.load(cache, allow_pickle=False) as file:
            known = dict(zip(file["keys"].tolist(), file["rows"], strict=True))
    keys = [hashlib.sha256(f"{os.path.abspath(entry.path)} {side}".encode()).hexdigest()[:16] for entry in entries]
    good = np.ones(len(entries), np.bool_)
    fresh = 0
    for number, (entry, key) in enumerate(zip(entries, keys, strict=True)):
        if key not in known:
            try:
                known[key] = feature(style_view(open_reduced(entry.path, side), side))
                fresh += 1
            except ImageError:
                good[number] = False
            if fresh and fresh % 200 == 0:
                _keep(cache, known)
        if report:
            report(number + 1, len(entries))
    if fresh:
        _keep(cache, known)
    length = len(next(iter(known.values())))
    rows = np.stack([known.get(key, np.zeros(length, np.float32)) for key in keys])
    return rows, good


def _keep(cache: Path, known: dict[str, Features]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    with writing(cache) as partial, partial.open("wb") as file:
        np.savez(file, keys=np.array(list(known)), rows=np.stack(list(known.values())))


def judge(
    name: str,
    label: str,
    gallery: Features,
    gallery_labels: Sequence[str],
    queries: Features | None = None,
    query_labels: Sequence[str] = (),
) -> Score:
    """Name the label of every query by a vote of its nearest neighbors in a gallery.

    The number of neighbors and the metric (Euclidean, or cosine after every number is brought to mean 0 and
    variance 1) are those that serve best on the gallery itself, each picture by its others. Without queries
    that is the score too.

    Raises:
        OptionError: fewer than two labels.
    """
    labels = np.array(gallery_labels)
    wanted = labels if queries is None else np.array(query_labels)
    if len(np.unique(labels)) < 2 or not len(wanted):
        raise OptionError(f"nothing to tell apart by {label}: {len(labels)} pictures, {len(np.unique(labels))} labels")
    best: tuple[float, int, str] = (-1.0, 1, "euclidean")
    spaces = {metric: _space(gallery, queries, metric) for metric in ("euclidean", "cosine")}
    for metric, (space, _) in spaces.items():
        nearest = _nearest(space, space, max(NEIGHBORS), leave_out=True)
        for k in NEIGHBORS:
            right = float((_vote(labels[nearest[:, :k]]) == labels).mean())
            best = max(best, (right, k, metric), key=lambda one: one[0])
    _, k, metric = best
    space, asked = spaces[metric]
    nearest = _nearest(space if asked is None else asked, space, k, leave_out=asked is None)
    right = _vote(labels[nearest]) == wanted
    rng = np.random.default_rng(SEED)
    draws = rng.integers(len(right), size=(1000, len(right)))
    low, high = np.quantile(right[draws].mean(1), [0.025, 0.975])
    recall = float(np.mean([right[wanted == one].mean() for one in np.unique(wanted)]))
    values, counts = np.unique(labels, return_counts=True)
    chance = float((wanted == values[counts.argmax()]).mean())
    return Score(
        name, label, float(right.mean()), float(low), float(high), recall, chance,
        silhouette(space if asked is None else asked, wanted), k, metric, len(wanted),
    )  # fmt: skip


def silhouette(space: Features, labels: NDArray[np.str_]) -> float:
    """Mean silhouette of rows by their labels, Euclidean; labels with one row count as 0."""
    values, codes = np.unique(labels, return_inverse=True)
    if not 1 < len(values) < len(labels):
        return float("nan")
    member = np.eye(len(values), dtype=np.float32)[codes]
    counts = member.sum(0)
    sums = np.sqrt(_squares(space, space)) @ member
    own = sums[np.arange(len(codes)), codes] / np.maximum(counts[codes] - 1, 1)
    others = sums / counts
    others[np.arange(len(codes)), codes] = np.inf
    nearest = others.min(1)
    widths = np.where(counts[codes] > 1, (nearest - own) / np.maximum(np.maximum(nearest, own), 1e-12), 0.0)
    return float(widths.mean())


def scores_text(scores: Sequence[Score]) -> str:
    """The scores in Markdown."""
    lines = [
        "| label | feature | accuracy (95%) | mean recall | chance | silhouette | k, metric | queries |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for s in scores:
        lines.append(
            f"| {s.label} | {s.feature} | {100 * s.accuracy:.1f}% ({100 * s.low:.1f} to {100 * s.high:.1f}) | "
            f"{100 * s.recall:.1f}% | {100 * s.chance:.1f}% | {s.silhouette:.3f} | {s.k}, {s.metric} | {s.queries} |"
        )
    return "\n".join(lines)


def scores_figure(scores: Sequence[Score], out: Path) -> None:
    """Accuracy by label and feature, .png: points with their 95% intervals, and chance as a bar."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.6), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    labels = list(dict.fromkeys(score.label for score in scores))
    features = list(dict.fromkeys(score.feature for score in scores))
    for place, feature in enumerate(features):
        rows = {score.label: score for score in scores if score.feature == feature}
        found = [rows[label] for label in labels]
        accuracy = np.array([score.accuracy for score in found])
        ends = np.array([[score.low for score in found], [score.high for score in found]])
        at = np.arange(len(labels)) + 0.15 * (place - (len(features) - 1) / 2)
        axes.errorbar(at, accuracy, np.abs(ends - accuracy), marker="o", capsize=3, linestyle="none", label=feature)
    chance = [next(score.chance for score in scores if score.label == label) for label in labels]
    axes.bar(np.arange(len(labels)), chance, width=0.8, color="0.85", label="chance")
    axes.set_xticks(range(len(labels)), labels)
    axes.set(ylabel="nearest neighbors are right", ylim=(0, 1))
    axes.yaxis.set_major_formatter("{x:.0%}")
    axes.legend(frameon=False, ncols=2)
    with writing(out) as partial:
        figure.savefig(partial, format="png")


def with_labels(table: Embeddings | Sequence[Entry], column: str, least: int = 2) -> list[int]:
    """Rows with a value in `column` that at least `least` rows have."""
    values = (
        table.column(column) if isinstance(table, Embeddings) else [entry.columns.get(column, "") for entry in table]
    )
    distinct, counts = np.unique(np.array(values, np.str_), return_counts=True)
    known = {str(value) for value, count in zip(distinct, counts, strict=True) if value and count >= least}
    return [row for row, value in enumerate(values) if value in known]


def _space(gallery: Features, queries: Features | None, metric: str) -> tuple[Features, Features | None]:
    if metric == "euclidean":
        return gallery, queries
    mean, deviation = gallery.mean(0), np.maximum(gallery.std(0), 1e-6)

    def unit(rows: Features) -> Features:
        scaled: Features = (rows - mean) / deviation
        scaled /= np.maximum(np.linalg.norm(scaled, axis=1, keepdims=True), 1e-9)
        return scaled

    return unit(gallery), None if queries is None else unit(queries)


def _squares(a: Features, b: Features) -> Features:
    found: Features = np.maximum(np.square(a).sum(1)[:, None] + np.square(b).sum(1) - 2 * a @ b.T, 0)
    return found


def _nearest(queries: Features, gallery: Features, k: int, leave_out: bool) -> NDArray[np.intp]:
    squares = _squares(queries, gallery)
    if leave_out:
        np.fill_diagonal(squares, np.inf)
    k = min(k, len(gallery) - leave_out)
    return np.argsort(squares, axis=1, kind="stable")[:, :k]


def _vote(labels: NDArray[np.str_]) -> NDArray[np.str_]:
    """The most frequent label of every row, nearer ones first among equals."""
    values, codes = np.unique(labels, return_inverse=True)
    codes = codes.reshape(labels.shape)
    weights = 1.0 + 1e-3 * np.linspace(1, 0, labels.shape[1])
    votes = np.zeros((len(labels), len(values)), np.float32)
    np.add.at(votes, (np.arange(len(labels))[:, None], codes), np.broadcast_to(weights, codes.shape).astype(np.float32))
    winners: NDArray[np.str_] = values[votes.argmax(1)]
    return winners


def _tensor(image: Array) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32))
