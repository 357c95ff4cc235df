"""EXIF data: kept byte for byte, but for what is no longer true of an upright picture in sRGB."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from pasticcio.image.decoding import DAMAGED, quiet

Tag = ExifTags.Base

MARK = b"Exif\0\0"
SHORT, LONG = 3, 4  # types of values in a TIFF (TIFF 6.0, section 2)
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
ARRAY_TURNS: dict[Image.Transpose, Callable[[NDArray[Any]], NDArray[Any]]] = {
    Image.Transpose.FLIP_LEFT_RIGHT: lambda a: a[:, ::-1],
    Image.Transpose.ROTATE_180: lambda a: a[::-1, ::-1],
    Image.Transpose.FLIP_TOP_BOTTOM: lambda a: a[::-1],
    Image.Transpose.TRANSPOSE: lambda a: a.swapaxes(0, 1),
    Image.Transpose.ROTATE_270: lambda a: np.rot90(a, -1),
    Image.Transpose.TRANSVERSE: lambda a: a[::-1, ::-1].swapaxes(0, 1),
    Image.Transpose.ROTATE_90: lambda a: np.rot90(a),
}
STRUCTURE = frozenset(  # tags of a TIFF that say how its pixels lie in the file, and blocks of other metadata
    {
        Tag.NewSubfileType,
        Tag.SubfileType,
        Tag.ImageWidth,
        Tag.ImageLength,
        Tag.BitsPerSample,
        Tag.Compression,
        Tag.PhotometricInterpretation,
        Tag.Thresholding,
        Tag.CellWidth,
        Tag.CellLength,
        Tag.FillOrder,
        Tag.StripOffsets,
        Tag.SamplesPerPixel,
        Tag.RowsPerStrip,
        Tag.StripByteCounts,
        Tag.MinSampleValue,
        Tag.MaxSampleValue,
        Tag.PlanarConfiguration,
        Tag.FreeOffsets,
        Tag.FreeByteCounts,
        Tag.GrayResponseUnit,
        Tag.GrayResponseCurve,
        Tag.T4Options,
        Tag.T6Options,
        Tag.PageNumber,
        Tag.TransferFunction,
        Tag.Predictor,
        Tag.WhitePoint,
        Tag.PrimaryChromaticities,
        Tag.ColorMap,
        Tag.HalftoneHints,
        Tag.TileWidth,
        Tag.TileLength,
        Tag.TileOffsets,
        Tag.TileByteCounts,
        Tag.SubIFDs,
        Tag.InkSet,
        Tag.InkNames,
        Tag.NumberOfInks,
        Tag.DotRange,
        Tag.ExtraSamples,
        Tag.SampleFormat,
        Tag.SMinSampleValue,
        Tag.SMaxSampleValue,
        Tag.TransferRange,
        Tag.ClipPath,
        Tag.XClipPathUnits,
        Tag.YClipPathUnits,
        Tag.Indexed,
        Tag.JPEGTables,
        Tag.JPEGProc,
        Tag.JpegIFOffset,
        Tag.JpegIFByteCount,
        Tag.JpegRestartInterval,
        Tag.JpegLosslessPredictors,
        Tag.JpegPointTransforms,
        Tag.JpegQTables,
        Tag.JpegDCTables,
        Tag.JpegACTables,
        Tag.YCbCrCoefficients,
        Tag.YCbCrSubSampling,
        Tag.YCbCrPositioning,
        Tag.ReferenceBlackWhite,
        Tag.XMLPacket,
        Tag.IPTCNAA,
        Tag.ImageResources,
        Tag.InterColorProfile,
    }
)


def orientation(image: Image.Image) -> Image.Transpose | None:
    """How an opened image is turned to stand upright; None if it stands upright, or its EXIF data are damaged."""
    try:
        with quiet():
            return TURNS.get(image.getexif().get(Tag.Orientation, 1))
    except DAMAGED:  # `read_exif` says so
        return None


def upright(image: Image.Image) -> Image.Image:
    """A loaded image with its EXIF orientation applied; `info` keeps the EXIF data as they were."""
    turn = orientation(image)
    return image if turn is None else image.transpose(turn)


def turned(samples: NDArray[Any], turn: Image.Transpose | None) -> NDArray[Any]:
    """What `Image.transpose` does, for an array (H, W, C)."""
    return samples if turn is None else ARRAY_TURNS[turn](samples)


def read_exif(image: Image.Image, width: int, height: int) -> tuple[bytes | None, str]:
    """EXIF data for the upright picture, in sRGB, of an image.

    Args:
        image: loaded, or a TIFF.
        width, height: of the upright picture.

    Returns:
        The data, None if there are none; and a note if they cannot be read.
    """
    damaged = None, "its EXIF data are damaged and left out"
    try:
        with quiet():
            exif = image.info.get("exif") or _gathered(image)
    except DAMAGED:
        return damaged
    try:
        return _made_true(exif, width, height) if exif else None, ""
    except (struct.error, KeyError):  # an offset out of the data, or no TIFF header
        return damaged


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
        Tag.Orientation: 1,
        Tag.ColorSpace: 1,
        Tag.ExifImageWidth: width,
        Tag.ExifImageHeight: height,
    }
    blocks = [first]
    for start in blocks:
        for tag, place, value in _entries(data, order, start):
            if tag == ExifTags.IFD.Exif and start == first and value not in blocks:  # damaged data may name themselves
                blocks.append(value)
            if tag in true:
                struct.pack_into(order + "HII", data, place + 2, LONG, 1, true[Tag(tag)])
                if tag in (Tag.Orientation, Tag.ColorSpace):
                    struct.pack_into(order + "HIHH", data, place + 2, SHORT, 1, 1, 0)
    (count,) = struct.unpack_from(order + "H", data, first)
    end = first + 2 + 12 * count
    (second,) = struct.unpack_from(order + "I", data, end)
    if second:
        found = {tag: value for tag, _, value in _entries(data, order, second)}
        start, size = found.get(Tag.JpegIFOffset, 0), found.get(Tag.JpegIFByteCount, 0)
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
