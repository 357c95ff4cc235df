"""Arrays as pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import ImageError
from pasticcio.image.picture import GIVEN, Kind, Picture, Pixels, as_depth, as_float

CHANNELS = (1, 3, 4)
TOLERANCE = 1e-3  # by which floating-point values may leave [0, 1]


def from_array(array: NDArray[Any]) -> Picture:
    """An array as a picture.

    Args:
        array: (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), uint8 or uint16 over their whole range, or floating point
            in [0, 1].

    Raises:
        ImageError: another shape, type or range.
    """
    shape = array.shape
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in CHANNELS or 0 in array.shape:
        first = array.ndim == 3 and array.shape[0] in CHANNELS
        remedy = "; channels come last: array.transpose(1, 2, 0)" if first and 0 not in array.shape else ""
        raise ImageError(f"an array of shape {shape} is no picture; it must be (H, W), or (H, W, 1, 3 or 4){remedy}")
    kind = Kind(array.dtype, max(3, array.shape[2]))
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if np.issubdtype(array.dtype, np.floating):
        low, high = float(array.min()), float(array.max())
        if not (low >= -TOLERANCE and high <= 1.0 + TOLERANCE):  # NaN fails too
            raise ImageError(
                f"a floating-point picture must lie in [0, 1]; this one spans {low:g} to {high:g}{divided(low, high)}"
            )
        array = as_depth(array, np.float32)
    elif array.dtype not in (np.uint8, np.uint16):
        raise ImageError(
            f"an array of {array.dtype} is no picture; use uint8, uint16 or floating point in [0, 1]{_cast(array)}"
        )
    colors, alpha = (array[:, :, :3], array[:, :, 3]) if array.shape[2] == 4 else (array, None)
    return from_channels(colors, alpha, kind, GIVEN)


def divided(low: float, high: float) -> str:
    """The end of a message about floating-point numbers outside [0, 1], where their range tells their scale."""
    return f"; divide by {255 if high <= 255 else 65535}" if low >= 0 and high <= 65535 else ""


def _cast(array: NDArray[Any]) -> str:
    """How an array of another type becomes a picture, where its numbers say so."""
    if array.dtype == bool:
        return ", such as array.astype(numpy.uint8) * 255"
    if array.dtype.kind not in "iu" or array.min() < 0 or array.max() > np.iinfo(np.uint16).max:
        return ""
    return f", such as array.astype(numpy.{'uint8' if array.max() <= 255 else 'uint16'})"


def from_channels(pixels: Pixels, alpha: Pixels | None, kind: Kind, name: str) -> Picture:
    """A picture of colors and alpha: gray becomes RGB, hidden colors are replaced, an alpha that hides nothing goes.

    Args:
        pixels: (H, W), (H, W, 1) or (H, W, 3), uint8, uint16 or float32 in [0, 1].
        alpha: (H, W) of the same dtype.
        kind, name: see `Picture`.

    Raises:
        ImageError: no pixels.
    """
    if 0 in pixels.shape:
        raise ImageError(f"{name} is {pixels.shape[1]} x {pixels.shape[0]}; a picture has pixels")
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    if alpha is not None:
        top = 1.0 if alpha.dtype == np.float32 else np.iinfo(alpha.dtype).max
        hidden = alpha == 0
        if (alpha == top).all():
            alpha = None
        elif hidden.any() and not hidden.all():
            mean = as_depth(as_float(pixels[~hidden]).mean(0, dtype=np.float64), pixels.dtype)
            pixels = np.where(hidden[:, :, None], mean, pixels)
    return Picture(pixels, alpha, kind=kind, name=name)
