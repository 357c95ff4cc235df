"""Sixteen bits a channel: Pillow has no mode for such colors, so what it decodes is put together here.

Its unpackers `RGB;16B` and `RGB;16L` take the first and the second byte of every sample. A file decoded once
with each gives both bytes of all samples, whatever its compression, filters or tiles.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import putchunk

from pasticcio.image.exif import exif_tags, upright

Deep = NDArray[np.uint16]
Curve = Callable[[NDArray[Any]], NDArray[Any]]

TOP = 65535
COLORS = ("RGB", "RGBX", "RGBA", "RGBa")
ROWS = 256  # converted or written at a time
PNG_LEVEL = 4  # of zlib; on photos 6 is slower and no smaller
SRGB_TO_XYZ = np.array(  # colorants of the sRGB profile, in columns, adapted to D50
    [
        [0.43603516, 0.38511658, 0.14305115],
        [0.22248840, 0.71690369, 0.06060791],
        [0.01391602, 0.09706116, 0.71391296],
    ]
)


def is_deep(image: Image.Image) -> bool:
    """Whether an opened file, not yet loaded, holds colors of 16 bits that Pillow would cut to 8."""
    return image.mode in ("RGB", "RGBA", "CMYK", "LA") and (";16" in _rawmode(image) or _in_planes(image))


def read_deep(image: Image.Image, twin: Image.Image) -> Deep | None:
    """All 16 bits of a file's samples, upright.

    Args:
        image, twin: the file, opened twice and not yet loaded.

    Returns:
        (H, W, 2 to 4): gray and alpha, or RGB and perhaps alpha; None where they cannot be had: CMYK, and
        a TIFF that holds each channel apart.
    """
    if _in_planes(image):
        return None
    layout, _, order = _rawmode(image).partition(";16")
    if layout == "LA":  # one gray and one alpha are the four bytes of an ordinary RGBA
        pairs = _decoded(image, "RGBA")
        first, second = pairs[:, :, 0::2], pairs[:, :, 1::2]
    elif layout in COLORS:
        straight = layout.replace("a", "A")
        first, second = _decoded(image, f"{straight};16B"), _decoded(twin, f"{straight};16L")
    else:
        return None
    if order == "L" or (order == "N" and sys.byteorder == "little"):
        first, second = second, first
    samples: Deep = first.astype(np.uint16)
    samples <<= 8
    samples |= second
    if layout == "RGBa":
        alpha = np.maximum(samples[:, :, 3:].astype(np.float32), 1) / np.float32(TOP)
        samples[:, :, :3] = np.clip(samples[:, :, :3] / alpha + np.float32(0.5), 0, TOP)
    return samples


def in_eight_bits(image: Image.Image) -> Image.Image:
    """A deep file, opened anew, for Pillow to read: uncompressed channels that lie apart go the way of compressed
    ones, for on its own it takes their bytes for samples."""
    if _in_planes(image) and ";16" not in _rawmode(image):
        tiff: Any = image
        tiff.use_load_libtiff, args = True, (f"{image.mode};16N", False, tiff.tag_v2.offset)
        tiff.tile = [tiff.tile[0]._replace(codec_name="libtiff", extents=(0, 0, *image.size), offset=0, args=args)]
    return image


def _in_planes(image: Image.Image) -> bool:
    tags = getattr(image, "tag_v2", {})
    return tags.get(284) == 2 and 16 in tags.get(258, ())


def _rawmode(image: Image.Image) -> str:
    args = image.tile[0].args if getattr(image, "tile", None) else ""  # type: ignore[attr-defined]
    return str(args[0] if isinstance(args, tuple) and args else args)


def _decoded(image: Any, rawmode: str) -> NDArray[np.uint8]:
    image.tile = [
        tile._replace(args=(rawmode, *tile.args[1:]) if isinstance(tile.args, tuple) else rawmode)
        for tile in image.tile
    ]
    return np.asarray(upright(image))


def write_png(file: IO[bytes], samples: Deep, profile: bytes, exif: bytes | None) -> None:
    """Write a PNG of 16 bits.

    Args:
        file: open for writing.
        samples: (H, W, 3 or 4).
        profile: ICC profile.
        exif: with or without its "Exif" mark.
    """
    height, width, channels = samples.shape
    file.write(b"\x89PNG\r\n\x1a\n")
    putchunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, {3: 2, 4: 6}[channels], 0, 0, 0))
    putchunk(file, b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile))
    if exif:
        putchunk(file, b"eXIf", exif.removeprefix(b"Exif\0\0"))
    squeeze = zlib.compressobj(PNG_LEVEL, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
    above = np.zeros((1, width * channels * 2), np.uint8)
    for top in range(0, height, ROWS):
        rows = np.ascontiguousarray(samples[top : top + ROWS], ">u2").view(np.uint8).reshape(-1, above.shape[1])
        data = squeeze.compress(_filtered(rows, above, 2 * channels).tobytes())
        if data:
            putchunk(file, b"IDAT", data)
        above = rows[-1:]
    putchunk(file, b"IDAT", squeeze.flush())
    putchunk(file, b"IEND", b"")


def _filtered(rows: NDArray[np.uint8], above: NDArray[np.uint8], step: int) -> NDArray[np.uint8]:
    """Each row by the better of the filters Sub and Up (PNG, section 9.2), after its number."""
    sub, up = rows.copy(), rows - np.concatenate([above, rows[:-1]])
    sub[:, step:] -= rows[:, :-step]
    cost_sub, cost_up = (np.abs(filtered.view(np.int8).astype(np.int16)).sum(1) for filtered in (sub, up))
    better = (cost_up < cost_sub)[:, None]
    return np.concatenate([np.where(better, 2, 1).astype(np.uint8), np.where(better, up, sub)], axis=1)


def write_tiff(file: IO[bytes], samples: Deep, profile: bytes, exif: bytes | None) -> None:
    """Write an uncompressed TIFF of 16 bits; see `write_png`."""
    height, width, channels = samples.shape
    tags = exif_tags(exif)  # Pillow's writer of EXIF is its writer of TIFF
    size = samples.size * 2
    tags.update({256: width, 257: height, 258: (16,) * channels, 259: 1, 262: 2, 273: 0, 277: channels})
    tags.update({278: height, 279: size, 284: 1, 34675: profile, **({338: 2} if channels == 4 else {})})
    file.write(tags.tobytes().removeprefix(b"Exif\0\0"))  # the strip's offset, 0, is moved behind the tags
    for top in range(0, height, ROWS):
        file.write(samples[top : top + ROWS].astype("<u2").tobytes())


def to_srgb(samples: Deep, profile: bytes) -> Deep | None:
    """Colors of an ICC profile in sRGB, relative colorimetric.

    Args:
        samples: (H, W, 1 or 3), without alpha.
        profile: of gray by a curve, or of RGB by three curves and a matrix (ICC.1, section 8.3 to 8.4).

    Returns:
        (H, W, 3); None where the profile is of another kind, such as one of tables, or damaged.
    """
    channels = samples.shape[2]
    try:
        tags = _tags(profile)
        names = {b"GRAY": ["kTRC"], b"RGB ": ["rTRC", "gTRC", "bTRC"]}[profile[16:20]]
        if len(names) != channels or profile[20:24] != b"XYZ " or "A2B0" in tags:
            return None
        ramp = np.arange(TOP + 1) / TOP
        curves = [_curve(tags[name])(ramp).astype(np.float32) for name in names]
        change = np.ones((1, 1))
        if channels == 3:
            change = np.linalg.inv(SRGB_TO_XYZ) @ np.array([_numbers(tags[f"{c}XYZ"][8:20]) for c in "rgb"]).T
    except (struct.error, ValueError, KeyError, IndexError, ZeroDivisionError):
        return None
    change = change.astype(np.float32)
    result = np.empty(samples.shape, np.uint16)
    for top in range(0, len(samples), ROWS):
        rows = samples[top : top + ROWS]
        light = np.stack([curve[rows[:, :, i]] for i, curve in enumerate(curves)], axis=2) @ change.T
        result[top : top + ROWS] = _srgb_encoded(np.clip(light, 0.0, 1.0)) * np.float32(TOP) + np.float32(0.5)
    return np.repeat(result, 3, axis=2) if channels == 1 else result


def _tags(profile: bytes) -> dict[str, bytes]:
    (count,) = struct.unpack_from(">I", profile, 128)
    entries = [struct.unpack_from(">4sII", profile, 132 + 12 * i) for i in range(min(count, 100))]
    return {name.decode("latin-1"): profile[start : start + size] for name, start, size in entries}


def _numbers(data: bytes) -> NDArray[np.float64]:
    """s15Fixed16 numbers."""
    return np.frombuffer(data, ">i4").astype(np.float64) / 65536


def _curve(tag: bytes) -> Curve:
    """A `curv` or `para` tag (ICC.1, sections 10.6 and 10.18) as a function on [0, 1]."""
    if tag[:4] == b"curv":
        (count,) = struct.unpack_from(">I", tag, 8)
        table = np.frombuffer(tag, ">u2", count, 12).astype(np.float64)
        if count == 0:
            return lambda x: x
        if count == 1:
            return lambda x: x ** (table[0] / 256)
        return lambda x: np.interp(x, np.linspace(0, 1, count), table / TOP)
    if tag[:4] != b"para":
        raise ValueError(f"a curve of type {tag[:4]!r}")
    (kind,) = struct.unpack_from(">H", tag, 8)
    g, a, b, c, d, e, f = _parameters(kind, _numbers(tag[12 : 12 + 4 * (1, 3, 4, 5, 7)[kind]]))
    return lambda x: np.where(x >= d, np.maximum(a * x + b, 0) ** g + e, c * x + f)


def _parameters(kind: int, given: NDArray[np.float64]) -> tuple[float, ...]:
    """g, a, b, c, d, e, f of y = (a x + b)^g + e where x >= d, else c x + f."""
    values = [float(v) for v in given]
    if kind == 0:
        return values[0], 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if kind in (1, 2):
        g, a, b = values[:3]
        e = values[3] if kind == 2 else 0.0
        return g, a, b, 0.0, -b / a, e, e
    return (*values, 0.0, 0.0) if kind == 3 else tuple(values)


def _srgb_encoded(light: NDArray[np.float32]) -> NDArray[np.float32]:
    """IEC 61966-2-1."""
    curved = np.float32(1.055) * np.maximum(light, 1e-9) ** np.float32(1 / 2.4) - np.float32(0.055)
    result: NDArray[np.float32] = np.where(light <= 0.0031308, np.float32(12.92) * light, curved)
    return result
