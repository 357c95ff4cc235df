"""The experiments that train: small models for several settings, measured on styles trained on and on others.

All settings share one small recipe, with the same number of steps. Every training run has a folder of its own. A run
that was broken off is continued, and a result that exists is not computed again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from pasticcio.experiments.context import Context
from pasticcio.experiments.loss_meter import PAIRS, Losses, LossMeter
from pasticcio.experiments.material import draw
from pasticcio.experiments.measures import SEED
from pasticcio.experiments.settings import SETTINGS, Setting
from pasticcio.files import write_whole
from pasticcio.image.picture import Array
from pasticcio.nn.tensors import to_array, to_batch
from pasticcio.space.figure import figure
from pasticcio.training.config import TrainConfig, read_recipe
from pasticcio.training.log import Progress
from pasticcio.training.model_folder import load_network
from pasticcio.training.train import train

T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}  # Student's t, by runs

Scale = Literal["linear", "log", "names"]
AXES: dict[str, tuple[str, Scale]] = {  # label and scale, by experiment
    "count": ("number of paintings trained on", "log"),
    "kinds": ("trained on", "names"),
    "bottleneck": ("numbers in the embedding", "linear"),
    "conditioned": ("normalizations that the style steers", "names"),
}


@dataclass
class Outcome:
    """Losses of one model on several groups of styles.

    Attributes:
        setting: its name.
        number: see `Setting`.
        seed: of the training run.
        groups: losses by group, such as "observed".
    """

    setting: str
    number: float
    seed: int
    groups: dict[str, Losses] = field(default_factory=dict)


def run(experiment: str, context: Context) -> str:
    """One of the experiments in `SETTINGS`: its table.

    Raises:
        ConfigError, DataError, TrainingError: see `train`.
    """
    outcomes = list(Trials(experiment, context).outcomes())
    if context.out:
        outcomes_figure(outcomes, context.out / f"{experiment}.png", *AXES[experiment])
    return outcomes_text(outcomes)


class Trials:
    """The training runs of one experiment.

    Args:
        experiment: one of `SETTINGS`.
        context: of which `recipe`, `seeds`, `changes`, `amount`, `side` and the folders are used. The runs are in the
            folder `trained` of the results, each with its result as JSON, for all experiments that share them.
    """

    def __init__(self, experiment: str, context: Context) -> None:
        self.experiment, self.context, self.material = experiment, context, context.material
        self.pairs = context.amount or PAIRS

    def outcomes(self) -> Iterator[Outcome]:
        """Train and measure a model for every setting and seed, or read its result if it is there."""
        for seed in range(self.context.seeds):
            for setting in SETTINGS[self.experiment](self.material, seed):
                yield self._outcome(setting, seed)

    @cached_property
    def _meter(self) -> LossMeter:
        return LossMeter(self.material.loss_network(), self.context.side)

    def _outcome(self, setting: Setting, seed: int) -> Outcome:
        config, folder = self._plan(setting, seed)
        asked = {"seed": seed, "pairs": self.pairs, "side": self.context.side, "steps": config.steps}
        result = folder / "result.json"
        known = json.loads(result.read_text(encoding="utf-8")) if result.exists() else {}
        if known.get("asked") != asked:
            self._train(config, f"{setting.name}, seed {seed}")
            known = {"asked": asked, "groups": self._measure(folder / "model", setting)}
            write_whole(result, json.dumps(known).encode())
        return Outcome(setting.name, setting.number, seed, known["groups"])

    def _plan(self, setting: Setting, seed: int) -> tuple[TrainConfig, Path]:
        """The configuration of a run, and its folder, which has the list of its styles."""
        recipe, styles = self.context.recipe, sorted(setting.styles)
        changes = ["name=generalization", f"seed={seed}", f"data.photos={self.material.photos}"]
        changes += [*setting.changes, *self.context.changes]
        folder = self.context.results / "trained" / _digest(read_recipe(recipe, changes)[0], styles)
        folder.mkdir(parents=True, exist_ok=True)
        listed = folder / "styles.txt"
        listed.write_text("".join(f"{path.resolve()}\n" for path in styles), encoding="utf-8")
        return read_recipe(recipe, [*changes, f"out={folder}", f"data.styles={listed}"])[0], folder

    def _train(self, config: TrainConfig, name: str) -> None:
        shown = self.context.reporter(name)

        def report(progress: Progress) -> None:
            if shown:
                shown(progress.step, progress.steps)

        train(config, resume=True, report=report)

    def _measure(self, model: Path, setting: Setting) -> dict[str, Losses]:
        """Losses on styles trained on and on others, with the same photos for all groups."""
        network = load_network(model)

        @torch.no_grad()
        def render(photo: Array, style: Array) -> Array:
            return to_array(network(to_batch(photo), to_batch(style)))

        rng = np.random.default_rng(SEED)
        photos = draw(self.material.files("photos", "test"), self.pairs, rng)
        groups = {
            "observed": draw(sorted(setting.styles), self.pairs, rng),
            "unobserved paintings": draw(self.material.files("paintings", "test"), self.pairs, rng),
            "unobserved textures": draw(self.material.files("textures", "test"), self.pairs, rng),
        }
        return {name: self._meter.losses(render, photos, styles) for name, styles in groups.items()}


def _digest(config: TrainConfig, styles: Sequence[Path]) -> str:
    """A digest of what a run is trained with, so that experiments share the runs that they have in common."""
    told = json.dumps([dataclasses.asdict(config), [str(path) for path in styles]], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def outcomes_text(outcomes: Sequence[Outcome]) -> str:
    """Median style loss and mean content loss by setting and group, in Markdown: means over seeds and 95% intervals.

    The last columns have the style losses of the other groups over that of the first.
    """
    groups = list(outcomes[0].groups)
    head = [f"{group}: style, median | content, mean" for group in groups]
    head += [f"{group} over observed" for group in groups[1:]]
    lines = ["| setting | " + " | ".join(head) + " | seeds |", "|---" * (1 + 3 * len(groups)) + "|"]
    for setting in dict.fromkeys(outcome.setting for outcome in outcomes):
        runs = [outcome for outcome in outcomes if outcome.setting == setting]
        cells = []
        for group in groups:
            cells.append(interval([float(np.median(one.groups[group]["style"])) for one in runs]))
            cells.append(interval([float(np.mean(one.groups[group]["content"])) for one in runs]))
        medians = [{group: float(np.median(one.groups[group]["style"])) for group in groups} for one in runs]
        cells += [interval([one[group] / one[groups[0]] for one in medians]) for group in groups[1:]]
        lines.append(f"| {setting} | " + " | ".join(cells) + f" | {len(runs)} |")
    return "\n".join(lines)


def outcomes_figure(outcomes: Sequence[Outcome], out: Path, label: str, scale: Scale = "linear") -> None:
    """Median style loss against the settings' numbers, with 95% intervals over seeds, as a .png.

    Args:
        outcomes: of one experiment.
        out: the file.
        label: of the axis.
        scale: of the numbers, whose points are joined by a line for each group. With "names" the axis has the names of
            the settings, and points are not joined.
    """
    settings = sorted({(outcome.number, outcome.setting) for outcome in outcomes})
    groups = list(outcomes[0].groups)
    with figure(out, 6, 4) as drawn:
        axes = drawn.add_subplot()
        for place, group in enumerate(groups):
            means, bars = [], []
            for _, setting in settings:
                runs = [one for one in outcomes if one.setting == setting]
                values = [float(np.median(one.groups[group]["style"])) for one in runs]
                means.append(np.mean(values))
                bars.append(half_width(values) if len(values) > 1 else 0.0)
            aside = 0.1 * (place - (len(groups) - 1) / 2) if scale == "names" else 0.0
            numbers, line = [number + aside for number, _ in settings], "none" if scale == "names" else "-"
            axes.errorbar(numbers, means, bars, marker="o", capsize=3, label=group, linestyle=line)
        if scale == "log":
            axes.set_xscale("log")
        else:
            names = [name if scale == "names" else f"{number:g}" for number, name in settings]
            axes.set_xticks([number for number, _ in settings], names)
        axes.set(xlabel=label, ylabel="style loss, median")
        axes.legend(frameon=False)


def interval(values: Sequence[float]) -> str:
    """Mean and half the width of its 95% confidence interval (Student's t), as text."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ± {half_width(values):.3f}"


def half_width(values: Sequence[float]) -> float:
    """Half the width of the 95% confidence interval of a mean."""
    return float(T95.get(len(values), 2.0) * np.std(values, ddof=1) / np.sqrt(len(values)))
