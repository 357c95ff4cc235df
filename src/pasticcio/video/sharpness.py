"""The sharpness of outputs: the mean square difference of neighboring pixels, and how blending is to keep it."""

from __future__ import annotations

import math

import numpy as np

from pasticcio.video.motion import Floats

MOST = 2.0  # largest factor on the detail that is added
LINES = 5  # every so many lines are measured, or more of them
MEASURED = 30  # lines about which are enough


def gain_of(whole: Floats, base: Floats, more: Floats, sharpness: float) -> float:
    """The factor on the detail that gives the blended output `sharpness` of the output's gradient energy; at most MOST.

    The energy is a quadratic function of the factor g: a + 2 b g + c g^2.

    Args:
        whole, base, more: gradients of the output, of the blended output, and of its detail, see `Lines`.
    """
    missing = sharpness * float(whole @ whole) - float(base @ base)
    b, c = float(base @ more), float(more @ more)
    if missing <= 0 or c <= 0:
        return 0.0
    return min(MOST, (-b + math.sqrt(b * b + c * missing)) / c)


def share_of(whole: Floats, more: Floats, sharpness: float) -> float:
    """The share s in [0, 1] for which output + s * change has `sharpness` of the output's gradient energy.

    That is 1 if it has it there; else the largest up to which no share has less. The energy is a quadratic function of
    s: a + 2 b s + c s^2.

    Args:
        whole, more: gradients of the output and of the change, see `Lines`.
    """
    spare = (1 - sharpness) * float(whole @ whole)
    b, c = float(whole @ more), float(more @ more)
    if spare + 2 * b + c >= 0:
        return 1.0
    return (-b - math.sqrt(b * b - c * spare)) / c  # b is below 0


class Lines:
    """Some lines of a picture, on which gradients are measured: each fifth, and fewer where there are many.

    Args:
        shape: of the picture.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        step = max(LINES, shape[0] // MEASURED) | 1  # no divisor of the grid, which may show in the output
        self._first = np.arange(0, shape[0] - 1, step)

    def of(self, picture: Floats) -> Floats:
        """Differences of neighboring pixels there, in one row."""
        return self._gradients(picture[self._first], picture[self._first + 1])

    def of_product(self, weight: Floats, one: Floats, other: Floats) -> Floats:
        """Those of weight * (one - other), for (H, W) and two pictures (H, W, C)."""
        first, second = (
            weight[place][..., None] * (one[place] - other[place]) for place in (self._first, self._first + 1)
        )
        return self._gradients(first, second)

    def _gradients(self, lines: Floats, next_lines: Floats) -> Floats:
        return np.concatenate([np.diff(lines, axis=1).ravel(), (next_lines - lines).ravel()])
