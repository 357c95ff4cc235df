"""Pictures in memory: upright, in sRGB, in the depth of their source; and their conversions."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.image.icc import srgb_profile

Array = NDArray[np.float32]
Pixels = NDArray[Any]  # uint8 or uint16 over the whole range, or float32 in [0, 1]


class Kind(NamedTuple):
    """What the caller gave.

    Attributes:
        dtype: of an array; None for a file or a PIL image.
        channels: 3, or 4 with alpha.
    """

    dtype: np.dtype[Any] | None = None
    channels: int = 3


FILE = Kind()
GIVEN = "the picture given"  # name of a picture that comes from no file


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture as it was read, upright and in sRGB.

    Two pictures are equal only if they are the same object, as for other objects that hold large arrays: to compare
    hundreds of millions of pixels is for the caller to ask, with `numpy.array_equal` on `pixels`.

    >>> from pasticcio import read_picture
    >>> picture = read_picture(np.zeros((2, 3, 4), np.uint16))
    >>> picture.pixels.shape, picture.pixels.dtype, picture.alpha.shape
    ((2, 3, 3), dtype('uint16'), (2, 3))

    Attributes:
        pixels: (H, W, 3), in the depth of the source: uint8 or uint16 over their whole range, or float32
            in [0, 1]. Pixels that cannot be seen have the mean color of those that can.
        alpha: (H, W) of the same dtype, not multiplied into the pixels; None where all pixels are opaque.
        exif: as a file holds it, with orientation 1 and without the thumbnail; None where there is none.
        kind: what the caller gave, see `give_back`.
        note: what was not taken over as it is, such as the other frames of an animation; empty where all was.
        name: for people.
    """

    pixels: Pixels = field(repr=False)
    alpha: Pixels | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    kind: Kind = FILE
    note: str = ""
    name: str = GIVEN

    def with_pixels(self, pixels: Pixels) -> Picture:
        """The same picture with other pixels: (H, W, 3) of its own dtype, or float32 in [0, 1], which is rounded."""
        if pixels.shape != self.pixels.shape:
            raise ImageError(f"pixels of shape {pixels.shape} do not fit a picture of shape {self.pixels.shape}")
        return replace(self, pixels=as_depth(pixels, self.pixels.dtype))


FileOrImage = str | os.PathLike[str] | bytes | BinaryIO | Image.Image
Source = FileOrImage | NDArray[Any] | Picture


def as_float(pixels: Pixels) -> Array:
    """uint8, uint16 or float32 pixels, of any shape, as float32 in [0, 1]."""
    if np.issubdtype(pixels.dtype, np.floating):
        return pixels.astype(np.float32, copy=False)
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def as_depth(pixels: Pixels, dtype: DTypeLike) -> Pixels:
    """Pixels, of any shape, in another dtype: integers are rounded, and all values clipped to their range."""
    if pixels.dtype == dtype and not np.issubdtype(dtype, np.floating):
        return pixels
    values = as_float(pixels)
    if np.issubdtype(dtype, np.floating):
        clipped: Pixels = np.clip(values, 0.0, 1.0).astype(dtype)
        return clipped
    top = np.iinfo(np.dtype(dtype)).max
    result: Pixels = np.clip(values * np.float32(top) + np.float32(0.5), 0, top).astype(dtype)
    return result


def over_white(picture: Picture) -> Array:
    """float32 (H, W, 3) in [0, 1]: the picture as it looks on white paper."""
    values = as_float(picture.pixels)
    if picture.alpha is None:
        return values
    alpha = as_float(picture.alpha)[:, :, None]
    result: Array = values * alpha + (np.float32(1.0) - alpha)
    return result


def give_back(picture: Picture) -> Image.Image | NDArray[Any]:
    """A picture as the kind that its caller gave.

    Returns:
        For an array, one of the same dtype: (H, W, 4) for (H, W, 4), else (H, W, 3). For all else an
        8-bit PIL image: RGBA where there are transparent pixels or the PIL image given was RGBA, else RGB;
        `info` holds the sRGB profile and the EXIF data.
    """
    dtype, channels = picture.kind
    pixels = as_depth(picture.pixels, dtype or np.uint8)
    if channels == 4 or (dtype is None and picture.alpha is not None):
        opaque = np.full(pixels.shape[:2], 1.0, np.float32)
        alpha = as_depth(opaque if picture.alpha is None else picture.alpha, pixels.dtype)
        pixels = np.concatenate([pixels, alpha[:, :, None]], axis=2)
    if dtype is not None:
        return pixels.astype(dtype, copy=False)
    image = Image.fromarray(pixels)
    image.info["icc_profile"] = srgb_profile()
    if picture.exif:
        image.info["exif"] = picture.exif
    return image


def to_pil(image: Array) -> Image.Image:
    """An array in [0, 1] as an 8-bit PIL image; values are rounded and clipped."""
    return Image.fromarray(as_depth(image, np.uint8))


def as_batch(image: Array) -> NDArray[np.float32]:
    """(H, W, 3) as a batch of one for a network, (1, 3, H, W)."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
