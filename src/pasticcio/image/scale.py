"""The scale of gray pictures whose numbers are of 32 bits: it is said nowhere in them, and told by their range."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import ImageError
from pasticcio.image.icc import TOP
from pasticcio.image.picture import Array, as_depth

NEAR = 1e-3  # by which values may leave [0, 1] unsaid
CLIPPED = (-0.5, 2.0)  # between these, values outside [0, 1] are highlights and noise; beyond them, of another scale
EIGHT = 255


def unit_scale(values: NDArray[Any], name: str) -> tuple[Array, str]:
    """Floating-point values as float32 in [0, 1], and a note; what is not finite is 0.

    Whole numbers of more than 1 are those of 8 or 16 bits. Other values a little outside [0, 1] are clipped.

    Raises:
        ImageError: values of an unknown scale.
    """
    values = np.nan_to_num(values, nan=0.0, posinf=0.0, neginf=0.0)
    low, high = float(values.min()), float(values.max())
    note = ""
    if low >= 0.0 and CLIPPED[1] <= high <= TOP and not (values % 1).any():
        top = EIGHT if high <= EIGHT else TOP
        values, note = values / np.float32(top), f"its floating-point values are whole numbers: taken as 0 to {top}"
    elif low < CLIPPED[0] or high > CLIPPED[1]:
        raise _unknown(name, low, high, "floating-point values must lie in [0, 1]", high <= TOP and low >= 0)
    elif low < -NEAR or high > 1.0 + NEAR:
        note = f"its values span {low:g} to {high:g}: clipped to [0, 1]"
    return as_depth(values, np.float32), note


def sixteen_scale(values: NDArray[Any], name: str) -> tuple[NDArray[np.uint16], str]:
    """Integers of 32 bits as uint16, and a note.

    Raises:
        ImageError: values of an unknown scale: below 0, or above 65535.
    """
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > TOP:
        raise _unknown(name, low, high, "integers must lie in 0 to 65535", False)
    if 0 < high <= EIGHT:
        return (values * (TOP // EIGHT)).astype(np.uint16), f"its 32-bit integers are at most {EIGHT}: taken as 8 bits"
    return values.astype(np.uint16), ""


def _unknown(name: str, low: float, high: float, limit: str, known: bool) -> ImageError:
    remedy = f"divide them by {EIGHT if high <= EIGHT else TOP}" if known else "save it in 8 or 16 bits"
    return ImageError(f"{name} has values from {low:g} to {high:g}; {limit}: {remedy}")
