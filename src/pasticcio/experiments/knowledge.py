"""What the embedding tells without being trained to: the experiment "knowledge".

Nearest neighbors predict artist, movement and texture class. On the same pictures, the embedding is compared with
Inception-v3 of ImageNet pooled at Mixed_6e, with Gram matrices of a VGG, and with a histogram of colors.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from pasticcio.experiments.context import Context
from pasticcio.experiments.features import (
    Feature,
    Features,
    color_feature,
    compute,
    gram_feature,
    inception_feature,
    style_feature,
)
from pasticcio.experiments.measures import SEED
from pasticcio.experiments.neighbors import Score, judge
from pasticcio.image.listing import Entry, find_pictures
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.figure import figure

GALLERY = 1200  # paintings trained on, among which neighbors are searched


def run(context: Context) -> str:
    """The experiment: its table.

    Movement: of the test paintings, among paintings trained on. Texture class: of the test textures, among those
    trained on, and of each texture among all others. Artist: of each test painting, among the other test paintings.
    """
    paintings = find_pictures(context.data / "paintings.csv")
    textures = find_pictures(context.data / "textures.csv")
    held_out, trained = _split(paintings)
    rng = np.random.default_rng(SEED)
    size = min(context.amount or GALLERY, len(trained))
    gallery = [trained[i] for i in sorted(rng.choice(len(trained), size, replace=False))]
    test_textures, train_textures = _split(textures)
    everything = [*held_out, *textures, *gallery]
    place = {id(entry): row for row, entry in enumerate(everything)}
    scores = []
    for name, (feature, cache) in _features(context).items():
        path = context.results / "features" / f"{cache}-{context.side}.npz"
        rows, good = compute(everything, feature, context.side, path, context.reporter(name))
        usable = {key: row for key, row in place.items() if good[row]}
        pick = partial(_labeled, rows, usable)
        shown, labels = pick(gallery, "movement", 5)
        asked, wanted = pick([entry for entry in held_out if entry.columns["movement"] in labels], "movement")
        scores.append(judge(name, "movement, unseen artists", shown, labels, asked, wanted))
        scores.append(judge(name, "artist, unseen artists", *pick(held_out, "artist", 3)))
        shown, labels = pick(train_textures, "class", 5)
        asked, wanted = pick([entry for entry in test_textures if entry.columns["class"] in labels], "class")
        scores.append(judge(name, "texture class, unseen", shown, labels, asked, wanted))
        scores.append(judge(name, "texture class, all", *pick(textures, "class", 5)))
    scores.sort(key=lambda score: score.label)
    if context.out:
        scores_figure(scores, context.out / "knowledge.png")
    return scores_text(scores)


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
    """Accuracy by label and feature, as a .png: points with their 95% intervals, and chance as a bar."""
    labels = list(dict.fromkeys(score.label for score in scores))
    features = list(dict.fromkeys(score.feature for score in scores))
    with figure(out, 8, 3.6) as drawn:
        axes = drawn.add_subplot()
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


def _features(context: Context) -> dict[str, tuple[Feature, str]]:
    """The features by name, each with the name of its cache."""
    stylizer, weights = Stylizer(context.model), context.weights
    inception = inception_feature(weights / "inception_v3_mixed_6e.safetensors")
    grams = gram_feature("vgg19-small", weights / "vgg19_small16x_conv4_1.safetensors")
    return {
        "style embedding": (style_feature(stylizer), f"style-{stylizer.model.fingerprint}"),
        "Inception-v3, pooled": (inception, "inception"),
        "Gram matrices": (grams, "gram"),
        "colors": (color_feature, "colors"),
    }


def _labeled(
    rows: Features, usable: dict[int, int], entries: Sequence[Entry], column: str, least: int = 1
) -> tuple[Features, list[str]]:
    """Rows and labels of the entries that could be read and whose label at least `least` of these have."""
    good = [entry for entry in entries if id(entry) in usable]
    counts = Counter(entry.columns.get(column, "") for entry in good)
    good = [entry for entry in good if entry.columns.get(column) and counts[entry.columns[column]] >= least]
    return rows[[usable[id(entry)] for entry in good]], [entry.columns[column] for entry in good]


def _split(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Those of the split "test", and the others."""
    test = [entry for entry in entries if entry.columns.get("split") == "test"]
    return test, [entry for entry in entries if entry.columns.get("split") != "test"]
