"""Small models trained to answer one question each, and what became of them.

All follow one small recipe (`recipes/generalization.toml`), with the same number of steps for every setting. Every run
is kept in a folder of its own, goes on where it was broken off, and is not done again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from pasticcio.errors import OptionError
from pasticcio.experiments.losses import PAIRS, SIDE, Losses, Ruler, tensor
from pasticcio.experiments.material import SEED, Material, draw
from pasticcio.files import write_whole, writing
from pasticcio.image.picture import Array

T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}  # Student's t, by runs

Scale = Literal["linear", "log", "names"]


@dataclass(frozen=True)
class Setting:
    """A model to train.

    Attributes:
        name: of the setting, in tables.
        number: its place on an axis.
        styles: pictures trained on.
        changes: `key=value` over the recipe.
    """

    name: str
    number: float
    styles: tuple[Path, ...]
    changes: tuple[str, ...] = ()


@dataclass
class Outcome:
    """Losses of one model on several groups of styles.

    Attributes:
        setting: name.
        number: see `Setting`.
        seed: of the training run.
        groups: losses by group, such as "observed".
    """

    setting: str
    number: float
    seed: int
    groups: dict[str, Losses] = field(default_factory=dict)


def counts(material: Material, seed: int, numbers: Sequence[int] = (1, 10, 100, 1000)) -> list[Setting]:
    """How many paintings: so many drawn at random, and all."""
    files = material.files("paintings", "train")
    order = np.random.default_rng((SEED, seed)).permutation(len(files))
    chosen = [n for n in numbers if n < len(files)] + [len(files)]
    return [Setting(f"{n} paintings", n, tuple(files[i] for i in order[:n])) for n in chosen]


def kinds(material: Material, seed: int) -> list[Setting]:
    """Trained on paintings, on textures, on both."""
    paintings, textures = (tuple(material.files(kind, "train")) for kind in ("paintings", "textures"))
    # both: textures repeated, so that either kind makes half of what is seen
    repeated = textures * max(1, round(len(paintings) / len(textures)))
    return [
        Setting("paintings", 0, paintings),
        Setting("textures", 1, textures),
        Setting("both", 2, paintings + repeated),
    ]


def bottlenecks(material: Material, seed: int, widths: Sequence[int] = (25, 50, 100, 200)) -> list[Setting]:
    """Widths of the embedding."""
    files = tuple(material.files("paintings", "train"))
    return [Setting(f"{width} numbers", width, files, (f"network.embedding={width}",)) for width in widths]


def conditionings(material: Material, seed: int) -> list[Setting]:
    """The paper's network at a quarter of its channels, steered in the decoder only, or everywhere."""
    files = tuple(material.files("paintings", "train"))
    paper = ('network.transfer="paper"', "network.width=0.25", "loss.grid=0.0")
    return [
        Setting(name, number, files, (*paper, f'network.encoder="{encoder}"'))
        for number, (name, encoder) in enumerate((("decoder", "batch"), ("everywhere", "conditional")))
    ]


EXPERIMENTS: dict[str, Callable[[Material, int], list[Setting]]] = {
    "count": counts,
    "kinds": kinds,
    "bottleneck": bottlenecks,
    "conditioned": conditionings,
}


def run(
    experiment: str,
    material: Material,
    recipe: Path,
    folder: Path,
    *,
    seeds: int = 3,
    changes: Sequence[str] = (),
    pairs: int = PAIRS,
    side: int = SIDE,
    report: Callable[[str, Any], None] | None = None,
) -> Iterator[Outcome]:
    """Train and measure every setting with every seed; what is in `folder` already is taken from there.

    Args:
        experiment: one of `EXPERIMENTS`.
        recipe: the small configuration.
        folder: its `trained` has the runs, each with its result as JSON, whatever experiment they are for.
        changes: `key=value` over the recipe, for all settings.
        report: called with the name of the run and the progress of its training.

    Raises:
        OptionError: an unknown experiment.
        ConfigError, DataError, TrainingError: see `train`.
    """
    from pasticcio.training.config import read_recipe
    from pasticcio.training.model_folder import load_network
    from pasticcio.training.train import train

    if experiment not in EXPERIMENTS:
        raise OptionError(f"no experiment {experiment!r}; known: {', '.join(EXPERIMENTS)}")
    ruler: Ruler | None = None
    for seed in range(seeds):
        for setting in EXPERIMENTS[experiment](material, seed):
            styles = sorted(setting.styles)
            values = (f"seed={seed}", f"data.photos={material.photos}", *setting.changes, *changes)
            place = folder / "trained" / _digest(read_recipe(recipe, ["name=generalization", *values])[0], styles)
            result = place / "result.json"
            place.mkdir(parents=True, exist_ok=True)
            listed = place / "styles.txt"
            listed.write_text("".join(f"{path.resolve()}\n" for path in styles), encoding="utf-8")
            config = read_recipe(recipe, ["name=generalization", *values, f"out={place}", f"data.styles={listed}"])[0]
            asked = {"seed": seed, "pairs": pairs, "side": side, "steps": config.steps}
            if result.exists():
                known = json.loads(result.read_text(encoding="utf-8"))
                if known["asked"] == asked:
                    yield Outcome(setting.name, setting.number, seed, known["groups"])
                    continue
            name = f"{setting.name}, seed {seed}"
            train(config, resume=True, report=partial(report, name) if report else None)
            network = load_network(place / "model")
            ruler = ruler or Ruler(material.loss_network(), side)

            @torch.no_grad()
            def render(photo: Array, style: Array, network: Any = network) -> Array:
                image: Array = network(tensor(photo), tensor(style))[0].permute(1, 2, 0).numpy()
                return np.ascontiguousarray(image)

            rng = np.random.default_rng(SEED)
            photos = draw(material.files("photos", "test"), pairs, rng)
            groups = {
                "observed": draw(styles, pairs, rng),
                "unobserved paintings": draw(material.files("paintings", "test"), pairs, rng),
                "unobserved textures": draw(material.files("textures", "test"), pairs, rng),
            }
            outcome = Outcome(setting.name, setting.number, seed)
            for name, group in groups.items():
                outcome.groups[name] = ruler.losses(render, photos, group)
            write_whole(result, json.dumps({"asked": asked, "groups": outcome.groups}).encode())
            yield outcome


def _digest(config: Any, styles: Sequence[Path]) -> str:
    """Of what a run is trained with: experiments share the runs that they have in common."""
    told = json.dumps([dataclasses.asdict(config), [str(path) for path in styles]], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def outcomes_text(outcomes: Sequence[Outcome]) -> str:
    """Median style loss and mean content loss by setting and group, and style losses of groups over that of the first:
    means over seeds and 95% intervals.
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
    """Median style loss against the settings' numbers; bars are 95% intervals over seeds.

    Args:
        outcomes: see `run`.
        out: .png.
        label: of the settings.
        scale: of their numbers, joined by a line for each group; "names" have none, and are not joined.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    settings = sorted({(outcome.number, outcome.setting) for outcome in outcomes})
    groups = list(outcomes[0].groups)
    for place, group in enumerate(groups):
        means, bars = [], []
        for _, setting in settings:
            runs = [one for one in outcomes if one.setting == setting]
            values = [float(np.median(one.groups[group]["style"])) for one in runs]
            means.append(np.mean(values))
            bars.append(half_width(values) if len(values) > 1 else 0.0)
        aside = 0.1 * (place - (len(groups) - 1) / 2) if scale == "names" else 0.0
        axes.errorbar(
            [number + aside for number, _ in settings], means, bars, marker="o", capsize=3, label=group,
            linestyle="none" if scale == "names" else "-",
        )  # fmt: skip
    if scale == "log":
        axes.set_xscale("log")
    else:
        axes.set_xticks(
            [number for number, _ in settings],
            [name if scale == "names" else f"{number:g}" for number, name in settings],
        )
    axes.set(xlabel=label, ylabel="style loss, median")
    axes.legend(frameon=False)
    with writing(out) as partial:
        figure.savefig(partial, format="png")


def interval(values: Sequence[float]) -> str:
    """Mean and half the width of the 95% confidence interval (Student's t)."""
    if len(values) < 2:
        return f"{values[0]:.3f}"
    return f"{np.mean(values):.3f} ± {half_width(values):.3f}"


def half_width(values: Sequence[float]) -> float:
    """Half the width of the 95% confidence interval of a mean."""
    return float(T95.get(len(values), 2.0) * np.std(values, ddof=1) / np.sqrt(len(values)))
