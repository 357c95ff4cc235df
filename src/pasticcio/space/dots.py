"""A map of dots colored by a column, and how clearly the values of a column cluster."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pasticcio.space.embeddings import Embeddings
from pasticcio.space.figure import figure
from pasticcio.space.layout import Points
from pasticcio.space.neighbors import nearest_rows


def map_dots(table: Embeddings, points: Points, color: str, out: Path, *, most: int = 12, names: int = 0) -> None:
    """The map as colored dots with a legend, as a .png.

    Args:
        table: the pictures.
        points: see `layout`.
        color: column that is colored by.
        out: the file.
        most: number of values, the most frequent, that have a color; the others are gray.
        names: number of values, those that cluster most clearly (see `purity`), whose names are written where they are
            densest.

    Raises:
        OptionError: no such column.
        MissingExtraError: no matplotlib.
    """
    values = np.array(table.column(color))
    shown = [value for value in frequent(table.column(color)) if value][:most]
    with figure(out, 10, 8) as drawn:
        axes = drawn.add_subplot()
        rest = ~np.isin(values, shown)
        axes.scatter(points[rest, 0], points[rest, 1], s=4, color="0.8", linewidths=0)
        for number, value in enumerate(shown):
            x, y = points[values == value].T
            look = {"color": f"C{number % 10}", "marker": "os^Dv"[number // 10 % 5]}
            axes.scatter(x, y, s=9, alpha=0.8, linewidths=0, label=f"{value} ({len(x)})", **look)  # type: ignore[arg-type]
        box = {"boxstyle": "round,pad=0.2", "fc": "white", "ec": "0.5", "alpha": 0.8}
        for value, _, _ in purity(table, color)[:names]:
            here = points[values == value]
            crowd = (np.linalg.norm(here[:, None] - here, axis=2) < 0.04).sum(1)
            x, y = here[crowd.argmax()]
            axes.annotate(value, (x, y), ha="center", fontsize=9, weight="bold", bbox=box)
        axes.set(xticks=[], yticks=[], aspect="equal", xlim=(-0.02, 1.02), ylim=(1.02, -0.02))
        drawn.legend(loc="outside right center", frameon=False, fontsize=8, markerscale=2)


def purity(table: Embeddings, column: str, k: int = 10, least: int = 15) -> list[tuple[str, float, float]]:
    """How clearly each value of a column clusters: the share of the k nearest neighbors of its rows with that value.

    Args:
        table: the pictures.
        column: its name.
        k: number of neighbors.
        least: values with fewer rows are left out.

    Returns:
        Value, share, and share expected by chance; in descending order of share x log(share / chance), in which
        frequent values have no advantage.
    """
    values = np.array(table.column(column))
    rows, _ = nearest_rows(table.vectors, k)
    same = (values[rows] == values[:, None]).mean(1)
    found = []
    for value in np.unique(values):
        here = values == value
        if value and here.sum() >= least:
            share, chance = float(same[here].mean()), float((here.sum() - 1) / (len(values) - 1))
            found.append((str(value), share, chance))
    return sorted(found, key=lambda one: -one[1] * math.log(max(one[1], 1e-9) / one[2]))


def frequent(values: Sequence[str]) -> list[str]:
    """The distinct values, the most frequent first."""
    distinct, counts = np.unique(np.array(values, dtype=np.str_), return_counts=True)
    return [str(value) for value in distinct[np.argsort(-counts, kind="stable")]]
