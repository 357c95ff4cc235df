"""Masks: the weight of a style at every pixel, uint8: 255 where it is rendered in full, 0 where it is not."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from pasticcio.errors import ImageError
from pasticcio.image.color import luminance
from pasticcio.image.picture import Source, as_depth, as_float
from pasticcio.image.read import read_picture

Mask = NDArray[np.uint8]
SOFT = 4  # pixels: standard deviation of the blur of edges, about the width of a stroke
MAX_STRETCH = 1.02  # by which the proportions of mask and photo may differ


def read_mask(source: Source, height: int, width: int, photo: tuple[int, int] | None = None) -> Mask:
    """Read a mask, and resize it to the photo that is rendered.

    Args:
        source: any picture, or an array of booleans. Its luminance counts, and transparent pixels count as black. If
            its numbers are integers and none but 0 and 1, 1 is white. Edges are blurred, as a hard edge would be seen
            as a seam.
        height, width: of the mask that is returned.
        photo: height and width of the whole photo, if it is rendered at another size than its own.

    Returns:
        (height, width), uint8.

    Raises:
        ImageError: the mask cannot be read, or its proportions are not the photo's.
    """
    wanted = photo or (height, width)

    def check(name: str, wide: int, high: int) -> None:
        if not (_fits(high, wide, wanted) or _fits(wide, high, wanted)):  # EXIF data may turn it
            raise _refused(name, high, wide, wanted)

    picture = read_picture(_widened(source) if isinstance(source, np.ndarray) else source, check=check)
    own_height, own_width = picture.pixels.shape[:2]
    if not _fits(own_height, own_width, wanted):
        raise _refused(picture.name, own_height, own_width, wanted)
    pixels = picture.pixels
    if pixels.dtype.kind == "u" and pixels.max() == 1:  # labels, which would do nothing as levels of gray
        pixels = pixels * np.iinfo(pixels.dtype).max
    gray = luminance(as_float(pixels))
    if picture.alpha is not None:
        gray = gray * as_float(picture.alpha)
    mask = Image.fromarray(as_depth(gray, np.uint8))
    if mask.size != (width, height):
        mask = mask.resize((width, height), Image.Resampling.BILINEAR)
    return np.asarray(mask.filter(ImageFilter.GaussianBlur(SOFT)))


def _fits(height: int, width: int, photo: tuple[int, int]) -> bool:
    """Whether a mask of that size has the photo's proportions; rounding of sizes costs up to a pixel."""
    full, wide = photo
    stretch = width * full / (height * wide)
    off = min(abs(width - wide * height / full), abs(wide - width * full / height))
    return 1 / MAX_STRETCH <= stretch <= MAX_STRETCH or off <= 1.0


def _refused(name: str, height: int, width: int, photo: tuple[int, int]) -> ImageError:
    return ImageError(
        f"mask {name} is {width} x {height} and the photo {photo[1]} x {photo[0]}; a mask must have the photo's "
        "proportions"
    )


def _widened(array: NDArray[Any]) -> NDArray[Any]:
    """Booleans, and integers of any type that are none but 0 and 1, as uint8 of 0 and 255."""
    if array.dtype == bool or (array.dtype.kind in "iu" and array.size and array.min() >= 0 and array.max() == 1):
        return array.astype(np.uint8) * np.uint8(255)
    return array


def covered(masks: Sequence[Mask]) -> NDArray[np.float32] | None:
    """The share of each place that masks give to styles, (H, W) in [0, 1]; None without masks."""
    if not masks:
        return None
    return np.minimum(np.sum(masks, 0, dtype=np.float32) / np.float32(255), 1)


def product(one: Mask, other: Mask) -> Mask:
    """The product of two masks, (H, W): white times white is white."""
    return ((one.astype(np.uint16) * other + 127) // 255).astype(np.uint8)
