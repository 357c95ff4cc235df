"""The settings of the experiments that train: which pictures, and which changes to the recipe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pasticcio.experiments.material import Material
from pasticcio.experiments.measures import SEED


@dataclass(frozen=True)
class Setting:
    """A model to train.

    Attributes:
        name: of the setting, in tables.
        number: its place on the axis of the figure.
        styles: the style pictures trained on.
        changes: `key=value` over the recipe.
    """

    name: str
    number: float
    styles: tuple[Path, ...]
    changes: tuple[str, ...] = ()


def counts(material: Material, seed: int, numbers: Sequence[int] = (1, 10, 100, 1000)) -> list[Setting]:
    """Numbers of paintings: of each number in `numbers`, drawn at random, and of all."""
    files = material.files("paintings", "train")
    order = np.random.default_rng((SEED, seed)).permutation(len(files))
    chosen = [n for n in numbers if n < len(files)] + [len(files)]
    return [Setting(f"{n} paintings", n, tuple(files[i] for i in order[:n])) for n in chosen]


def kinds(material: Material, seed: int) -> list[Setting]:
    """Paintings, textures, and both."""
    paintings, textures = (tuple(material.files(kind, "train")) for kind in ("paintings", "textures"))
    # of both: textures are repeated, so that each kind is about half of the pictures seen
    repeated = textures * max(1, round(len(paintings) / len(textures)))
    return [
        Setting("paintings", 0, paintings),
        Setting("textures", 1, textures),
        Setting("both", 2, paintings + repeated),
    ]


def bottlenecks(material: Material, seed: int, widths: Sequence[int] = (25, 50, 100, 200)) -> list[Setting]:
    """Widths of the embedding: numbers in it."""
    files = tuple(material.files("paintings", "train"))
    return [Setting(f"{width} numbers", width, files, (f"network.embedding={width}",)) for width in widths]


def conditionings(material: Material, seed: int) -> list[Setting]:
    """The paper's network with a quarter of its channels, and with style in the decoder only or in all layers."""
    files = tuple(material.files("paintings", "train"))
    paper = ('network.transfer="paper"', "network.width=0.25", "loss.grid=0.0")
    return [
        Setting(name, number, files, (*paper, f'network.encoder="{encoder}"'))
        for number, (name, encoder) in enumerate((("decoder", "batch"), ("everywhere", "conditional")))
    ]


SETTINGS: dict[str, Callable[[Material, int], list[Setting]]] = {  # by experiment, for a seed
    "count": counts,
    "kinds": kinds,
    "bottleneck": bottlenecks,
    "conditioned": conditionings,
}
