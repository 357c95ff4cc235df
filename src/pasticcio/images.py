"""Pictures: files, bytes, PIL images and arrays <-> float32 arrays (H, W, 3), sRGB in [0, 1]."""

from __future__ import annotations

import contextlib
import io
import os
import struct
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from pasticcio.errors import ImageError, OutputError

Array = NDArray[np.float32]
Source = str | os.PathLike[str] | bytes | BinaryIO | Image.Image | NDArray[Any]

JPEG_QUALITY = 95
DAMAGED = (OSError, ValueError, SyntaxError, IndexError, EOFError, struct.error)  # what Pillow's decoders raise
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
}
READABLE = frozenset({*FORMATS, ".gif", ".bmp", ".avif"})


def open_image(source: Source) -> Array:
    """Read a picture.

    The EXIF orientation is applied, an embedded colour profile is converted to sRGB, grey, palette
    and CMYK become RGB, transparent pixels are laid over white, and of an animation the first frame
    is taken.

    Args:
        source: a path, the bytes of a file, a binary file, a PIL image, or an array of shape (H, W),
            (H, W, 1), (H, W, 3) or (H, W, 4), uint8 or uint16 over their whole range or floating
            point in [0, 1].

    Returns:
        float32 (H, W, 3) in [0, 1].

    Raises:
        ImageError: missing, not a picture, truncated, too large, or an array of another kind.
    """
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _decode(source, "the picture given")
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            raise ImageError(f"no such file: {path}") from None
        except IsADirectoryError:
            raise ImageError(f"{path} is a folder, not a picture; name a file in it") from None
        except OSError as error:
            raise ImageError(f"cannot read {path}: {error.strerror or error}") from error
        name = str(path)
    else:
        data = source if isinstance(source, bytes) else source.read()
        name = getattr(source, "name", "the picture given")
    if not data:
        raise ImageError(f"{name} is empty; it holds no picture")
    try:
        # Pillow only warns up to twice its limit; the limit is ours to judge by, so no warning.
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(data)) as image:
                return _decode(image, name)
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not a picture that can be read here") from None
    except DAMAGED as error:
        raise ImageError(f"{name} is damaged or cut off: {_first_line(error)}") from error
    except Image.DecompressionBombError:
        limit = 2 * (Image.MAX_IMAGE_PIXELS or 0) // 1_000_000
        raise ImageError(
            f"{name} has more than {limit} million pixels; if you trust it, raise PIL.Image.MAX_IMAGE_PIXELS"
        ) from None


def list_pictures(folder: str | os.PathLike[str]) -> list[Path]:
    """The picture files right in a folder, by name.

    Raises:
        ImageError: there are none.
    """
    found = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in READABLE)
    if not found:
        raise ImageError(f"no pictures in folder {folder}; it must hold some of {', '.join(sorted(READABLE))}")
    return found


def _decode(image: Image.Image, name: str) -> Array:
    try:
        image.load()
        profile = image.info.get("icc_profile")
        image = ImageOps.exif_transpose(image)
        image = _to_srgb(image, profile)
        if image.mode == "P" and "transparency" in image.info:
            image = image.convert("RGBA")
        if image.mode in ("RGBA", "LA", "PA", "La", "RGBa"):
            rgba = image.convert("RGBA")
            white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
            image = Image.alpha_composite(white, rgba)
        if image.mode.startswith("I") or image.mode == "F":
            return _deep_grey(image)
        return _from_array(np.asarray(image.convert("RGB")))
    except DAMAGED as error:
        raise ImageError(f"{name} is damaged or cut off: {_first_line(error)}") from error


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert to sRGB where the file says it is something else; a damaged profile is passed over."""
    if not profile or image.mode not in ("RGB", "RGBA", "CMYK", "L"):
        return image
    with contextlib.suppress(ImageCms.PyCMSError, OSError):
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        colours = image.convert("RGB") if alpha is not None else image
        converted = ImageCms.profileToProfile(
            colours, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
        )
        if converted is not None:
            if alpha is not None:
                converted.putalpha(alpha)
            return converted
    return image


def _deep_grey(image: Image.Image) -> Array:
    """16-bit and 32-bit integer grey over 16 bits; floating point as it is."""
    values = np.asarray(image, dtype=np.float32)
    values = np.clip(values if image.mode == "F" else values / 65535.0, 0.0, 1.0)
    return np.repeat(values[:, :, None], 3, axis=2)


def _from_array(array: NDArray[Any]) -> Array:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ImageError(f"an array of shape {array.shape} is no picture; it must be (H, W), or (H, W, 1, 3 or 4)")
    if array.dtype in (np.uint8, np.uint16):
        values = array.astype(np.float32) / np.float32(np.iinfo(array.dtype).max)
    elif np.issubdtype(array.dtype, np.floating):
        values = array.astype(np.float32)
        low, high = float(values.min()), float(values.max())
        if not (low >= -1e-3 and high <= 1.0 + 1e-3):  # NaN fails too
            raise ImageError(f"a floating-point picture must lie in [0, 1]; this one spans {low:g} to {high:g}")
        values = np.clip(values, 0.0, 1.0)
    else:
        raise ImageError(f"an array of {array.dtype} is no picture; use uint8, uint16 or floating point in [0, 1]")
    if values.shape[2] == 4:
        alpha = values[:, :, 3:]
        values = values[:, :, :3] * alpha + (1.0 - alpha)
    return np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values


def to_pil(image: Array) -> Image.Image:
    """An array in [0, 1] as an 8-bit PIL image; values are rounded and clipped."""
    return Image.fromarray(np.clip(image * 255.0 + 0.5, 0, 255).astype(np.uint8))


def save_image(image: Array | Image.Image, path: str | os.PathLike[str]) -> None:
    """Write a picture; the file appears whole or not at all.

    Args:
        image: float32 (H, W, 3) in [0, 1], or a PIL image.
        path: its suffix names the format: .png, .jpg, .webp or .tif.

    Raises:
        OutputError: unknown suffix, missing folder, or a place that cannot be written.
    """
    target = Path(path)
    check_output(target)
    kind = FORMATS[target.suffix.lower()]
    options: dict[str, Any] = {
        "JPEG": {"quality": JPEG_QUALITY, "subsampling": 0},
        "WEBP": {"quality": JPEG_QUALITY},
    }.get(kind, {})
    picture = image if isinstance(image, Image.Image) else to_pil(image)
    with writing(target) as partial:
        try:
            picture.save(partial, format=kind, **options)
        except (OSError, ValueError) as error:
            raise OutputError(f"cannot write {target} as {kind}: {_first_line(error)}") from error


def check_output(path: Path) -> None:
    """Refuse what could not be written, before any work is done.

    Raises:
        OutputError: unknown suffix, missing folder, a folder in its place, or no permission.
    """
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"cannot write {path}: suffix {path.suffix!r} is not one of {', '.join(FORMATS)}")
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"cannot write {path}: no permission in {path.parent}")


@contextlib.contextmanager
def writing(target: Path) -> Iterator[Path]:
    """A new file beside `target` that takes its place when the block ends well, and goes when it does not."""
    try:
        handle, name = tempfile.mkstemp(prefix=".pasticcio-", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    partial = Path(name)
    try:
        os.fchmod(handle, 0o666 & ~_umask()) if hasattr(os, "fchmod") else None
        os.close(handle)
        yield partial
        partial.replace(target)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
