"""Reading pictures: files, bytes, PIL images and arrays become a `Picture`."""

from __future__ import annotations

import contextlib
import math
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.image.array import from_array, from_channels
from pasticcio.image.decoding import decoding, open_file, over_limit, unlimited
from pasticcio.image.exif import orientation, read_exif, turned, upright
from pasticcio.image.icc import TOP, deep_to_srgb, srgb_profile, to_srgb
from pasticcio.image.picture import FILE, GIVEN, Array, Kind, Picture, Pixels, Source, as_depth, over_white
from pasticcio.image.scale import sixteen_scale, unit_scale
from pasticcio.image.sixteen_bit import MISSING, cut_to_eight, is_deep, read_deep
from pasticcio.image.sniffing import check_kind, unread
from pasticcio.image.tiff import check_tiff

MAX_MEGAPIXELS = 400.0
Check = Callable[[str, int, int], None]
EIGHT_BITS = "read at 8 bits, not 16"


def read_picture(
    source: Source, *, max_megapixels: float = MAX_MEGAPIXELS, option: str = "", check: Check | None = None
) -> Picture:
    """Read a picture.

    >>> read_picture(np.full((4, 5), 255, np.uint8)).pixels.shape
    (4, 5, 3)

    The EXIF orientation is applied, an embedded color profile is converted to sRGB, gray, palette and
    CMYK become RGB, and of an animation the first frame is taken.

    Args:
        source: a path, the bytes of a file, a binary file, a PIL image, or an array of shape (H, W),
            (H, W, 1), (H, W, 3) or (H, W, 4), uint8 or uint16 over their whole range or floating
            point in [0, 1]. A Picture is returned as it is.
        max_megapixels: files of more million pixels are refused before they are decoded: a small file can
            hold a picture that fills the memory.
        option: what raises the limit where this is called, for the message.
        check: called with the name of a file, and with the width and height that its header says, before it is
            decoded; it may raise an ImageError.

    Raises:
        ImageError: missing, not a picture, truncated, too large for the limit or the memory, or an array of another
            kind.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return from_array(source)
    if isinstance(source, Image.Image):
        return _from_image(source)
    data, name = _content(source)
    if not data:
        raise ImageError(f"{name} is empty; it holds no picture")
    image = _opened(data, name)
    with image:
        megapixels = image.width * image.height / 1e6
        if megapixels > max_megapixels:
            enough = _rounded_up(megapixels)
            raised = f"if you trust it, raise it with {option} {enough} " if option else ""
            raise ImageError(
                f"{name} is {image.width} x {image.height}, {enough} million pixels; the limit is {max_megapixels:g}; "
                f"{raised}{'or else ' if option else ''}make it smaller (in Python: read_picture(..., "
                f"max_megapixels={enough}))"
            )
        if check is not None:
            check(name, image.width, image.height)
        check_tiff(image, name)
        with unlimited() if over_limit(image) else contextlib.nullcontext():
            return _from_file(image, name, data)


def open_image(source: Source) -> Array:
    """Read a picture whose transparency does not matter, such as a style picture.

    >>> open_image(np.full((1, 1), 51, np.uint8))
    array([[[0.2, 0.2, 0.2]]], dtype=float32)

    Args:
        source: see `read_picture`.

    Returns:
        float32 (H, W, 3) in [0, 1]; transparent pixels are laid over white.

    Raises:
        ImageError: see `read_picture`.
    """
    return over_white(read_picture(source))


def read_rgb(source: Source) -> NDArray[np.uint8]:
    """`open_image` in 8 bits: uint8 (H, W, 3)."""
    picture = read_picture(source)
    return as_depth(picture.pixels if picture.alpha is None else over_white(picture), np.uint8)


def _opened(data: bytes, name: str) -> Image.Image:
    """The image of a file, not yet decoded."""
    try:
        with decoding(name):
            return open_file(data)
    except ImageError:
        if kind := unread(data[:16]):
            raise ImageError(f"{name} is {kind}, which is not read here; save it as JPEG or PNG") from None
        raise


def _content(source: object) -> tuple[bytes, str]:
    """The bytes of a file, and its name."""
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), GIVEN
    if isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        try:
            check_kind(name)
            return Path(name).read_bytes(), str(name)
        except FileNotFoundError:
            raise ImageError(f"no such file: {name}") from None
        except IsADirectoryError:
            raise ImageError(f"{name} is a folder, not a picture; name a file in it") from None
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
            raise ImageError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from error
    if not hasattr(source, "read"):
        kind = type(source).__name__
        arrays = isinstance(source, (list, tuple)) or hasattr(source, "__array__")
        remedy = "make it an array with numpy.asarray" if arrays else "give a file, its bytes, a PIL image or an array"
        raise ImageError(f"a value of type {kind} is no picture; {remedy}")
    name = str(getattr(source, "name", GIVEN))
    try:
        data = source.read()
    except (OSError, ValueError) as error:  # ValueError: it is closed
        raise ImageError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from error
    if not isinstance(data, bytes):
        raise ImageError(f"{name} gives {type(data).__name__}, not bytes; open it in binary mode, with 'rb'")
    return data, name


def _from_image(image: Image.Image) -> Picture:
    kind = Kind(None, 4 if _has_alpha(image) else 3)
    check_tiff(image, GIVEN)
    with decoding(GIVEN):  # it may come from a file, not yet decoded
        image.load()
    pixels, alpha, scale = _channels(upright(image), image.info.get("icc_profile"), GIVEN)
    exif, note = read_exif(image, pixels.shape[1], pixels.shape[0])
    return replace(from_channels(pixels, alpha, kind, GIVEN), exif=exif, note="; ".join(filter(None, (scale, note))))


def _from_file(image: Image.Image, name: str, data: bytes) -> Picture:
    """A Picture of an opened file and its bytes."""
    with decoding(name):
        notes = [_frames(image)]
    if is_deep(image, data):
        pixels, alpha, note = _deep_channels(image, name, data)
        notes.append(note)
    else:
        with decoding(name):
            image.load()
        pixels, alpha, note = _channels(upright(image), image.info.get("icc_profile"), name)
        notes.append(note)
    exif, note = read_exif(image, pixels.shape[1], pixels.shape[0])
    notes.append(note)
    return replace(from_channels(pixels, alpha, FILE, name), exif=exif, note="; ".join(filter(None, notes)))


def _deep_channels(image: Image.Image, name: str, data: bytes) -> tuple[Pixels, Pixels | None, str]:
    """Colors, alpha and a note of a file with colors of 16 bits."""
    samples, mode = read_deep(image, data, name)
    profile = image.info.get("icc_profile")
    if samples is None:
        cut_to_eight(image, name)
        return *_channels(upright(image), profile, name)[:2], f"{EIGHT_BITS}: {MISSING}"
    samples = turned(samples, orientation(image))
    colors: Pixels | None = None
    alpha: Pixels | None = None
    if mode != "CMYK":
        colors = samples[:, :, : len(mode.removesuffix("A"))]
        alpha = samples[:, :, -1] if mode.endswith("A") else None
        see_through = image.info.get("transparency")
        if see_through is not None and alpha is None:  # one color stands for transparency
            alpha = np.where((colors == np.array(see_through)).all(2), 0, TOP).astype(np.uint16)
        if profile and profile != srgb_profile():
            colors = deep_to_srgb(colors, profile)
    if colors is not None:
        return colors, alpha, ""
    upper = Image.frombytes(mode, samples.shape[1::-1], (samples >> 8).astype(np.uint8).tobytes())
    reason = "it is CMYK" if mode == "CMYK" else "its color profile is one of tables, or damaged"
    alpha = None if alpha is None else (alpha >> 8).astype(np.uint8)
    return _channels(upper, profile, name)[0], alpha, f"{EIGHT_BITS}: {reason}"


def _frames(image: Image.Image) -> str:
    """What is said of an animation or a file of several pages."""
    if image.format == "MPO":
        return ""  # a photo with a preview or a depth map behind it
    frames = int(getattr(image, "n_frames", 1))
    what = f"{frames} pages" if image.format == "TIFF" else f"animation of {frames} frames"
    return f"{what}: the first is used" if frames > 1 else ""


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def _channels(image: Image.Image, profile: bytes | None, name: str) -> tuple[Pixels, Pixels | None, str]:
    """Colors (H, W, 1 or 3) in sRGB, alpha (H, W) and a note of an image: 8 bits, or 16 or float of a gray one."""
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_gray(image, profile, name)
    alpha = None
    if _has_alpha(image):
        image = image.convert("LA") if image.mode == "La" else image
        clear = image.convert("RGBA")
        alpha = np.asarray(clear.getchannel("A"))
        image = image.convert("L") if image.mode in ("1", "L", "LA") else clear.convert("RGB")
    return np.asarray(to_srgb(image, profile)), alpha, ""


def _deep_gray(image: Image.Image, profile: bytes | None, name: str) -> tuple[Pixels, Pixels | None, str]:
    """Integer gray of 16 or 32 bits in 16 bits; floating-point gray in [0, 1]; see `scale`."""
    values: Pixels = np.asarray(image)[:, :, None]
    if values.size == 0:
        return values.astype(np.uint16), None, ""  # refused by `from_channels`
    if image.mode == "F":
        unit, note = unit_scale(values, name)
        return unit, None, note
    see_through, alpha = image.info.get("transparency"), None
    if see_through is not None:
        alpha = np.where(values[:, :, 0] == see_through, 0, TOP).astype(np.uint16)
    # Of these formats Pillow's 32 bits hold 16, which a dark picture need not fill.
    known = image.mode != "I" or image.format in ("PNG", "PPM", "JPEG2000")
    values, note = (np.clip(values, 0, TOP).astype(np.uint16), "") if known else sixteen_scale(values, name)
    converted = deep_to_srgb(values, profile) if profile else None
    return values if converted is None else converted, alpha, note


def _rounded_up(megapixels: float) -> str:
    """The number of million pixels, never less than it is."""
    return f"{math.ceil(1000 * megapixels) / 1000:.10g}" if megapixels < 10 else f"{math.ceil(megapixels)}"
