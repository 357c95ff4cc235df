"""Methods beside each other in the plane of content and style loss: a point a method, a curve through its strengths."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axis import Axis
from matplotlib.ticker import FixedLocator, NullFormatter, StrMethodFormatter

NETWORKS = {"VGG-19": ("content4", "style"), "SqueezeNet": ("squeeze_content", "squeeze_style")}
PEERS = "Magenta", "AdaIN", "MicroAST"
Rows = Mapping[str, Mapping[str, Any]]
"""Figures of every pair, by method."""


def curves(rows: Rows) -> dict[str, list[str]]:
    """The rows of every method that changes the photo, by its name without the strength."""
    found = defaultdict(list)
    for name, row in rows.items():
        first, *rest = name.split(", ")
        fitted = [part for part in rest if part.startswith("adapt")]
        if "content4" in row and any(row["content4"]):
            found[", ".join([row.get("name", first), *fitted])].append(name)
    return found


def beside(rows: Rows) -> list[str]:
    """For every peer at full strength, the style loss of our methods at the peer's content loss, beside the peer's.

    Between two strengths the style loss is read on the straight line between both points. A peer with more content loss
    than ours at full strength is compared with that.
    """
    all_curves = curves(rows)
    ours = [label for label in all_curves if label.startswith("Pasticcio")]
    peers = [name for name in rows if name.startswith(PEERS) and ", alpha" not in name]
    heads = [f"{network}, {what}" for network in NETWORKS for what in ("mean", "median")]
    lines = [f"| style loss at the content loss of | of | {' | '.join(heads)} |", "|---" * (2 + len(heads)) + "|"]
    for peer in peers:
        for label in ours:
            cells = []
            for content, style in NETWORKS.values():
                wanted = float(np.mean(rows[peer][content]))
                for middle in (np.mean, statistics.median):
                    points = [_point(rows[name], content, style, middle) for name in all_curves[label]]
                    found = at(points, wanted)
                    share = "" if found is None else f"{found:.3f}, {found / middle(rows[peer][style]) - 1:+.0%}"
                    cells.append(share or "not reached")
            lines.append(f"| {peer} | {label} | {' | '.join(cells)} |")
    return lines if peers and ours else []


def at(points: Sequence[tuple[float, float]], content: float) -> float | None:
    """The style loss of a curve at a content loss, at most; None where all of the curve has more content loss."""
    contents, styles = zip(*sorted(points), strict=True)
    return float(np.interp(content, contents, styles)) if contents[0] <= content else None


def plane(panels: Sequence[tuple[str, Rows]], path: Path) -> None:
    """Content against style loss, in a column for each list and size."""
    figure, axes = plt.subplots(2, len(panels), figsize=(4.6 * len(panels), 8.4), squeeze=False)
    colors: dict[str, str] = {}  # a method's is the same everywhere
    for column, (title, rows) in enumerate(panels):
        for axis, (network, (content, style)) in zip(axes[:, column], NETWORKS.items(), strict=True):
            for label, names in curves(rows).items():
                points = sorted(_point(rows[name], content, style, statistics.median) for name in names)
                color = colors.setdefault(label, f"C{len(colors)}")
                axis.plot(*zip(*points, strict=True), "o-", label=label, markersize=5, color=color)
            axis.set(title=f"{network}, {title}", yscale="log")
            decimals(axis.yaxis)
            axis.grid(alpha=0.3)
            axis.set_xlabel(f"content loss ({'relu4_1' if network == 'VGG-19' else 'fire5'})")
            axis.set_ylabel("style loss, median over pairs")
    handles, labels = axes[0][0].get_legend_handles_labels()
    across = 4 if len(panels) > 1 else 2
    figure.legend(handles, labels, loc="lower center", ncols=across, fontsize=8)
    # Above the legend, which would hide points in any plot.
    figure.tight_layout(rect=(0, 0.03 * math.ceil(len(labels) / across), 1, 1))
    figure.savefig(path, dpi=90)
    plt.close(figure)


def decimals(axis: Axis) -> None:
    """Few ticks on a logarithmic axis, and numbers as people write them."""
    axis.set_major_locator(FixedLocator([0.02, 0.05, 0.1, 0.2, 0.5, 1.0]))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _point(
    row: Mapping[str, Any], content: str, style: str, middle: Callable[[list[float]], Any]
) -> tuple[float, float]:
    return float(np.mean(row[content])), float(middle(row[style]))
