"""Masks: where in a picture a style works, as gray of 0 to 255."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pasticcio.errors import ImageError
from pasticcio.image.color import luminance
from pasticcio.image.picture import Source, as_depth, as_float
from pasticcio.image.read import read_picture

Mask = NDArray[np.uint8]
SOFT = 4  # pixels: standard deviation by which edges are softened, about a stroke
MAX_STRETCH = 1.02  # how much a mask's proportions may differ from the photo's


def read_mask(source: Source, height: int, width: int, photo: tuple[int, int] | None = None) -> Mask:
    """A mask at the size at which a photo is worked on.

    Args:
        source: any picture: white is 255, black 0, and what is transparent is 0. It is brought to the photo's
            size, and its edges are softened: a hard one would be seen as a seam.
        height, width: that it is brought to.
        photo: height and width of the photo itself, where it is worked on at another size.

    Raises:
        ImageError: it cannot be read, or its proportions are not the photo's.
    """
    picture = read_picture(source)
    gray = luminance(as_float(picture.pixels))
    if picture.alpha is not None:
        gray = gray * as_float(picture.alpha)
    own_height, own_width = gray.shape
    full, wide = photo or (height, width)
    stretch = own_width * full / (own_height * wide)
    off = min(abs(own_width - wide * own_height / full), abs(wide - own_width * full / own_height))
    if not 1 / MAX_STRETCH <= stretch <= MAX_STRETCH and off > 1.0:  # a pixel is lost where a size is rounded
        raise ImageError(
            f"mask {picture.name} is {own_width} x {own_height} and the photo {wide} x {full}; "
            "a mask must have the photo's proportions"
        )
    mask = Image.fromarray(as_depth(gray, np.uint8))
    if mask.size != (width, height):
        mask = mask.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(SOFT)))


def product(one: Mask, other: Mask) -> Mask:
    """Both masks at once: white times white is white."""
    return ((one.astype(np.uint16) * other + 127) // 255).astype(np.uint8)
