"""Colors of 16 bits a channel, which Pillow reads and writes in 8: PNG and TIFF.

Of a PNG Pillow decodes the upper bytes of all samples or, on demand, the lower ones; both together are the 16 bits.
A TIFF is read by tifffile, which the extra "tiff" installs.
"""

from __future__ import annotations

import io
import logging
import struct
import zlib
from importlib.util import find_spec
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray
from PIL import ExifTags, Image

from pasticcio.errors import ImageError
from pasticcio.image.decoding import decoding
from pasticcio.image.exif import exif_tags
from pasticcio.image.icc import TOP, Deep

Tag = ExifTags.Base

ROWS = 256  # written at a time
PNG_LEVEL = 4  # of zlib; on photos 6 is slower and no smaller
PNG_MODES = {2: "RGB", 4: "LA", 6: "RGBA"}  # by color type
PNG_COLOR_TYPES = {3: 2, 4: 6}  # by channels
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
TIFF_CODECS = ("NONE", "ADOBE_DEFLATE", "DEFLATE", "PACKBITS", "LZMA")  # that tifffile decodes without imagecodecs
MISSING = "16-bit colors of a TIFF need tifffile and imagecodecs: pip install 'pasticcio[tiff]'"
ASSOCIATED, UNASSOCIATED = 1, 2  # values of a TIFF's tag ExtraSamples: alpha multiplied into the colors, or not


def is_deep(image: Image.Image, data: bytes) -> bool:
    """Whether an opened file holds several channels of 16 bits, which Pillow would cut to 8."""
    if image.format == "PNG":
        return data[24] == 16 and data[25] in PNG_MODES
    tags = getattr(image, "tag_v2", {})
    return 16 in tags.get(Tag.BitsPerSample, ()) and tags.get(Tag.SamplesPerPixel, 1) > 1


def read_deep(image: Image.Image, data: bytes, name: str) -> tuple[Deep | None, str]:
    """All 16 bits of a file's samples, as they lie in the file.

    Args:
        image, data: the file, opened, and its bytes.
        name: for messages.

    Returns:
        (H, W, 2 to 4), and what they are: "LA", "RGB", "RGBA" or "CMYK"; None for a TIFF that cannot be read here.

    Raises:
        ImageError: the file is damaged.
    """
    return _read_png(image, data, name) if image.format == "PNG" else _read_tiff(data, name)


def cut_to_eight(image: Image.Image, name: str) -> None:
    """Let Pillow decode the upper 8 bits of an opened TIFF.

    Raises:
        ImageError: the file is damaged, or of a kind that Pillow takes for one of 8 bits.
    """
    tags = getattr(image, "tag_v2", {})
    if tags.get(Tag.PlanarConfiguration, 1) != 1 and tags.get(Tag.Compression, 1) == 1:
        raise ImageError(f"{name} cannot be read: {MISSING}")
    with decoding(name):
        image.load()


def _read_png(image: Image.Image, data: bytes, name: str) -> tuple[Deep, str]:
    mode, interlaced = PNG_MODES[data[25]], data[28]
    with decoding(name):
        image.load()
        pixels = b"".join(_chunks(data, b"IDAT"))
        if mode == "LA":  # the four bytes of a gray and an alpha are read as those of an RGBA
            both = np.asarray(Image.frombytes("RGBA", image.size, pixels, "zip", "RGBA", interlaced))
            upper, lower = both[:, :, 0::2], both[:, :, 1::2]
        else:
            upper = np.asarray(image)
            lower = np.asarray(Image.frombytes(mode, image.size, pixels, "zip", f"{mode};16L", interlaced))
    return upper.astype(np.uint16) << 8 | lower, mode


def _chunks(data: bytes, kind: bytes) -> list[bytes]:
    found, start = [], len(PNG_SIGNATURE)
    while start + 8 <= len(data):
        (size,) = struct.unpack_from(">I", data, start)
        if data[start + 4 : start + 8] == kind:
            found.append(data[start + 8 : start + 8 + size])
        start += 12 + size
    return found


def _read_tiff(data: bytes, name: str) -> tuple[Deep | None, str]:
    if find_spec("tifffile") is None:
        return None, ""
    import tifffile

    logging.getLogger("tifffile").addHandler(logging.NullHandler())  # else Python prints its warnings
    with decoding(name), tifffile.TiffFile(io.BytesIO(data)) as file:
        page: Any = file.pages[0]
        if page.compression.name not in TIFF_CODECS and find_spec("imagecodecs") is None:
            return None, ""
        ends = [at + size for at, size in zip(page.dataoffsets, page.databytecounts, strict=True)]
        samples = page.asarray() if max(ends) <= len(data) else None
    if samples is None:
        raise ImageError(f"{name} is damaged or cut off: it ends {max(ends) - len(data)} bytes early")
    colors = {"MINISBLACK": "L", "RGB": "RGB", "SEPARATED": "CMYK"}.get(page.photometric.name, "")
    if not colors or samples.dtype.newbyteorder("=") != np.uint16 or samples.ndim != 3:
        return None, ""
    samples = samples.astype(np.uint16, copy=False)
    if page.planarconfig.name == "SEPARATE":
        samples = np.moveaxis(samples, 0, 2)
    extra = page.extrasamples[0] if page.extrasamples else None
    clear = extra in (ASSOCIATED, UNASSOCIATED) and colors != "CMYK"
    samples = samples[:, :, : len(colors) + clear]
    if clear and extra == ASSOCIATED:
        alpha = np.maximum(samples[:, :, -1:].astype(np.float32), 1) / np.float32(TOP)
        straight = np.clip(samples[:, :, :-1] / alpha + np.float32(0.5), 0, TOP).astype(np.uint16)
        samples = np.concatenate([straight, samples[:, :, -1:]], axis=2)
    return samples, colors + "A" * clear


def write_png(file: IO[bytes], samples: Deep, profile: bytes, exif: bytes | None) -> None:
    """Write a PNG of 16 bits.

    Args:
        file: open for writing.
        samples: (H, W, 3 or 4).
        profile: ICC profile.
        exif: with or without its "Exif" mark.
    """
    height, width, channels = samples.shape
    file.write(PNG_SIGNATURE)
    _put_chunk(file, b"IHDR", struct.pack(">IIBBBBB", width, height, 16, PNG_COLOR_TYPES[channels], 0, 0, 0))
    _put_chunk(file, b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile))
    if exif:
        _put_chunk(file, b"eXIf", exif.removeprefix(b"Exif\0\0"))
    squeeze = zlib.compressobj(PNG_LEVEL, zlib.DEFLATED, 15, 9, zlib.Z_FILTERED)
    above = np.zeros((1, width * channels * 2), np.uint8)
    for top in range(0, height, ROWS):
        rows = np.ascontiguousarray(samples[top : top + ROWS], ">u2").view(np.uint8).reshape(-1, above.shape[1])
        data = squeeze.compress(_filtered(rows, above, 2 * channels).tobytes())
        if data:
            _put_chunk(file, b"IDAT", data)
        above = rows[-1:]
    _put_chunk(file, b"IDAT", squeeze.flush())
    _put_chunk(file, b"IEND", b"")


def _put_chunk(file: IO[bytes], kind: bytes, data: bytes) -> None:
    file.write(struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)))


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
    tags = exif_tags(exif)  # Pillow writes EXIF data as a TIFF without pixels
    tags.update(
        {
            Tag.ImageWidth: width,
            Tag.ImageLength: height,
            Tag.BitsPerSample: (16,) * channels,
            Tag.Compression: 1,  # none
            Tag.PhotometricInterpretation: 2,  # RGB
            Tag.StripOffsets: 0,  # counted from the end of the tags; Pillow adds what comes before
            Tag.SamplesPerPixel: channels,
            Tag.RowsPerStrip: height,
            Tag.StripByteCounts: samples.size * 2,
            Tag.PlanarConfiguration: 1,  # the samples of a pixel lie together
            Tag.InterColorProfile: profile,
        }
    )
    if channels == 4:
        tags[Tag.ExtraSamples] = UNASSOCIATED
    file.write(tags.tobytes().removeprefix(b"Exif\0\0"))
    for top in range(0, height, ROWS):
        file.write(samples[top : top + ROWS].astype("<u2").tobytes())
