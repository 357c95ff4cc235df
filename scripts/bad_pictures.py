"""Bad pictures of many kinds, made by code: files that are no pictures, or lie, or are cut off, and odd good ones.

    python scripts/bad_pictures.py FOLDER

`FILES` has the contents by file name, `ARRAYS` arrays that are no pictures, or odd ones. `make` writes the files, and
folders, links, pipes and sockets beside them.
"""

from __future__ import annotations

import io
import os
import socket
import struct
import sys
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of an image in a format of Pillow."""
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def photo(mode: str = "RGB", width: int = 40, height: int = 32) -> Image.Image:
    """A small picture with a gradient and noise."""
    noise = np.random.default_rng(0).integers(0, 60, (height, width, 3))
    ramp = np.linspace(0, 190, width)[None, :, None]
    return Image.fromarray((noise + ramp).astype(np.uint8)).convert(mode)


def chunk(kind: bytes, data: bytes) -> bytes:
    """A chunk of a PNG file."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, depth: int = 8, color: int = 2, rows: bytes = b"", interlace: int = 0) -> bytes:
    """A PNG file whose header says what it is told."""
    head = struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlace)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


def bmp(width: int, height: int, bits: int = 24) -> bytes:
    """The head of a BMP file, and 100 bytes."""
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, bits, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 154, 0, 0, 54) + head + bytes(100)


def tall(tiff: bytes, height: int) -> bytes:
    """A TIFF file of Pillow's that says that it has another height, and has the strips that it had."""
    (first,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, first)
    changed = bytearray(tiff)
    for place in range(first + 2, first + 2 + 12 * count, 12):
        if struct.unpack_from("<H", tiff, place) == (257,):  # ImageLength
            struct.pack_into("<HII", changed, place + 2, 4, 1, height)
    return bytes(changed)


def flip(data: bytes, every: int) -> bytes:
    """The data with every so-many-th byte changed, after the first twenty."""
    changed = bytearray(data)
    for place in range(20, len(changed), every):
        changed[place] ^= 0x5A
    return bytes(changed)


def _files() -> dict[str, bytes]:
    rgb, gray = photo(), photo("L")
    jpeg, whole, gif = encoded(rgb, "JPEG"), encoded(rgb, "PNG"), encoded(rgb, "GIF")
    tiff, webp, ppm = encoded(rgb, "TIFF"), encoded(rgb, "WEBP"), encoded(rgb, "PPM")
    deep = Image.fromarray(np.arange(1280, dtype=np.uint16).reshape(32, 40) * 51)
    real = np.linspace(0, 1, 1280, dtype=np.float32).reshape(32, 40)
    holes = real.copy()
    holes[::3], holes[1::3] = np.nan, np.inf
    pages = [photo(width=40 + i) for i in range(3)]
    exif = Image.Exif()
    exif[0x0112] = 6
    odd = Image.Exif()
    odd[0x0112] = 99
    files = {
        "empty.jpg": b"",
        "one-byte.png": b"\x89",
        "text.jpg": b"this is no picture\n" * 20,
        "page.png": b"<!doctype html><html><body>404</body></html>",
        "drawing.png": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
        "document.jpg": b"%PDF-1.4\n%\xe2\xe3\n1 0 obj\n<<>>\nendobj\n",
        "archive.jpg": b"PK\x03\x04" + bytes(60),
        "script.gif": b"#!/bin/sh\nexit 1\n",
        "program.png": b"\x7fELF\x02\x01\x01" + bytes(80),
        "fork._jpg.jpg": b"\x00\x05\x16\x07\x00\x02\x00\x00" + bytes(60),
        "zeros.jpg": bytes(5000),
        "noise.jpg": np.random.default_rng(1).bytes(5000),
        "pickle.png": b"\x80\x04\x95\x10\x00\x00\x00\x00\x00\x00\x00\x8c\x05posix\x94\x8c\x06system\x94\x93\x94.",
        "postscript.jpg": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99999 99999\n%%EndComments\nshowpage\n",
        "trailing.jpg": jpeg + b"x" * 4000,
        "two.jpg": jpeg + jpeg,
        "jpeg-named.png": jpeg,
        "png-named.jpg": whole,
        "bomb.png": png(60_000, 60_000, rows=bytes(1000)),
        "widest.png": png(2**31 - 1, 1),
        "largest.png": png(2**31 - 1, 2**31 - 1),
        "no-width.png": png(0, 10),
        "no-height.png": png(10, 0),
        "few-rows.png": png(40, 32, rows=bytes(300)),
        "odd-depth.png": png(8, 8, depth=7, rows=bytes(300)),
        "odd-color.png": png(8, 8, color=5, rows=bytes(300)),
        "odd-filter.png": png(8, 8, rows=(b"\x09" + bytes(24)) * 8),
        "no-palette.png": png(8, 8, color=3, rows=bytes(72)),
        "interlaced.png": png(8, 8, rows=bytes(3 * 64 + 15), interlace=1),
        "interlaced-cut.png": png(64, 64, rows=bytes(40), interlace=1),
        "odd-interlace.png": png(8, 8, rows=bytes(200), interlace=9),
        "checksum.png": whole[:29] + b"abcd" + whole[33:],
        "flipped.png": flip(whole, 97),
        "flipped.jpg": flip(jpeg, 41),
        "flipped.gif": flip(gif, 41),
        "flipped.tif": flip(tiff, 17),
        "flipped.webp": flip(webp, 41),
        "text-bomb.png": whole[:33] + chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(80_000_000))) + whole[33:],
        "profile-bomb.png": whole[:33] + chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(80_000_000))) + whole[33:],
        "huge.bmp": bmp(200_000, 200_000),
        "negative.bmp": bmp(-5, 5),
        "no-size.bmp": bmp(0, 0),
        "odd-bits.bmp": bmp(8, 8, 13),
        "huge.ppm": b"P6 99999 99999 255\n" + bytes(50),
        "no-number.ppm": b"P6 ten ten 255\n" + bytes(50),
        "no-most.ppm": b"P6 4 4 0\n" + bytes(50),
        "profile.jpg": encoded(rgb, "JPEG", icc_profile=b"not a profile" * 20),
        "profile-head.png": encoded(rgb, "PNG", icc_profile=bytes(36) + b"acsp" + bytes(88)),
        "profile-deep.png": encoded(deep, "PNG", icc_profile=b"\xff" * 128),
        "exif-noise.jpg": encoded(rgb, "JPEG", exif=b"Exif\0\0" + np.random.default_rng(2).bytes(300)),
        "exif-loop.jpg": encoded(
            rgb, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"
        ),
        "exif-cut.jpg": encoded(rgb, "JPEG", exif=exif.tobytes()[:14]),
        "exif-turn.jpg": encoded(rgb, "JPEG", exif=exif.tobytes()),
        "exif-odd.jpg": encoded(rgb, "JPEG", exif=odd.tobytes()),
        "palette.png": encoded(photo("P"), "PNG"),
        "palette-clear.png": encoded(photo("P"), "PNG", transparency=bytes(100)),
        "clear.png": encoded(Image.new("RGBA", (40, 32)), "PNG"),
        "gray-alpha.png": encoded(photo("LA"), "PNG"),
        "one-bit.png": encoded(photo("1"), "PNG"),
        "one-bit.tif": encoded(photo("1"), "TIFF", compression="group4"),
        "cmyk.jpg": encoded(photo("CMYK"), "JPEG"),
        "cmyk.tif": encoded(photo("CMYK"), "TIFF"),
        "lab.tif": encoded(photo("LAB"), "TIFF"),
        "gray.jpg": encoded(gray, "JPEG"),
        "progressive.jpg": encoded(rgb, "JPEG", progressive=True),
        "deep.png": encoded(deep, "PNG"),
        "deep-cut.png": encoded(deep, "PNG")[:-300],
        "deep.tif": encoded(deep, "TIFF"),
        "whole-numbers.tif": encoded(Image.fromarray((real * 255).astype(np.int32)), "TIFF"),
        "float.tif": encoded(Image.fromarray(real), "TIFF"),
        "float-255.tif": encoded(Image.fromarray(real * 255), "TIFF"),
        "nan.tif": encoded(Image.fromarray(holes), "TIFF"),
        "pages.tif": encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:]),
        "animated.gif": encoded(pages[0], "GIF", save_all=True, append_images=pages[1:]),
        "animated.webp": encoded(rgb, "WEBP", save_all=True, append_images=[rgb.rotate(90)] * 2),
        "animated.png": encoded(rgb, "PNG", save_all=True, append_images=[rgb.rotate(90)] * 2),
        "tall.tif": tall(encoded(Image.fromarray(real), "TIFF"), 6_118_176),
        "tall-fax.tif": tall(encoded(photo("1"), "TIFF", compression="group4"), 6_118_176),
        "loop.tif": b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
        "far.tif": b"II*\0\xf0\xff\xff\xff" + bytes(40),
        "one-pixel.png": encoded(Image.new("RGB", (1, 1)), "PNG"),
        "thread.png": encoded(Image.new("RGB", (3000, 1)), "PNG"),
        "a" * 246 + ".jpg": b"a long name and no picture",
        "new\nline.png": b"no picture",
        "-option.png": b"no picture",
    }
    for name, data in {
        "cut.jpg": jpeg,
        "cut.png": whole,
        "cut.gif": gif,
        "cut.tif": tiff,
        "cut.webp": webp,
        "cut.ppm": ppm,
    }.items():
        files[name] = data[: len(data) * 2 // 3]
        files[f"head-{name}"] = data[:24]
    return files


FILES = _files()


def _arrays() -> dict[str, Any]:
    gray, rgb = np.asarray(photo("L")), np.asarray(photo())
    real = rgb / np.float32(255)
    return {
        "no pixels": rgb[:0],
        "a number": np.array(5, np.uint8),
        "a row": gray[0],
        "two channels": rgb[:, :, :2],
        "five channels": np.zeros((8, 8, 5), np.uint8),
        "channels first": rgb.transpose(2, 0, 1),
        "a batch": rgb[None],
        "a cube": np.zeros((8,) * 5, np.uint8),
        "booleans": gray > 100,
        "signed bytes": np.full((8, 8), -5, np.int8),
        "64 bits": rgb.astype(np.int64),
        "complex": real.astype(np.complex64),
        "objects": np.array([[1, None], ["a", 2.0]], object),
        "text": np.array([["a", "b"]]),
        "dates": np.array([["2020-01-01"]], "datetime64[D]"),
        "records": np.zeros((8, 8), [("red", np.uint8), ("green", np.uint8)]),
        "not a number": np.full((8, 8, 3), np.nan, np.float32),
        "without end": np.full((8, 8, 3), np.inf),
        "up to 255": real * 255,
        "below 0": real - 1,
        "long double": real.astype(np.longdouble),
        "half": real.astype(np.float16),
        "big-endian": rgb.astype(">u2"),
        "backwards": rgb[::-1, ::-1],
        "every third": rgb[::3, ::3],
        "in Fortran's order": np.asfortranarray(rgb),
        "one pixel repeated": np.broadcast_to(np.uint8(7), (50, 60, 3)),
        "masked": np.ma.masked_less(gray, 50),
        "one pixel": rgb[:1, :1],
    }


ARRAYS = _arrays()


def make(folder: Path) -> list[str | bytes]:
    """Write all of `FILES` into a folder, and what is no file though its name says so.

    Returns:
        The paths; that of a name that is not UTF-8 is bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    paths: list[str | bytes] = []
    for name, data in FILES.items():
        (folder / name).write_bytes(data)
        paths.append(str(folder / name))
    (folder / "folder.jpg").mkdir()
    os.mkfifo(folder / "pipe.png")
    os.symlink("nowhere.png", folder / "dangling.png")
    os.symlink("loop.png", folder / "loop.png")
    os.symlink("/dev/zero", folder / "endless.png")
    os.symlink("/dev/null", folder / "null.png")
    with socket.socket(socket.AF_UNIX) as server:
        before = os.getcwd()
        os.chdir(folder)  # the path of a socket has at most 107 bytes
        server.bind("socket.jpg")
        os.chdir(before)
    locked = folder / "locked.png"
    locked.write_bytes(FILES["gray-alpha.png"])
    locked.chmod(0)
    special = (
        "folder.jpg",
        "pipe.png",
        "dangling.png",
        "loop.png",
        "endless.png",
        "null.png",
        "socket.jpg",
        "locked.png",
    )
    paths += [str(folder / name) for name in special]
    odd = os.path.join(os.fsencode(folder), b"caf\xe9-\xff.jpg")
    with open(odd, "wb") as file:
        file.write(b"no picture")
    return [*paths, odd]


if __name__ == "__main__":
    print(f"{len(make(Path(sys.argv[1])))} bad pictures in {sys.argv[1]}")
