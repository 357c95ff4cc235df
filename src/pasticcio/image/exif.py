"""EXIF data: kept byte for byte, but for what is no longer true of an upright picture in sRGB."""

from __future__ import annotations

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

from PIL import ExifTags, Image

MARK = b"Exif\0\0"
THUMBNAIL, THUMBNAIL_BYTES = 513, 514
SHORT, LONG = 3, 4
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
STRUCTURE = frozenset(  # tags of a TIFF that say how its pixels lie in the file, and blocks of its own metadata
    {
        *range(254, 267),
        273,
        *range(277, 282),
        284,
        *range(288, 294),
        297,
        301,
        *range(317, 326),
        330,
        332,
        333,
        334,
        336,
    }
    | {*range(338, 348), *range(512, 522), 529, 530, 531, 532, 700, 33723, 34377, 34675}
)


_filters = Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Without Pillow's warnings: what it warns of, we refuse or note. Filters belong to the whole process."""
    with _filters, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def upright(image: Image.Image) -> Image.Image:
    """The image with its EXIF orientation applied; `info` keeps the EXIF data as they were."""
    image.load()
    try:
        with quiet():
            turn = TURNS.get(image.getexif().get(ExifTags.Base.Orientation, 1))
    except Exception:  # damaged; `read_exif` says so
        turn = None
    return image if turn is None else image.transpose(turn)


def read_exif(image: Image.Image, width: int, height: int) -> tuple[bytes | None, str]:
    """EXIF data for the upright sRGB picture of a loaded image, and a note where they cannot be read."""
    try:
        with quiet():
            exif = image.info.get("exif") or _gathered(image)
        return (_made_true(exif, width, height), "") if exif else (None, "")
    except Exception:  # Pillow's reader and writer of EXIF raise all kinds
        return None, "its EXIF data are damaged and left out"


def exif_tags(exif: bytes | None) -> Image.Exif:
    """EXIF data for those of Pillow's writers that take them apart."""
    tags = Image.Exif()
    if exif:
        tags.load(exif)
        for tag, value in list(tags.items()):
            if isinstance(value, str) and not value.isascii():
                tags[tag] = value.encode("latin-1")  # as they were: Pillow reads text so, but writes question marks
    tags.endian = "<"
    return tags


def _gathered(image: Image.Image) -> bytes | None:
    """The EXIF data of a TIFF, whose own tags they are; or of a PNG that holds them as text."""
    found, exif = image.getexif(), Image.Exif()
    for tag in set(found) - STRUCTURE - {ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo}:
        value = found[tag]
        exif[tag] = value.encode("latin-1") if isinstance(value, str) else value
    for block in (ExifTags.IFD.Exif, ExifTags.IFD.GPSInfo):
        values = dict(found.get_ifd(block))
        values.pop(ExifTags.IFD.Interop, None)  # an offset in the old file
        if values:
            exif[block] = values
    return exif.tobytes() if exif else None


def _made_true(exif: bytes, width: int, height: int) -> bytes:
    """Orientation 1, sRGB, the picture's size, and no thumbnail: it would show the photo as it was."""
    data = bytearray(exif.removeprefix(MARK))
    order = {b"II": "<", b"MM": ">"}[bytes(data[:2])]
    (first,) = struct.unpack_from(order + "I", data, 4)
    true = {
        ExifTags.Base.Orientation: 1,
        ExifTags.Base.ColorSpace: 1,
        ExifTags.Base.ExifImageWidth: width,
        ExifTags.Base.ExifImageHeight: height,
    }
    blocks = [first]
    for start in blocks:
        for tag, place, value in _entries(data, order, start):
            if tag == ExifTags.IFD.Exif and start == first:
                blocks.append(value)
            if tag in true:
                struct.pack_into(order + "HII", data, place + 2, LONG, 1, true[ExifTags.Base(tag)])
                if tag in (ExifTags.Base.Orientation, ExifTags.Base.ColorSpace):
                    struct.pack_into(order + "HIHH", data, place + 2, SHORT, 1, 1, 0)
    (count,) = struct.unpack_from(order + "H", data, first)
    end = first + 2 + 12 * count
    (second,) = struct.unpack_from(order + "I", data, end)
    if second:
        found = {tag: value for tag, _, value in _entries(data, order, second)}
        start, size = found.get(THUMBNAIL, 0), found.get(THUMBNAIL_BYTES, 0)
        if start and start + size <= len(data):
            data[start : start + size] = bytes(size)
            if start + size == len(data):
                del data[start:]
        struct.pack_into(order + "I", data, end, 0)
    return MARK + bytes(data)


def _entries(data: bytearray, order: str, start: int) -> Iterator[tuple[int, int, int]]:
    """Tag, place and value (a number, or where the value lies) of every entry of a directory."""
    (count,) = struct.unpack_from(order + "H", data, start)
    for place in range(start + 2, start + 2 + 12 * count, 12):
        tag, kind, _ = struct.unpack_from(order + "HHI", data, place)
        (value,) = struct.unpack_from(order + ("H" if kind == SHORT else "I"), data, place + 8)
        yield tag, place, value
