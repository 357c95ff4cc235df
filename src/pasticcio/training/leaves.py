"""Pictures with the statistics of photos, drawn by code from a seed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LEAVES = 600
SHARPEST = 3.5  # pixels: the smallest radius
GRAIN = 0.02  # standard deviation of the texture of a leaf, on [0, 1]


def dead_leaves(side: int, rng: np.random.Generator) -> NDArray[Any]:
    """A dead leaves picture, (side, side, 3), RGB in [0, 1], float32.

    Discs of random place, radius and color hide each other. With as many discs of every size as here, such a picture
    has edges, even areas and a spectrum like those of photos (Lee, Mumford and Huang 2001, "Occlusion models for
    natural images"). Every disc is shaded from one side to the other and has a fine grain.

    Args:
        side: in pixels.
        rng: decides the picture; the same state gives the same picture.
    """
    y, x = np.mgrid[:side, :side].astype(np.float32)
    picture = np.full((side, side, 3), 0.5, np.float32)
    least, most = SHARPEST, side / 2
    for _ in range(LEAVES):
        # Radii whose density falls with the cube: between the inverse squares of both limits all are as likely.
        radius = 1 / np.sqrt(rng.uniform(1 / most**2, 1 / least**2))
        down, right = rng.uniform(-radius, side + radius, 2)
        gray, angle = rng.uniform(0.05, 0.95), rng.uniform(0, 2 * np.pi)
        color = gray + rng.normal(0, 0.12, 3)
        inside = (y - down) ** 2 + (x - right) ** 2 < radius**2
        slope = ((y - down) * np.sin(angle) + (x - right) * np.cos(angle)) / radius
        shade = rng.uniform(0, 0.2) * slope[inside] + rng.normal(0, GRAIN, inside.sum())
        picture[inside] = color + shade[:, None]
    return picture.clip(0, 1)
