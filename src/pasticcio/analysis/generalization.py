"""Styles seen in training against styles not seen: of one model, and of small models trained for the purpose.

The experiments that train use `recipes/generalization.toml`: one small configuration, the same number of steps
for every setting. Every run is kept in a folder of its own, goes on where it was broken off, and is not done again.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from pasticcio.analysis.evaluate import CONTENT, STYLE
from pasticcio.analysis.smoothness import square
from pasticcio.analysis.table import Report, find_pictures
from pasticcio.errors import DataError, OptionError, PasticcioError
from pasticcio.images import Array, writing
from pasticcio.nn.losses import LossConfig, content_loss, gram_matrix, gram_targets, perceptual_loss, style_loss
from pasticcio.nn.vgg import Vgg
from pasticcio.stylizer import Stylizer
from pasticcio.weights import load_vgg

SEED = 2017
SIDE = 192  # side in pixels at which losses are measured
PAIRS = 60
KEPT = 200  # pictures
T95 = {2: 12.71, 3: 4.30, 4: 3.18, 5: 2.78, 6: 2.57, 7: 2.45, 8: 2.36, 9: 2.31, 10: 2.26}  # Student's t, by runs

Losses = dict[str, list[float]]  # "content" (relu4_1) and "style", one value a pair
Scale = Literal["linear", "log", "names"]
Render = Callable[[Array, Array], Array]  # photo and style to output


@dataclass(frozen=True)
class Material:
    """The pictures of the experiments: tables with a column "split".

    Attributes:
        photos, paintings, textures: .csv tables; rows of split "train" may be trained on.
        vgg: file of the normalised VGG-19, in which all losses are measured.
    """

    photos: Path
    paintings: Path
    textures: Path
    vgg: Path

    @classmethod
    def of(cls, data: Path, weights: Path) -> Material:
        """The tables of a data folder and the network of a weights folder, by their usual names."""
        return cls(
            data / "photos.csv", data / "paintings.csv", data / "textures.csv",
            weights / "vgg19_normalised_conv4_1.safetensors",
        )  # fmt: skip

    def files(self, kind: str, split: str) -> list[Path]:
        """Pictures of a kind ("photos", "paintings", "textures") and split.

        Raises:
            DataError: there are none.
        """
        try:
            found = [entry.path for entry in find_pictures([getattr(self, kind)], split)]
        except PasticcioError as error:
            raise DataError(f"the experiments need {getattr(self, kind)}: {error}") from error
        if not found:
            raise DataError(f"{getattr(self, kind)} has no rows of split {split!r}")
        return found


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


# -- experiment 1: one model ------------------------------------------------------------------------


def observed(
    stylizer: Stylizer,
    material: Material,
    *,
    pairs: int = PAIRS,
    optimize: int = 0,
    iterations: int = 60,
    side: int = SIDE,
    report: Report | None = None,
) -> dict[str, Losses]:
    """Losses over paintings and textures that were trained on ("observed") and that were not, with the same photos.

    Args:
        pairs: of each group.
        optimize: for the first so many pairs of each group, also what optimizing the pixels reaches.
        iterations: of L-BFGS.

    Returns:
        By group; those of the optimization under the group's name and ", optimum", and the network's on
        the same pairs under ", same pairs".
    """
    ruler = Ruler(_vgg(material), side)
    rng = np.random.default_rng(SEED)
    photos = _draw(material.files("photos", "test"), pairs, rng)
    groups = {
        f"{kind}, {name}": _draw(material.files(kind, split), pairs, rng)
        for kind in ("paintings", "textures")
        for name, split in (("observed", "train"), ("unobserved", "test"))
    }

    def render(photo: Array, style: Array) -> Array:
        return stylizer.render(photo, stylizer.embed(style, side=side).embedding)

    found: dict[str, Losses] = {}
    done, total = 0, len(groups) * (pairs + optimize)

    def step() -> None:
        nonlocal done
        done += 1
        if report:
            report(done, total)

    for name, styles in groups.items():
        found[name] = ruler.losses(render, photos, styles, step)
        if optimize:
            few = slice(0, optimize)
            found[f"{name}, optimum"] = ruler.losses(
                lambda photo, style: optimum(photo, style, ruler.vgg, iterations), photos[few], styles[few], step
            )
            found[f"{name}, same pairs"] = {key: values[few] for key, values in found[name].items()}
    return found


def optimum(photo: Array, style: Array, vgg: Vgg, iterations: int, style_weight: float = 20.0) -> Array:
    """The pixels themselves, from the photo, by L-BFGS over the default model's training loss (Gatys et al. 2015)."""
    config = LossConfig(
        content=dict.fromkeys(CONTENT, 1.0), style=dict.fromkeys(STYLE, style_weight), relative=True, logarithmic=True
    )
    with torch.no_grad():
        grams, content = gram_targets(vgg(_tensor(style)), config), vgg(_tensor(photo))
    image = _tensor(photo).requires_grad_(True)
    optimizer = torch.optim.LBFGS([image], max_iter=iterations, max_eval=iterations * 5 // 4, history_size=20)

    def closure() -> Tensor:
        optimizer.zero_grad()
        parts = perceptual_loss(vgg(image.clamp(0, 1)), content, grams, config)
        total = parts["content"].sum() + parts["style"].sum()
        total.backward()  # type: ignore[no-untyped-call]
        return total

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    pixels: Array = image.detach().clamp(0, 1)[0].permute(1, 2, 0).numpy()
    return np.ascontiguousarray(pixels)


# -- experiments 2, 3 and 6: models trained for the purpose ----------------------------------------


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
    from pasticcio.training.export import load_network
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
            ruler = ruler or Ruler(_vgg(material), side)

            @torch.no_grad()
            def render(photo: Array, style: Array, network: Any = network) -> Array:
                image: Array = network(_tensor(photo), _tensor(style))[0].permute(1, 2, 0).numpy()
                return np.ascontiguousarray(image)

            rng = np.random.default_rng(SEED)
            photos = _draw(material.files("photos", "test"), pairs, rng)
            groups = {
                "observed": _draw(styles, pairs, rng),
                "unobserved paintings": _draw(material.files("paintings", "test"), pairs, rng),
                "unobserved textures": _draw(material.files("textures", "test"), pairs, rng),
            }
            outcome = Outcome(setting.name, setting.number, seed)
            for name, group in groups.items():
                outcome.groups[name] = ruler.losses(render, photos, group)
            with writing(result) as new:
                new.write_text(json.dumps({"asked": asked, "groups": outcome.groups}), encoding="utf-8")
            yield outcome


def _digest(config: Any, styles: Sequence[Path]) -> str:
    """Of what a run is trained with: experiments share the runs that they have in common."""
    told = json.dumps([dataclasses.asdict(config), [str(path) for path in styles]], sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def _vgg(material: Material) -> Vgg:
    return load_vgg("vgg19-normalised", sorted({*CONTENT, *STYLE}), str(material.vgg), padding="reflect")


class Ruler:
    """Measures outputs: content loss (relu4_1) and relative squared Gram distance. What the latest pictures are
    measured against is kept.

    Args:
        vgg: the normalised VGG-19.
        side: of photos and styles, in pixels.
    """

    def __init__(self, vgg: Vgg, side: int = SIDE) -> None:
        self.vgg, self.side = vgg, side
        self._photo, self._style = lru_cache(KEPT)(self._read_photo), lru_cache(KEPT)(self._read_style)

    def losses(
        self,
        render: Render,
        photos: Sequence[Path],
        styles: Sequence[Path],
        step: Callable[[], None] | None = None,
    ) -> Losses:
        """Losses of photo after photo in the manner of style after style."""
        found: Losses = {"content": [], "style": []}
        for photo_path, style_path in zip(photos, styles, strict=True):
            (photo, content), (style, grams) = self._photo(photo_path), self._style(style_path)
            loss, distance = self._compare(render(photo, style), content, grams)
            found["content"].append(loss)
            found["style"].append(distance)
            if step:
                step()
        return found

    def measure(self, output: Array, photo: Array, style: Array) -> tuple[float, float]:
        """Content loss and style distance of one output."""
        return self._compare(output, self._content(photo), self._grams(style))

    @torch.no_grad()
    def _compare(self, output: Array, content: Tensor, grams: dict[str, Tensor]) -> tuple[float, float]:
        features = self.vgg(_tensor(output))
        distances = [style_loss(gram_matrix(features[k]), grams[k], relative=True).item() for k in STYLE]
        return content_loss(features[CONTENT[-1]], content).item(), float(np.mean(distances))

    def _read_photo(self, path: Path) -> tuple[Array, Tensor]:
        photo = square(path, self.side)
        return photo, self._content(photo)

    def _read_style(self, path: Path) -> tuple[Array, dict[str, Tensor]]:
        style = square(path, self.side)
        return style, self._grams(style)

    @torch.no_grad()
    def _content(self, photo: Array) -> Tensor:
        target: Tensor = self.vgg(_tensor(photo))[CONTENT[-1]]
        return target

    @torch.no_grad()
    def _grams(self, style: Array) -> dict[str, Tensor]:
        features = self.vgg(_tensor(style))
        return {layer: gram_matrix(features[layer]) for layer in STYLE}


# -- tables and figures ------------------------------------------------------------------------------


def observed_text(found: dict[str, Losses]) -> str:
    """Means, medians and quartiles by group, in Markdown, and the ratio of unobserved to observed."""
    lines = ["| styles | pairs | content, mean | style, mean | median | quartiles |", "|---|---|---|---|---|---|"]
    for name, values in found.items():
        style = np.array(values["style"])
        low, middle, high = np.quantile(style, [0.25, 0.5, 0.75])
        lines.append(
            f"| {name} | {len(style)} | {np.mean(values['content']):.3f} | {style.mean():.3f} | {middle:.3f} | "
            f"{low:.3f} to {high:.3f} |"
        )
    lines.append("")
    for kind in ("paintings", "textures"):
        seen, unseen = (np.array(found[f"{kind}, {name}"]["style"]) for name in ("observed", "unobserved"))
        draws = np.random.default_rng(SEED).integers(len(seen), size=(2000, len(seen)))
        ratios = np.median(unseen[draws], axis=1) / np.median(seen[draws], axis=1)  # of the same photos
        low, high = np.quantile(ratios, [0.025, 0.975])
        lines.append(
            f"{kind.capitalize()}: median style loss of unobserved over observed styles "
            f"{np.median(unseen) / np.median(seen):.2f} (middle 95% of bootstrap draws {low:.2f} to {high:.2f})."
        )
    return "\n".join(lines)


def observed_figure(found: dict[str, Losses], out: Path) -> None:
    """Distributions of style and content loss by group, .png."""
    from matplotlib.figure import Figure
    from matplotlib.ticker import LogLocator

    figure = Figure(figsize=(9, 3.6), dpi=120, layout="constrained")
    for axes, key in zip(figure.subplots(1, 2), ("style", "content"), strict=True):
        for number, name in enumerate(name for name in found if name.count(",") == 1):
            values = np.sort(found[name][key])
            axes.plot(values, np.linspace(0, 1, len(values)), color=f"C{number // 2}", ls="-:"[number % 2],
                      label=name)  # fmt: skip
        axes.set(xscale="log", xlabel=f"{key} loss", ylabel="share of pairs below")
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 3, 5)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter("")
    axes.legend(frameon=False, fontsize=8)
    with writing(out) as partial:
        figure.savefig(partial, format="png")


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


def _draw(files: Sequence[Path], count: int, rng: np.random.Generator) -> list[Path]:
    """So many at random; each of them once before any twice."""
    rounds = -(-count // len(files))
    order = np.concatenate([rng.permutation(len(files)) for _ in range(rounds)])
    return [files[int(i)] for i in order[:count]]


def _tensor(image: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32))
