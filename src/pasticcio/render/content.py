"""Content: what one forward pass takes, checked before it is run."""

from __future__ import annotations

from typing import Any

import numpy as np

from pasticcio.errors import ImageError
from pasticcio.image.array import divided

TOLERANCE = 1e-3  # by which floating-point pixels may lie outside [0, 1]


def check_content(content: Any) -> None:
    """Make sure that `render` can render it.

    Raises:
        ImageError: it cannot.
    """
    if not isinstance(content, np.ndarray):
        raise ImageError(f"a {type(content).__name__} is no content; give an array (H, W, 3)")
    if content.ndim != 3 or content.shape[2] != 3 or 0 in content.shape:
        raise ImageError(f"content has shape {content.shape}; it must be (H, W, 3)")
    if content.dtype in (np.uint8, np.uint16):
        return
    if not np.issubdtype(content.dtype, np.floating):
        raise ImageError(f"content is {content.dtype}; it must be uint8, uint16 or floating point in [0, 1]")
    low, high = float(content.min()), float(content.max())
    if not (low >= -TOLERANCE and high <= 1.0 + TOLERANCE):  # NaN fails too
        raise ImageError(
            f"content spans {low:g} to {high:g}; floating-point pixels must lie in [0, 1]{divided(low, high)}"
        )
