"""What Pillow leaves to its callers when it reads a TIFF: whether strips cover the picture, and libtiff's own lines."""

from __future__ import annotations

import contextlib
import ctypes
import functools
import logging

from PIL import Image, _imaging

from pasticcio.errors import ImageError


def check_tiff(image: Image.Image, name: str) -> None:
    """Make sure, before it is decoded, that an opened TIFF holds as many pixels as its header says.

    A small file may declare hundreds of millions of pixels and strips or tiles for a few of them. Pillow would decode
    these, take gigabytes of memory, and leave the rest black.

    Args:
        image: as opened; one that is decoded, or of another format, passes.
        name: for messages.

    Raises:
        ImageError: it holds fewer pixels.
    """
    tiles = getattr(image, "tile", ())  # empty once the image is decoded
    if image.format != "TIFF" or not tiles:
        return
    _hush()
    held = sum((right - left) * (low - high) for left, high, right, low in (tile[1] for tile in tiles))
    if held < image.width * image.height:
        raise ImageError(
            f"{name} is damaged or cut off: its header says {image.width} x {image.height} and its strips hold "
            f"{held} pixels"
        )


def _hush() -> None:
    """Keep libtiff from writing lines of its own to standard error, where Pillow's logger is to write none either."""
    if not logging.getLogger("PIL").isEnabledFor(logging.ERROR):
        _remove_handler()


@functools.cache
def _remove_handler() -> None:
    # The library that Pillow's own module is linked to; on Windows its functions cannot be found.
    with contextlib.suppress(AttributeError, OSError):
        remove = ctypes.CDLL(_imaging.__file__).TIFFSetErrorHandler
        remove.argtypes, remove.restype = [ctypes.c_void_p], ctypes.c_void_p
        remove(None)
