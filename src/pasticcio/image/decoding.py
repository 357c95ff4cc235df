"""Pillow's decoders: the errors, warnings and the limit on pixels that belong to them."""

from __future__ import annotations

import io
import math
import struct
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from PIL import Image, UnidentifiedImageError

from pasticcio.errors import ImageError

DAMAGED = (  # what Pillow's decoders raise for damaged files
    OSError,
    ValueError,
    SyntaxError,
    LookupError,
    EOFError,
    TypeError,
    RuntimeError,
    ArithmeticError,
    AssertionError,
    struct.error,
    zlib.error,
)
_filters = Lock()
_limits: list[int | None] = []  # Pillow's limit, once for every thread that has lifted it
_limits_lock = Lock()


@contextmanager
def decoding(name: str) -> Iterator[None]:
    """Turn what a decoder raises for a damaged or very large file into an ImageError.

    Only calls of decoders belong in the block: an error of our own would pass for a damaged file.
    """
    try:
        yield
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not a picture that can be read here") from None
    except MemoryError as error:
        raise ImageError(f"{name} does not fit into the memory that is free; free some, or make it smaller") from error
    except DAMAGED as error:
        raise ImageError(f"{name} is damaged or cut off: {first_line(error)}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warnings, one thread at a time: the filters of warnings belong to the whole process."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_file(data: bytes) -> Image.Image:
    """The image of a file, not yet decoded, whatever its size."""
    with quiet():
        try:
            return Image.open(io.BytesIO(data))
        except Image.DecompressionBombError:
            with unlimited():
                return Image.open(io.BytesIO(data))


def over_limit(image: Image.Image) -> bool:
    """Whether Pillow would refuse to decode an image because of its size."""
    limit = _limits[0] if _limits else Image.MAX_IMAGE_PIXELS
    return image.width * image.height > (limit or math.inf)


@contextmanager
def unlimited() -> Iterator[None]:
    """Without Pillow's limit on pixels, which belongs to the whole process: for large pictures only."""
    with _limits_lock:
        _limits.append(_limits[0] if _limits else Image.MAX_IMAGE_PIXELS)
        Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        with _limits_lock:
            before = _limits.pop()
            Image.MAX_IMAGE_PIXELS = None if _limits else before


def first_line(error: BaseException) -> str:
    """The first line of an error's message, or else its name."""
    return (str(error).splitlines() or [type(error).__name__])[0]
