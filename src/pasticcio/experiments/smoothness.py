"""How smoothly outputs change between two styles, and with the strength: the experiment "smoothness".

Ways are straight lines between embeddings, or those of strength. The comparison is to blend the pixels of the two
ends: that is the straight line in the space of pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pasticcio.baselines.settings import PLAIN
from pasticcio.experiments.context import Context
from pasticcio.experiments.material import Material, read_square
from pasticcio.experiments.measures import SEED, Features, content_and_style
from pasticcio.nn.losses import gram_targets
from pasticcio.nn.tensors import to_batch
from pasticcio.progress import Report
from pasticcio.render.strength import at_strength
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.figure import figure
from pasticcio.style.style import towards

STEPS = 11  # of a way, with both ends
SETTLED = 0.02  # share of the range of a loss; smaller changes are no change of direction


@dataclass(frozen=True)
class Way:
    """Measures of the outputs along one way, in equal steps from one picture to another.

    Attributes:
        length: sum of the perceptual distances between neighbors, over the distance between the ends. 1 is the
            shortest, if the distance is a metric.
        evenness: the largest step over the mean step; 1 is even.
        style: style loss of every output for the style at the end of the way, (STEPS,), see `content_and_style`.
        content: content loss of every output, (STEPS,).
    """

    length: float
    evenness: float
    style: NDArray[np.float64]
    content: NDArray[np.float64]

    @property
    def monotone_style(self) -> bool:
        """Whether the style loss never rises on the way by more than 2% of its range."""
        return _monotone(-self.style)

    @property
    def monotone_content(self) -> bool:
        """Whether the content loss never falls on the way by more than 2% of its range."""
        return _monotone(self.content)


Ways = dict[str, list[Way]]


def run(context: Context) -> str:
    """The experiment: its table."""
    ways = smoothness(
        Stylizer(context.model),
        context.material,
        pairs=context.amount or 20,
        side=context.side,
        report=context.reporter("ways"),
    )
    if context.out:
        ways_figure(ways, context.out / "smoothness.png")
    return ways_text(ways)


def smoothness(
    stylizer: Stylizer, material: Material, *, pairs: int = 20, side: int = 192, report: Report | None = None
) -> Ways:
    """Follow ways between pictures, drawn with a fixed seed.

    "styles": from one style to another, on the straight line between their embeddings. "strength": from the photo's
    own style to a style, see `at_strength`. "styles, pixels" and "strength, pixels": between the same two outputs,
    blending their pixels.

    Args:
        stylizer: the model.
        material: the pictures, of which the test photos, paintings and textures are used, and the loss network.
        pairs: ways of each kind.
        side: of photos and styles, in pixels.
        report: called after every pair.
    """
    photos = material.files("photos", "test")
    styles = material.files("paintings", "test") + material.files("textures", "test")
    network = material.loss_network()
    rng = np.random.default_rng(SEED)
    offsets = np.linspace(0.0, 1.0, STEPS, dtype=np.float32)
    ways: Ways = {"styles": [], "styles, pixels": [], "strength": [], "strength, pixels": []}
    for number in range(pairs):
        photo = read_square(photos[int(rng.integers(len(photos)))], side)
        first, last = (read_square(styles[int(i)], side) for i in rng.choice(len(styles), 2, replace=False))
        own, start, end = (stylizer.embed(picture, side=side).embedding for picture in (photo, first, last))
        with torch.no_grad():
            grams, content = gram_targets(network(to_batch(last)), PLAIN), network(to_batch(photo))
            ways_between = {
                "styles": [towards(start, end, offset) for offset in offsets],
                "strength": [at_strength(stylizer, own, end, offset) for offset in offsets],
            }
            for name, embeddings in ways_between.items():
                images = [stylizer.render(photo, embedding) for embedding in embeddings]
                blended = [images[0] + offset * (images[-1] - images[0]) for offset in offsets]
                for kind, shown in ((name, images), (f"{name}, pixels", blended)):
                    ways[kind].append(_follow([network(to_batch(image)) for image in shown], content, grams))
        if report:
            report(number + 1, pairs)
    return ways


def perceptual_distance(a: Features, b: Features) -> float:
    """Root mean squared difference of features that have length 1 at every position, added over the layers.

    That is the distance of Zhang et al. 2018 without its learned weights.

    Args:
        a, b: of two pictures, by layer, (1, C, H, W).
    """
    total = 0.0
    for layer in a:
        one, two = (x / x.norm(dim=1, keepdim=True).clamp_min(1e-6) for x in (a[layer], b[layer]))
        total += float((one - two).square().sum(1).mean().sqrt())
    return total


def ways_text(ways: Ways) -> str:
    """Means over ways with their 95% confidence intervals, in Markdown."""
    lines = [
        "| way | length over direct distance | largest step over mean step | style loss never rises | "
        "content loss never falls | ways |",
        "|---|---|---|---|---|---|",
    ]
    for kind, found in ways.items():
        length, evenness = ([getattr(way, name) for way in found] for name in ("length", "evenness"))
        style = 100 * np.mean([way.monotone_style for way in found])
        content = 100 * np.mean([way.monotone_content for way in found])
        last = f"{content:.0f}%" if kind.startswith("strength") else ""
        lines.append(f"| {kind} | {_mean(length)} | {_mean(evenness)} | {style:.0f}% | {last} | {len(found)} |")
    return "\n".join(lines)


def ways_figure(ways: Ways, out: Path) -> None:
    """Style and content loss against the strength, of outputs and of blended pixels, as a .png: medians, quartiles."""
    losses: list[tuple[str, Callable[[Way], NDArray[np.float64]]]] = [
        ("style loss", lambda way: way.style),
        ("content loss, relu4_1", lambda way: way.content),
    ]
    with figure(out, 9, 3.6) as drawn:
        for axes, (title, pick) in zip(drawn.subplots(1, 2), losses, strict=True):
            for color, kind in (("C0", "strength"), ("C1", "strength, pixels")):
                lines = np.array([pick(way) for way in ways[kind]])
                offsets = np.linspace(0, 1, lines.shape[1])
                axes.plot(offsets, np.median(lines, axis=0), color=color, label=kind)
                axes.fill_between(offsets, *np.quantile(lines, [0.25, 0.75], axis=0), color=color, alpha=0.2, lw=0)
            axes.set(xlabel="strength", title=title)
            axes.legend(frameon=False)


def _follow(features: Sequence[Features], content: Features, grams: Features) -> Way:
    steps = [perceptual_distance(a, b) for a, b in pairwise(features)]
    direct = perceptual_distance(features[0], features[-1])
    losses = np.array([content_and_style(one, content, grams) for one in features])
    return Way(
        length=sum(steps) / max(direct, 1e-9),
        evenness=max(steps) / max(float(np.mean(steps)), 1e-9),
        style=losses[:, 1],
        content=losses[:, 0],
    )


def _monotone(values: NDArray[np.float64]) -> bool:
    """Whether no value is more than 2% of the range below the highest value before it."""
    fall = np.maximum.accumulate(values) - values
    return bool(fall.max() <= SETTLED * max(float(np.ptp(values)), 1e-12))


def _mean(values: Sequence[float]) -> str:
    spread = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{np.mean(values):.2f} ± {spread:.2f}"
