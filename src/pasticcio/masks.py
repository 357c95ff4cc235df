"""Masks: where in a picture a style works, as grey of 0 to 255."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.color import luminance
from pasticcio.errors import ImageError
from pasticcio.images import Source, as_depth, as_float, read_picture

Mask = NDArray[np.uint8]
MAX_STRETCH = 1.02  # how much a mask's proportions may differ from the photo's


def read_mask(source: Source, height: int, width: int) -> Mask:
    """A mask at a photo's size.

    Args:
        source: any picture: white is 255, black 0, and what is transparent is 0. It is brought to the photo's
            size, with soft edges where it grows.
        height, width: of the photo.

    Raises:
        ImageError: it cannot be read, or its proportions are not the photo's.
    """
    picture = read_picture(source)
    grey = luminance(as_float(picture.pixels))
    if picture.alpha is not None:
        grey = grey * as_float(picture.alpha)
    own_height, own_width = grey.shape
    stretch = own_width * height / (own_height * width)
    if not 1 / MAX_STRETCH <= stretch <= MAX_STRETCH and min(height, width, own_height, own_width) > 1:
        raise ImageError(
            f"mask {picture.name} is {own_width} x {own_height} and the photo {width} x {height}; "
            "a mask must have the photo's proportions"
        )
    mask = Image.fromarray(as_depth(grey, np.uint8))
    if mask.size != (width, height):
        mask = mask.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(mask)


def product(one: Mask, other: Mask) -> Mask:
    """Both masks at once: white times white is white."""
    return ((one.astype(np.uint16) * other + 127) // 255).astype(np.uint8)
