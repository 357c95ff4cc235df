"""Writing pictures: PNG, JPEG, WebP, TIFF and AVIF, in 8 or 16 bits, with the sRGB profile, EXIF data and alpha."""

from __future__ import annotations

import io
import os
import struct
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from pasticcio.errors import OutputError
from pasticcio.files import check_place, writing
from pasticcio.image.decoding import first_line
from pasticcio.image.exif import exif_tags
from pasticcio.image.icc import srgb_profile
from pasticcio.image.picture import FILE, Kind, Picture, Pixels, Source, as_depth, give_back, over_white
from pasticcio.image.read import read_picture
from pasticcio.image.sixteen_bit import write_png, write_tiff

QUALITY = 95
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    **({".avif": "AVIF"} if find_spec("PIL._avif") else {}),
}
MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 65_536}  # pixels that a format can hold
LOSSY = ("JPEG", "WEBP", "AVIF")


def save_image(image: Source, path: str | os.PathLike[str]) -> None:
    """Write any picture that `read_picture` takes; see `save_picture`.

    Floating-point arrays are written in 8 bits. Values a little outside [0, 1], as networks give them, are clipped;
    an array that leaves [-1, 2] is refused.

    >>> import tempfile
    >>> from pasticcio import open_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_image(np.zeros((2, 3, 3)), Path(folder, "black.png"))
    ...     open_image(Path(folder, "black.png")).shape
    (2, 3, 3)
    """
    if isinstance(image, np.ndarray) and image.dtype.kind == "f" and _near_unit(image):  # others are refused below
        image = as_depth(image, np.uint8)
    save_picture(read_picture(image), path)


def _near_unit(values: Pixels) -> bool:
    """Whether all values lie in [-1, 2]; NaN does not."""
    return values.size > 0 and bool(values.min() >= -1.0 and values.max() <= 2.0)


def save_picture(
    picture: Picture, path: str | os.PathLike[str], *, strip: bool = False, quality: int | None = None
) -> None:
    """Write a picture; the file appears whole or not at all.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_picture(read_picture(np.zeros((2, 3), np.uint16)), Path(folder, "deep.png"))
    ...     read_picture(Path(folder, "deep.png")).pixels.dtype
    dtype('uint16')

    The sRGB profile goes with it, and so do EXIF data and alpha. JPEG has no alpha: there the picture is
    laid over white.

    Args:
        picture: the picture.
        path: its suffix names the format: .png, .jpg, .webp, .tif or, where Pillow has it, .avif.
        strip: leave out the EXIF data.
        quality: of JPEG, WebP and AVIF, from 1 to 100.

    Raises:
        OutputError: unknown suffix, missing folder, a place that cannot be written, or a picture that the
            format cannot hold.
    """
    target = Path(path)
    check_output(target, picture)
    with writing(target) as partial, partial.open("wb") as file:
        _encode(picture, file, FORMATS[target.suffix.lower()], str(target), strip, quality)


def encode_png(picture: Picture, *, strip: bool = False) -> bytes:
    """A picture as the bytes of a PNG file."""
    return encode(picture, ".png", strip=strip)


def encode(picture: Picture, suffix: str, *, strip: bool = False, quality: int | None = None) -> bytes:
    """A picture as the bytes of a file with that suffix, see `save_picture`.

    Raises:
        OutputError: a picture that the format cannot hold.
    """
    kind, longest = FORMATS[suffix], max(picture.pixels.shape[:2])
    if longest > MAX_SIDE.get(kind, longest):
        raise OutputError(
            f"cannot write {picture.name} as {kind}, which holds at most {MAX_SIDE[kind]} pixels a side: it has "
            f"{longest}; choose PNG, or make it smaller"
        )
    file = io.BytesIO()
    _encode(picture, file, kind, picture.name, strip, quality)
    return file.getvalue()


def _encode(picture: Picture, file: IO[bytes], kind: str, name: str, strip: bool, quality: int | None) -> None:
    if kind == "JPEG" and picture.alpha is not None:
        picture = replace(picture, pixels=as_depth(over_white(picture), np.uint8), alpha=None)
    exif = None if strip else picture.exif
    deep = picture.pixels.dtype != np.uint8 and kind not in LOSSY
    channels = 3 if picture.alpha is None else 4
    given = give_back(replace(picture, kind=Kind(np.dtype(np.uint16), channels) if deep else FILE))
    try:
        if isinstance(given, Image.Image):
            given.save(file, format=kind, **_options(kind, exif, quality))
        else:
            (write_tiff if kind == "TIFF" else write_png)(file, given, srgb_profile(), exif)
    except (OSError, ValueError, struct.error) as error:
        remedy = "; leave the EXIF data out with --strip (in Python: strip=True)" if "EXIF" in str(error) else ""
        raise OutputError(f"cannot write {name} as {kind}: {first_line(error)}{remedy}") from error


def _options(kind: str, exif: bytes | None, quality: int | None) -> dict[str, Any]:
    """Options of Pillow's writers."""
    options: dict[str, Any] = {"icc_profile": srgb_profile()}
    if exif:
        options["exif"] = exif_tags(exif) if kind in ("TIFF", "AVIF") else exif
    if kind in LOSSY:
        options["quality"] = QUALITY if quality is None else quality
    if kind == "JPEG":
        options["subsampling"] = 0
    return options


def check_output(path: Path, picture: Picture | None = None) -> None:
    """Refuse what could not be written, before any work is done.

    Raises:
        OutputError: unknown suffix, missing folder, a folder in its place, a name too long, no permission,
            or a picture larger than the format holds.
    """
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"cannot write {path}: suffix {path.suffix!r} is not one of {', '.join(FORMATS)}")
    check_place(path)
    kind = FORMATS[path.suffix.lower()]
    longest = max(picture.pixels.shape[:2]) if picture else 0
    if longest > MAX_SIDE.get(kind, longest):
        raise OutputError(
            f"cannot write {path}: {kind} holds at most {MAX_SIDE[kind]} pixels a side, and the picture has {longest}; "
            "write .png or .tif"
        )
