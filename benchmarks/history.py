"""Losses and seconds of earlier methods and ours: optimization, networks of one style, of N styles, of any style.

    python benchmarks/history.py --single runs/single/model --multi runs/multi/model \
        --results runs/history.json --out docs/history

There are two lists of 20 pairs of center crops. "known": each photo of `pairs.py` with a painting that all networks
were trained on (those of --single or --tuned in turn, or else those of --multi). "unseen": each photo with a painting
or texture that no network was trained on; a network of fixed styles then renders all its styles, and the output with
the lowest style loss counts. Each measurement is kept in --results, and not repeated for the same model.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import torch
from pairs import PHOTOS, STYLES, find, pairs, square

from pasticcio.baselines.descent import Descent, Step
from pasticcio.baselines.objective import Objective
from pasticcio.baselines.settings import LOSS, Settings
from pasticcio.files import write_whole
from pasticcio.image.picture import Array, as_batch
from pasticcio.kept import Kept
from pasticcio.nn.losses import LossConfig, perceptual_loss
from pasticcio.nn.vgg import Vgg
from pasticcio.render.adapt import Sketch
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.pretrained import load_vgg

MARKS = (10, 30, 100, 300, 1000)
SETS = ("known", "unseen")
STARTS = ("photo", "network")
KNOWING = ("single", "tuned", "multi")  # networks of fixed styles
CLAIM = 300  # iterations from the photo; the report says when a start from the network's output reaches their loss
PLAIN = LossConfig({"relu4_1": 1.0}, dict.fromkeys(LOSS.style, 1 / len(LOSS.style)), relative=True)
Results = dict[str, Any]


@dataclass(frozen=True)
class Pair:
    """A photo and a painting, (S, S, 3) in [0, 1], with the painting's name and its place in the list."""

    number: int
    photo: Array
    style: Array
    name: str


@dataclass(frozen=True)
class Network:
    """A model and its name in the table.

    Attributes:
        label: the name.
        stylizer: of the model.
        adapt: steps in which a style is fitted to the photo, see `Options`.
    """

    label: str
    stylizer: Stylizer
    adapt: int = 0

    def render(self, pair: Pair, judge: Judge) -> tuple[Array, float, str]:
        """The output, the seconds of a second run (with embedding the painting), and the name of the style used."""
        styles = self.stylizer.model.styles
        if not self.stylizer.model.table:
            image, seconds = _timed(lambda: self._picture(pair))
            return image, seconds, pair.name
        if pair.name in styles:
            image, seconds = _timed(lambda: self.stylizer.render(pair.photo, styles[pair.name].embedding))
            return image, seconds, pair.name
        made = {
            name: _timed(lambda s=style: self.stylizer.render(pair.photo, s.embedding))
            for name, style in styles.items()
        }
        nearest = min(made, key=lambda name: judge(made[name][0])["style"])
        return *made[nearest], nearest

    def _picture(self, pair: Pair) -> Array:
        style = self.stylizer.embed(pair.style, side=len(pair.style)).embedding
        if self.adapt:
            view = np.ascontiguousarray(as_batch(pair.style))
            style = Sketch(self.stylizer, pair.photo).fit(style, view, self.adapt)
        return self.stylizer.render(pair.photo, style)


class Judge:
    """Losses of a pair's outputs: "loss" of the training, "content" at relu4_1, "style" as in docs/benchmarks.md."""

    def __init__(self, vgg: Vgg, pair: Pair) -> None:
        self.objective = Objective(vgg, pair.photo, [(pair.style, 1.0)])

    @torch.no_grad()
    def __call__(self, image: Array) -> dict[str, float]:
        objective = self.objective
        x = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None].to(objective.device)
        features = objective.features(x)
        plain = perceptual_loss(features, objective.content, objective.grams, PLAIN)
        total = perceptual_loss(features, objective.content, objective.grams, LOSS)
        return {
            "loss": float(total["content"] + total["style"]),
            "content": float(plain["content"]),
            "style": float(plain["style"]),
        }


def main() -> None:
    arguments = parse()
    results: Results = {}
    if arguments.results and arguments.results.exists():
        results = json.loads(arguments.results.read_text())
    if not (arguments.shared / "data/photos.csv").exists():
        sys.exit(f"the benchmark needs the shared data, which is not at {arguments.shared}; name it with --shared")

    def save() -> None:
        if arguments.results:
            arguments.results.parent.mkdir(parents=True, exist_ok=True)
            write_whole(arguments.results, json.dumps(results).encode())

    device = torch.device(arguments.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    weights = arguments.shared / "weights/vgg19_normalised_conv4_1.safetensors"
    vgg = load_vgg("vgg19-normalised", LOSS.layers(), str(weights), padding="reflect").to(device)
    vgg = vgg.to(memory_format=torch.channels_last)
    arbitrary = Network("arbitrary", Stylizer(arguments.model))
    arbitrary.stylizer.style_grams = Kept(0)  # what a painting takes is a part of the seconds
    folders = {label: getattr(arguments, label) for label in KNOWING}
    known = {label: [Stylizer(folder) for folder in named] for label, named in folders.items() if named}
    for kind in arguments.sets:
        for pair in pairs_of(kind, arguments, known):
            networks = [arbitrary] + [replace(arbitrary, label="fitted", adapt=arguments.adapt)] * bool(arguments.adapt)
            for label, family in known.items():  # of several, the one of this painting, or else each in turn
                own = [s for s in family if pair.name in s.model.styles]
                networks.append(Network(label, own[0] if own else family[pair.number % len(family)]))
            measure(kind, pair, networks, vgg, arguments.iterations, arguments.starts, results, save)
    print(report(results))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        figure(results, arguments.out / "seconds.png")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of the shared data")
    parser.add_argument("--model", default="fast", help="the arbitrary model, whose output optimization starts from")
    parser.add_argument("--adapt", type=int, default=0, help="steps in which its styles are also fitted to the photo")
    parser.add_argument("--single", nargs="+", default=[], help="folders of networks of one style")
    parser.add_argument("--tuned", nargs="+", default=[], help="the same, trained from the arbitrary model")
    parser.add_argument("--multi", nargs="+", default=[], help="folders of networks of N styles")
    parser.add_argument("--pairs", type=int, default=20, help="take the first PAIRS of each list")
    parser.add_argument("--iterations", type=int, nargs="*", default=list(MARKS), help="none: only the networks")
    parser.add_argument("--starts", nargs="+", default=STARTS, choices=STARTS)
    parser.add_argument("--sets", nargs="+", default=SETS, choices=SETS)
    parser.add_argument("--size", type=int, default=256, help="side in pixels")
    parser.add_argument("--device", default="", help="torch device of the optimization")
    parser.add_argument("--results", type=Path, help="JSON file that keeps the measurements")
    parser.add_argument("--out", type=Path, help="folder of the figure")
    return parser.parse_args()


def pairs_of(kind: str, arguments: argparse.Namespace, known: dict[str, list[Stylizer]]) -> list[Pair]:
    """The pairs of a list."""
    if kind == "unseen":
        chosen = [(PHOTOS[p], STYLES[s]) for p, s in sorted(pairs(len(STYLES)))]
    else:
        family = next(iter(known.values()), [])
        names = [name for stylizer in family for name in stylizer.model.styles]
        if not names:
            sys.exit("the list 'known' needs --single, --tuned or --multi; or choose --sets unseen")
        chosen = [(photo, f"{names[i % len(names)]}.jpg") for i, photo in enumerate(PHOTOS)]
    found = []
    for number, (photo, style) in enumerate(chosen[: arguments.pairs]):
        images = [square(find(arguments.shared, name), arguments.size) for name in (photo, style)]
        found.append(Pair(number, *images, Path(style).stem))
    return found


def measure(
    kind: str,
    pair: Pair,
    networks: Sequence[Network],
    vgg: Vgg,
    marks: Sequence[int],
    starts: Sequence[str],
    results: Results,
    save: Callable[[], None],
) -> None:
    """Measure for one pair what is not in the results yet."""
    judge = Judge(vgg, pair)
    place = f"{kind} {pair.number}"
    if f"{place} photo" not in results:
        results[f"{place} photo"] = {**judge(pair.photo), "seconds": 0.0}
    for network in networks:
        key, made = f"{place} {network.label}", {"model": network.stylizer.model.fingerprint, "adapt": network.adapt}
        if {name: results.get(key, {}).get(name, 0) for name in made} != made:
            image, seconds, style = network.render(pair, judge)
            row = {**judge(image), "seconds": seconds, "style used": style, "label": network.label, **made}
            results[key] = row
            save()
    for start in starts if marks else ():
        key = f"{place} optimization from {start}"
        model = networks[0].stylizer.model.fingerprint if start == "network" else ""
        there = results.get(key, {"trace": (), "model": ""})
        if len(there["trace"]) >= max(marks) and there["model"] == model:
            continue
        image = pair.photo if start == "photo" else networks[0]._picture(pair)
        results[key] = {**optimization(judge, image, marks), "model": model}
        save()
        progress(f"{place}, {start}: {results[key]['trace'][-1]:.3f} after {max(marks)} iterations")


def optimization(judge: Judge, start: Array, marks: Sequence[int]) -> dict[str, Any]:
    """One optimization to the last mark: lowest loss and seconds at every iteration, all losses at the marks."""
    trace: list[float] = []
    seconds: list[float] = []
    figures: dict[str, dict[str, float]] = {}

    def report(step: Step) -> None:
        trace.append(round(step.best, 5))
        seconds.append(round(step.seconds, 3))
        if step.iteration in marks:
            figures[str(step.iteration)] = judge(step.image())

    objective = judge.objective
    first = torch.from_numpy(np.ascontiguousarray(start.transpose(2, 0, 1)))[None].to(objective.device)
    descent = Descent(objective, first, Settings(iterations=max(marks)), report=report)
    descent.run()
    if descent.interrupted:
        raise KeyboardInterrupt
    return {"trace": trace, "clock": seconds, "marks": figures}


def reached(trace: Sequence[float], loss: float) -> float:
    """The first iteration (from 1) with at most this loss; infinite if there is none."""
    return next((float(i) for i, value in enumerate(trace, start=1) if value <= loss), math.inf)


def rows(results: Results, kind: str) -> dict[str, list[dict[str, float]]]:
    """The measurements of a list of pairs, by the row of its table."""
    found: dict[str, list[dict[str, float]]] = {"untouched photo": []}
    lines: dict[str, list[dict[str, float]]] = {}
    for key, values in results.items():
        if not key.startswith(f"{kind} "):
            continue
        name = key.split(" ", 2)[2]
        if name.startswith("optimization"):
            for mark, figures in values["marks"].items():
                taken = {**figures, "seconds": values["clock"][int(mark) - 1]}
                lines.setdefault(f"{name}, {mark} iterations", []).append(taken)
        else:
            found.setdefault("untouched photo" if name == "photo" else values["label"], []).append(values)
    ordered = sorted(lines, key=lambda line: (line.split(",")[0], int(line.split()[-2])))
    return found | {line: lines[line] for line in ordered}


def report(results: Results) -> str:
    """The tables of both lists with their conclusions, in Markdown."""
    lines = []
    for kind in SETS:
        table = rows(results, kind)
        if not table["untouched photo"]:
            continue
        lines += ["", f"### {kind}: {len(table['untouched photo'])} pairs", ""]
        names = "method", "pairs", "loss mean", "median", "content relu4_1", "style mean", "median", "seconds"
        lines += ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]
        for name, found in table.items():
            loss, content, style, seconds = (
                [row[key] for row in found] for key in ("loss", "content", "style", "seconds")
            )
            lines.append(
                f"| {name} | {len(found)} | {np.mean(loss):.2f} | {np.median(loss):.2f} | {np.mean(content):.3f} | "
                f"{np.mean(style):.3f} | {np.median(style):.3f} | {np.median(seconds):.3g} |"
            )
        lines += ["", *answers(results, kind)]
    return "\n".join(lines)


def answers(results: Results, kind: str) -> list[str]:
    """How many iterations reach the loss of a forward pass, and how many a start from its output saves."""
    worth: dict[str, list[float]] = {}
    saved: dict[int, list[float]] = {}  # by iterations from the photo; not all pairs have the same number
    from_photos = [v["trace"] for k, v in results.items() if k.startswith(f"{kind} ") and k.endswith("from photo")]
    counts = sorted({min(CLAIM, len(trace)) for trace in from_photos})
    for key, values in results.items():
        if not key.startswith(f"{kind} ") or key.endswith(" photo"):
            continue
        place = " ".join(key.split(" ", 2)[:2])
        from_photo = results.get(f"{place} optimization from photo", {}).get("trace")
        if from_photo and "label" in values:
            worth.setdefault(values["label"], []).append(reached(from_photo, values["loss"]))
        if from_photo and key.endswith("from network"):
            for count in (n for n in counts if n <= len(from_photo)):
                saved.setdefault(count, []).append(reached(values["trace"], from_photo[count - 1]))
    lines = [
        f"- One forward pass of {label} is worth {_spread(found)} iterations of optimization from the photo."
        for label, found in worth.items()
    ]
    for count, found in saved.items():
        lines.append(
            f"- The loss that {count} iterations from the photo reach is reached from the network's output after "
            f"{_spread(found)}; in at most a third of them for "
            f"{sum(3 * s <= count for s in found)} of {len(found)} pairs."
        )
    return lines


def _spread(values: Sequence[float]) -> str:
    def text(value: float) -> str:
        return f"{value:g}" if math.isfinite(value) else "more than all"

    return (
        f"{text(statistics.median_low(values))} (median of {len(values)}; {text(min(values))} to {text(max(values))})"
    )


def figure(results: Results, path: Path) -> None:
    """Draw medians of loss over seconds, both logarithmic: lines for optimization, points for networks."""
    kinds = [kind for kind in SETS if rows(results, kind)["untouched photo"]]
    chart, axes = plt.subplots(1, len(kinds), figsize=(5.2 * len(kinds), 4.4), squeeze=False, sharey=True)
    for axis, kind in zip(axes[0], kinds, strict=True):
        for start in STARTS:
            end = f"optimization from {start}"
            found = [v for k, v in results.items() if k.startswith(f"{kind} ") and k.endswith(end)]
            for length in sorted({len(v["trace"]) for v in found}):  # not all pairs have the same number of iterations
                going = [v for v in found if len(v["trace"]) >= length]
                losses, clock = (np.median([v[key][:length] for v in going], axis=0) for key in ("trace", "clock"))
                style = {"color": f"C{STARTS.index(start)}", "ls": "-" if len(going) == len(found) else "--"}
                axis.plot(clock, losses, label=f"{end}, {len(going)} pairs", **style)
        for name, values in rows(results, kind).items():
            if name not in ("untouched photo",) and "optimization" not in name:
                point = [np.median([row[key] for row in values]) for key in ("seconds", "loss")]
                axis.plot(*point, "o", label=name)
        axis.axhline(
            np.median([row["loss"] for row in rows(results, kind)["untouched photo"]]), color="gray", lw=0.8, ls=":"
        )
        axis.set(title=f"styles {'trained on' if kind == 'known' else 'not trained on'}", xscale="log", yscale="log")
        axis.set_xlabel("seconds")
        axis.grid(alpha=0.3)
    axes[0][0].set_ylabel("loss, median over pairs (dotted: the photo)")
    axes[0][-1].legend(fontsize=8)
    chart.tight_layout()
    chart.savefig(path, dpi=90)
    plt.close(chart)


def _timed(render: Callable[[], Array]) -> tuple[Array, float]:
    render()
    begun = time.perf_counter()
    image = render()
    return image, time.perf_counter() - begun


def progress(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
