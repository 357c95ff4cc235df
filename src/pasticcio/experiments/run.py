"""The paper's experiments, one function each: each returns its table in Markdown and may write its figure."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from pasticcio.errors import OptionError, nearest
from pasticcio.experiments import generalization, knowledge, smoothness, trials
from pasticcio.experiments.losses import PAIRS
from pasticcio.experiments.material import SEED, Material
from pasticcio.files import write_whole
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embeddings import Entry, Report, find_pictures

GALLERY = 1200  # paintings trained on, among which neighbors are looked for

TRAINED: dict[str, tuple[str, trials.Scale]] = {
    "count": ("number of paintings trained on", "log"),
    "kinds": ("trained on", "names"),
    "bottleneck": ("numbers in the embedding", "linear"),
    "conditioned": ("normalizations that the style steers", "names"),
}
NAMES = ("observed", "count", "kinds", "knowledge", "smoothness", "bottleneck", "conditioned")


@dataclass(frozen=True)
class Context:
    """What every experiment is given.

    Attributes:
        data: folder of photos.csv, paintings.csv and textures.csv with their pictures.
        weights: folder of the loss networks and of Inception-v3.
        results: folder for what is kept between runs.
        out: folder of the figures; None for none.
        model: the model examined.
        side: of photos and styles, in pixels.
        amount: pairs or ways; 0 for the experiment's own number.
        optimize: observed: pairs of each group that are optimized too.
        iterations: of that.
        recipe: of those that train.
        seeds: of those that train.
        changes: `key=value` over the recipe.
        report: called with a name, steps done and in all.
    """

    data: Path
    weights: Path
    results: Path
    out: Path | None = None
    model: str = "default"
    side: int = 192
    amount: int = 0
    optimize: int = 0
    iterations: int = 60
    recipe: Path = Path("recipes/generalization.toml")
    seeds: int = 3
    changes: Sequence[str] = ()
    report: Callable[[str, int, int], None] | None = None

    def reporter(self, name: str) -> Report | None:
        """`report` for one name."""
        report = self.report
        return None if report is None else lambda done, total: report(name, done, total)


def run(name: str, context: Context) -> str:
    """Run one experiment, or what is left of it; returns its table.

    Raises:
        OptionError: unknown name.
        PasticcioError: see the experiments' modules.
    """
    if name not in NAMES:
        raise OptionError(f"no experiment {name!r}; {nearest(name, NAMES)}")
    context.results.mkdir(parents=True, exist_ok=True)
    if context.out:
        context.out.mkdir(parents=True, exist_ok=True)
    if name in TRAINED:
        return _trained(name, context)
    text = {"observed": _observed, "knowledge": _knowledge, "smoothness": _smoothness}[name](context)
    write_whole(context.results / f"{name}.md", (text + "\n").encode())
    return text


def _observed(context: Context) -> str:
    material = Material.of(context.data, context.weights)
    found = generalization.observed(
        Stylizer(context.model),
        material,
        pairs=context.amount or PAIRS,
        optimize=context.optimize,
        iterations=context.iterations,
        side=context.side,
        report=context.reporter("pairs"),
    )
    write_whole(context.results / "observed.json", json.dumps(found).encode())
    if context.out:
        generalization.observed_figure(found, context.out / "observed.png")
    return generalization.observed_text(found)


def _trained(name: str, context: Context) -> str:
    material = Material.of(context.data, context.weights)

    def report(run: str, progress: Any) -> None:
        if context.report:
            context.report(run, progress.step, progress.steps)

    runs = trials.run(
        name,
        material,
        context.recipe,
        context.results,
        seeds=context.seeds,
        changes=context.changes,
        pairs=context.amount or PAIRS,
        side=context.side,
        report=report,
    )
    outcomes = list(runs)
    if context.out:
        trials.outcomes_figure(outcomes, context.out / f"{name}.png", *TRAINED[name])
    return trials.outcomes_text(outcomes)


def _smoothness(context: Context) -> str:
    material = Material.of(context.data, context.weights)
    ways = smoothness.smoothness(
        Stylizer(context.model), material.files("photos", "test"),
        material.files("paintings", "test") + material.files("textures", "test"), material.vgg,
        pairs=context.amount or 20, side=context.side, report=context.reporter("ways"),
    )  # fmt: skip
    if context.out:
        smoothness.ways_figure(ways, context.out / "smoothness.png")
    return smoothness.ways_text(ways)


def _knowledge(context: Context) -> str:
    """Movement: test paintings among paintings trained on. Texture class: test textures among those trained on, and
    each texture among all others. Artist: each test painting among the other test paintings.
    """
    paintings = find_pictures([context.data / "paintings.csv"])
    textures = find_pictures([context.data / "textures.csv"])
    held_out, trained = _split(paintings)
    rng = np.random.default_rng(SEED)
    size = min(context.amount or GALLERY, len(trained))
    gallery = [trained[i] for i in sorted(rng.choice(len(trained), size, replace=False))]
    test_textures, train_textures = _split(textures)
    everything = [*held_out, *textures, *gallery]
    place = {id(entry): row for row, entry in enumerate(everything)}
    stylizer = Stylizer(context.model)
    weights = context.weights
    features = {
        "style embedding": (knowledge.style_feature(stylizer), f"style-{stylizer.model.fingerprint}"),
        "Inception-v3, pooled": (
            knowledge.inception_feature(weights / "inception_v3_mixed_6e.safetensors"), "inception",
        ),
        "Gram matrices": (
            knowledge.gram_feature("vgg19-small", weights / "vgg19_small16x_conv4_1.safetensors"), "gram",
        ),
        "colors": (knowledge.color_feature, "colors"),
    }  # fmt: skip
    scores = []
    for name, (feature, cache) in features.items():
        path = context.results / "features" / f"{cache}-{context.side}.npz"
        rows, good = knowledge.compute(everything, feature, context.side, path, context.reporter(name))
        usable = {key: row for key, row in place.items() if good[row]}
        pick = partial(_labelled, rows, usable)
        shown, labels = pick(gallery, "movement", 5)
        asked, wanted = pick([entry for entry in held_out if entry.columns["movement"] in labels], "movement")
        scores.append(knowledge.judge(name, "movement, unseen artists", shown, labels, asked, wanted))
        scores.append(knowledge.judge(name, "artist, unseen artists", *pick(held_out, "artist", 3)))
        shown, labels = pick(train_textures, "class", 5)
        asked, wanted = pick([entry for entry in test_textures if entry.columns["class"] in labels], "class")
        scores.append(knowledge.judge(name, "texture class, unseen", shown, labels, asked, wanted))
        scores.append(knowledge.judge(name, "texture class, all", *pick(textures, "class", 5)))
    scores.sort(key=lambda score: score.label)
    if context.out:
        knowledge.scores_figure(scores, context.out / "knowledge.png")
    return knowledge.scores_text(scores)


def _labelled(
    rows: knowledge.Features, usable: dict[int, int], entries: Sequence[Entry], column: str, least: int = 1
) -> tuple[knowledge.Features, list[str]]:
    """Rows and labels of the entries that could be read and whose label at least `least` of them have."""
    good = [entry for entry in entries if id(entry) in usable]
    good = [good[i] for i in knowledge.with_labels(good, column, least)]
    return rows[[usable[id(entry)] for entry in good]], [entry.columns[column] for entry in good]


def _split(entries: Sequence[Entry]) -> tuple[list[Entry], list[Entry]]:
    """Those of the split "test", and the others."""
    test = [entry for entry in entries if entry.columns.get("split") == "test"]
    return test, [entry for entry in entries if entry.columns.get("split") != "test"]
