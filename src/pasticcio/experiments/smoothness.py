"""How smoothly pictures change along straight lines in the space of styles, and along strength.

Beside it: blending the pixels of the two ends, which is the straight line in the space of pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pasticcio.experiments.evaluate import STYLE, relative_gram_distance
from pasticcio.image.picture import Array
from pasticcio.nn.losses import content_loss
from pasticcio.render.embedder import style_view
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embeddings import Report, open_reduced
from pasticcio.style.style import towards
from pasticcio.training.pretrained import load_vgg

LAYERS = sorted({*STYLE, "relu3_3"})
STEPS = 11
SEED = 2017
SETTLED = 0.02  # changes of a loss by less than this share of its whole range are no change of direction

Features = dict[str, Tensor]


@dataclass(frozen=True)
class Way:
    """One way from one picture to another.

    Attributes:
        length: perceptual distances between neighbors, added up, over the distance of the ends: 1 is as short as
            it can be, if the distance is a metric.
        evenness: the largest step over the mean step: 1 is even.
        style: relative squared Gram distance to the style at the end, at every step (STEPS,).
        content: mean squared difference at relu4_1 from the photo, at every step (STEPS,).
    """

    length: float
    evenness: float
    style: NDArray[np.float64]
    content: NDArray[np.float64]

    @property
    def monotone_style(self) -> bool:
        """Whether style loss never rises on the way, but for changes of 2% of its range."""
        return _monotone(-self.style)

    @property
    def monotone_content(self) -> bool:
        """Whether content loss never falls on the way, but for changes of 2% of its range."""
        return _monotone(self.content)


Ways = dict[str, list[Way]]


def smoothness(
    stylizer: Stylizer,
    photos: Sequence[Path],
    styles: Sequence[Path],
    vgg: Path,
    *,
    pairs: int = 20,
    side: int = 192,
    report: Report | None = None,
) -> Ways:
    """Follow ways between pictures, drawn with a fixed seed.

    "styles": from one style to another in a straight line through their embeddings. "strength": from the
    photo's own style to a style. To each, "styles, pixels" and "strength, pixels": between the same two
    pictures by blending their pixels.

    Perceptual distance: features at five layers of the normalised VGG-19, every position brought to
    length 1, root of the mean squared difference, added over the layers (Zhang et al. 2018, without
    their learned weights).

    Args:
        photos, styles: files.
        vgg: file of the normalised VGG-19.
        pairs: ways of each kind.
        side: of photos and styles, which are cut to their square middle.
    """
    network = load_vgg("vgg19-normalised", LAYERS, str(vgg), padding="reflect")
    rng = np.random.default_rng(SEED)
    offsets = np.linspace(0.0, 1.0, STEPS, dtype=np.float32)
    ways: Ways = {"styles": [], "styles, pixels": [], "strength": [], "strength, pixels": []}
    for number in range(pairs):
        photo = square(photos[int(rng.integers(len(photos)))], side)
        first, last = (square(styles[int(i)], side) for i in rng.choice(len(styles), 2, replace=False))
        own, start, end = (stylizer.embed(picture, side=side).embedding for picture in (photo, first, last))
        with torch.no_grad():
            target, content = network(_tensor(last)), network(_tensor(photo))
            for name, begin in (("styles", start), ("strength", own)):
                images = [stylizer.render(photo, towards(begin, end, offset)) for offset in offsets]
                blended = [images[0] + offset * (images[-1] - images[0]) for offset in offsets]
                for kind, shown in ((name, images), (f"{name}, pixels", blended)):
                    ways[kind].append(_follow([network(_tensor(image)) for image in shown], target, content))
        if report:
            report(number + 1, pairs)
    return ways


def square(path: Path, side: int) -> Array:
    """The square middle of a picture, (side, side, 3)."""
    image = style_view(open_reduced(path, side), side)
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])


def perceptual_distance(a: Features, b: Features) -> float:
    """See `smoothness`."""
    total = 0.0
    for layer in a:
        one, two = (x / x.norm(dim=1, keepdim=True).clamp_min(1e-6) for x in (a[layer], b[layer]))
        total += float((one - two).square().sum(1).mean().sqrt())
    return total


def ways_text(ways: Ways) -> str:
    """The figures in Markdown: means over ways, with their 95% confidence intervals."""
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
    """Style and content loss along strength, .png: the way through embeddings and blended pixels."""
    from matplotlib.figure import Figure

    from pasticcio.files import writing

    figure = Figure(figsize=(9, 3.6), dpi=120, layout="constrained")
    offsets = np.linspace(0, 1, STEPS)
    losses: list[tuple[str, Callable[[Way], NDArray[np.float64]]]] = [
        ("style loss", lambda way: way.style),
        ("content loss, relu4_1", lambda way: way.content),
    ]
    for axes, (title, pick) in zip(figure.subplots(1, 2), losses, strict=True):
        for color, kind in (("C0", "strength"), ("C1", "strength, pixels")):
            lines = np.array([pick(way) for way in ways[kind]])
            axes.plot(offsets, np.median(lines, axis=0), color=color, label=kind)
            axes.fill_between(offsets, *np.quantile(lines, [0.25, 0.75], axis=0), color=color, alpha=0.2, lw=0)
        axes.set(xlabel="strength", title=title)
        axes.legend(frameon=False)
    with writing(out) as partial:
        figure.savefig(partial, format="png")


def _follow(features: Sequence[Features], target: Features, content: Features) -> Way:
    steps = [perceptual_distance(a, b) for a, b in pairwise(features)]
    direct = perceptual_distance(features[0], features[-1])
    return Way(
        sum(steps) / max(direct, 1e-9),
        max(steps) / max(float(np.mean(steps)), 1e-9),
        np.array([relative_gram_distance(one, target) for one in features]),
        np.array([content_loss(one["relu4_1"], content["relu4_1"]).item() for one in features]),
    )


def _monotone(values: NDArray[np.float64]) -> bool:
    """Whether values never fall by more than 2% of their range below what was reached before."""
    fall = np.maximum.accumulate(values) - values
    return bool(fall.max() <= SETTLED * max(float(np.ptp(values)), 1e-12))


def _mean(values: Sequence[float]) -> str:
    spread = 1.96 * np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else float("nan")
    return f"{np.mean(values):.2f} ± {spread:.2f}"


def _tensor(image: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32))
