"""ICC profiles: that of sRGB, and the conversion of other profiles to sRGB, in 8 and in 16 bits."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

Deep = NDArray[np.uint16]
Curve = Callable[[NDArray[Any]], NDArray[Any]]

TOP = 65535
ROWS = 256  # converted at a time
SRGB_TO_XYZ = np.array(  # colorants of the sRGB profile, in columns, adapted to D50
    [
        [0.43603516, 0.38511658, 0.14305115],
        [0.22248840, 0.71690369, 0.06060791],
        [0.01391602, 0.09706116, 0.71391296],
    ]
)


def srgb_profile() -> bytes:
    """The ICC profile of sRGB, the same bytes at every call: the date in it is fixed."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    return bytes(data)


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """A loaded 8-bit image of any mode as RGB in sRGB.

    Args:
        image: without alpha.
        profile: ICC profile of its colors; one that is damaged, or of another kind of colors, is passed over.
    """
    if image.mode == "LAB":
        image = _converted(image, ImageCms.createProfile("LAB"))
    elif profile and profile != srgb_profile():
        kind = profile[16:20]
        space = {(b"GRAY", "1"): "L", (b"GRAY", "L"): "L", (b"CMYK", "CMYK"): "CMYK"}.get((kind, image.mode), "RGB")
        if image.mode != space:
            image = image.convert(space)
        with contextlib.suppress(ImageCms.PyCMSError, OSError):
            image = _converted(image, ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    return image if image.mode == "RGB" else image.convert("RGB")


def _converted(image: Image.Image, profile: Any) -> Image.Image:
    # LittleCMS's optimization for speed makes dark grays 4% too light or too dark.
    flags = ImageCms.Flags.NOOPTIMIZE if image.mode == "L" else ImageCms.Flags.NONE
    found = ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB", flags=flags)
    return image if found is None else found


def deep_to_srgb(samples: Deep, profile: bytes) -> Deep | None:
    """16-bit colors of an ICC profile in sRGB, relative colorimetric.

    Args:
        samples: (H, W, 1 or 3), without alpha.
        profile: of gray by a curve, or of RGB by three curves and a matrix (ICC.1, section 8.3 to 8.4).

    Returns:
        (H, W, 3); None if the profile is of another kind, such as one of tables, or damaged.
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
    """Numbers of the type s15Fixed16 (ICC.1, section 4.6)."""
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
    """Linear light in the encoding of sRGB (IEC 61966-2-1)."""
    curved = np.float32(1.055) * np.maximum(light, 1e-9) ** np.float32(1 / 2.4) - np.float32(0.055)
    result: NDArray[np.float32] = np.where(light <= 0.0031308, np.float32(12.92) * light, curved)
    return result
