"""Pictures: files, bytes, PIL images and arrays <-> `Picture`, sRGB in the depth of the source."""

from __future__ import annotations

import contextlib
import io
import math
import os
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path
from threading import Lock
from typing import IO, Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from pasticcio.errors import ImageError, OutputError
from pasticcio.files import writing
from pasticcio.image.exif import exif_tags, quiet, read_exif, upright
from pasticcio.image.sixteen_bit import in_eight_bits, is_deep, read_deep, to_srgb, write_png, write_tiff

Array = NDArray[np.float32]
Pixels = NDArray[Any]  # uint8 or uint16 over the whole range, or float32 in [0, 1]

QUALITY = 95
MAX_MEGAPIXELS = 400.0
DAMAGED = (  # what Pillow's decoders raise
    *(
        OSError,
        ValueError,
        SyntaxError,
        LookupError,
        EOFError,
        TypeError,
        RuntimeError,
        ArithmeticError,
        AssertionError,
    ),
    *(struct.error, zlib.error),
)
EIGHT_BITS = "read at 8 bits, not 16, as is CMYK, a TIFF in planes, and what a profile made of tables describes"
FORMATS = {
    ".png": "PNG",
    ".jpg": "JPEG",
    ".jpeg": "JPEG",
    ".webp": "WEBP",
    ".tif": "TIFF",
    ".tiff": "TIFF",
    **({".avif": "AVIF"} if find_spec("PIL._avif") else {}),
}
READABLE = frozenset({*FORMATS, ".gif", ".bmp"})
MAX_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "AVIF": 65_536}  # pixels that a format can hold
LOSSY = ("JPEG", "WEBP", "AVIF")


class Kind(NamedTuple):
    """What the caller gave: with a dtype an array, without one a file or a PIL image; its channels, 3 or 4."""

    dtype: np.dtype[Any] | None = None
    channels: int = 3


FILE = Kind()


@dataclass(frozen=True)
class Picture:
    """A picture as it was read, upright and in sRGB.

    >>> picture = read_picture(np.zeros((2, 3, 4), np.uint16))
    >>> picture.pixels.shape, picture.pixels.dtype, picture.alpha.shape
    ((2, 3, 3), dtype('uint16'), (2, 3))

    Attributes:
        pixels: (H, W, 3), in the depth of the source: uint8 or uint16 over their whole range, or float32
            in [0, 1]. Pixels that cannot be seen have the mean color of those that can.
        alpha: (H, W) of the same dtype, not multiplied into the pixels; None where all pixels are opaque.
        exif: as a file holds it, with orientation 1 and without the thumbnail; None where there is none.
        kind: what the caller gave, see `give_back`.
        note: what was not taken over as it is, such as the other frames of an animation; empty where all was.
        name: for people.
    """

    pixels: Pixels = field(repr=False)
    alpha: Pixels | None = field(default=None, repr=False)
    exif: bytes | None = field(default=None, repr=False)
    kind: Kind = FILE
    note: str = ""
    name: str = "the picture given"

    def with_pixels(self, pixels: Pixels) -> Picture:
        """The same picture with other pixels: (H, W, 3) of its own dtype, or float32 in [0, 1], which is rounded."""
        if pixels.shape != self.pixels.shape:
            raise ImageError(f"pixels of shape {pixels.shape} do not fit a picture of shape {self.pixels.shape}")
        return replace(self, pixels=as_depth(pixels, self.pixels.dtype))


FileOrImage = str | os.PathLike[str] | bytes | BinaryIO | Image.Image
Source = FileOrImage | NDArray[Any] | Picture


def as_float(pixels: Pixels) -> Array:
    """uint8, uint16 or float32 pixels, of any shape, as float32 in [0, 1]."""
    if np.issubdtype(pixels.dtype, np.floating):
        return pixels.astype(np.float32, copy=False)
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def as_depth(pixels: Pixels, dtype: DTypeLike) -> Pixels:
    """Pixels, of any shape, in another dtype: integers are rounded, and all values clipped to their range."""
    if pixels.dtype == dtype and not np.issubdtype(dtype, np.floating):
        return pixels
    values = as_float(pixels)
    if np.issubdtype(dtype, np.floating):
        clipped: Pixels = np.clip(values, 0.0, 1.0).astype(dtype)
        return clipped
    top = np.iinfo(np.dtype(dtype)).max
    result: Pixels = np.clip(values * np.float32(top) + np.float32(0.5), 0, top).astype(dtype)
    return result


def read_picture(source: Source, *, max_megapixels: float = MAX_MEGAPIXELS) -> Picture:
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

    Raises:
        ImageError: missing, not a picture, truncated, too large, or an array of another kind.
    """
    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source)
    if isinstance(source, Image.Image):
        return _decode(source, "the picture given")
    if isinstance(source, (str, os.PathLike)):
        name = os.fspath(source)
        try:
            data = Path(name).read_bytes()
        except FileNotFoundError:
            raise ImageError(f"no such file: {name}") from None
        except IsADirectoryError:
            raise ImageError(f"{name} is a folder, not a picture; name a file in it") from None
        except (OSError, ValueError) as error:  # ValueError: a zero byte in the name
            raise ImageError(f"cannot read {name}: {getattr(error, 'strerror', None) or error}") from error
    else:
        data = source if isinstance(source, bytes) else source.read()
        name = str(getattr(source, "name", "the picture given"))
    if not data:
        raise ImageError(f"{name} is empty; it holds no picture")
    try:
        with _open(data) as image:
            megapixels = image.width * image.height / 1e6
            if megapixels > max_megapixels:
                raise ImageError(
                    f"{name} is {image.width} x {image.height}, {_megapixels(megapixels)} million pixels; the limit is "
                    f"{max_megapixels:g}; if you trust it, raise it with --max-megapixels {_megapixels(megapixels)} "
                    "(in Python: read_picture(..., max_megapixels=...))"
                )
            large = image.width * image.height > ((_limits[0] if _limits else Image.MAX_IMAGE_PIXELS) or math.inf)
            with _unlimited() if large else contextlib.nullcontext():
                return _decode(image, name, data)
    except UnidentifiedImageError:
        raise ImageError(f"{name} is not a picture that can be read here") from None
    except DAMAGED as error:
        raise ImageError(f"{name} is damaged or cut off: {_first_line(error)}") from error


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


def over_white(picture: Picture) -> Array:
    """float32 (H, W, 3) in [0, 1]: the picture as it looks on white paper."""
    values = as_float(picture.pixels)
    if picture.alpha is None:
        return values
    alpha = as_float(picture.alpha)[:, :, None]
    result: Array = values * alpha + (np.float32(1.0) - alpha)
    return result


def give_back(picture: Picture) -> Image.Image | NDArray[Any]:
    """A picture as the kind that its caller gave.

    Returns:
        For an array, one of the same dtype: (H, W, 4) for (H, W, 4), else (H, W, 3). For all else an
        8-bit PIL image: RGBA where there are transparent pixels or the PIL image given was RGBA, else RGB;
        `info` holds the sRGB profile and the EXIF data.
    """
    dtype, channels = picture.kind
    pixels = as_depth(picture.pixels, dtype or np.uint8)
    if channels == 4 or (dtype is None and picture.alpha is not None):
        opaque = np.full(pixels.shape[:2], 1.0, np.float32)
        alpha = as_depth(opaque if picture.alpha is None else picture.alpha, pixels.dtype)
        pixels = np.concatenate([pixels, alpha[:, :, None]], axis=2)
    if dtype is not None:
        return pixels.astype(dtype, copy=False)
    image = Image.fromarray(pixels)
    image.info["icc_profile"] = srgb_profile()
    if picture.exif:
        image.info["exif"] = picture.exif
    return image


def list_pictures(folder: str | os.PathLike[str]) -> list[Path]:
    """The picture files right in a folder, by name.

    Raises:
        ImageError: there are none.
    """
    found = sorted(path for path in Path(folder).iterdir() if path.suffix.lower() in READABLE and path.is_file())
    if not found:
        raise ImageError(f"no pictures in folder {folder}; it must hold some of {', '.join(sorted(READABLE))}")
    return found


_limits: list[int | None] = []  # Pillow's, as it was, once for every reader that has lifted it
_limits_lock = Lock()


@contextlib.contextmanager
def _unlimited() -> Iterator[None]:
    """Without Pillow's own limit on pixels, which belongs to the whole process: for large pictures only."""
    with _limits_lock:
        _limits.append(_limits[0] if _limits else Image.MAX_IMAGE_PIXELS)
        Image.MAX_IMAGE_PIXELS = None
    try:
        yield
    finally:
        with _limits_lock:
            before = _limits.pop()
            Image.MAX_IMAGE_PIXELS = None if _limits else before


def _open(data: bytes) -> Image.Image:
    with quiet():
        try:
            return Image.open(io.BytesIO(data))
        except Image.DecompressionBombError:
            with _unlimited():
                return Image.open(io.BytesIO(data))


def _decode(image: Image.Image, name: str, data: bytes = b"") -> Picture:
    """A Picture of an opened image; `data`, where given, is its file."""
    kind = FILE if data else Kind(None, 4 if _has_alpha(image) else 3)
    try:
        notes = [_frames(image)] if data else []  # of an image given the caller chose the frame
        profile = image.info.get("icc_profile")
        deep = None
        if data and is_deep(image):
            deep = _deep_colors(image, _open(data), profile)
            if deep is None:
                image = in_eight_bits(_open(data))
                notes.append(EIGHT_BITS)
        pixels, alpha = deep or _channels(upright(image), profile)
        exif, note = read_exif(image, pixels.shape[1], pixels.shape[0])
    except DAMAGED as error:
        raise ImageError(f"{name} is damaged or cut off: {_first_line(error)}") from error
    notes.append(note)
    return replace(_picture(pixels, alpha, kind, name), exif=exif, note="; ".join(filter(None, notes)))


def _deep_colors(image: Image.Image, twin: Image.Image, profile: bytes | None) -> tuple[Pixels, Pixels | None] | None:
    """16-bit colors and alpha of a file opened twice; None where Pillow's 8 bits must do."""
    samples = read_deep(image, twin)
    if samples is None:
        return None
    see_through = image.info.get("transparency")
    channels = samples.shape[2]
    pixels, alpha = samples[:, :, : channels - 1 + channels % 2], samples[:, :, -1] if channels % 2 == 0 else None
    if see_through is not None and alpha is None:  # one color stands for transparency
        alpha = np.where((pixels == np.array(see_through)).all(2), 0, 65535).astype(np.uint16)
    if profile and profile != srgb_profile():
        converted = to_srgb(pixels, profile)
        if converted is None:
            return None
        pixels = converted
    return pixels, alpha


def _frames(image: Image.Image) -> str:
    """What is said of an animation or a file of several pages."""
    if image.format == "MPO":
        return ""  # a photo with a preview or a depth map behind it
    frames = int(getattr(image, "n_frames", 1))
    what = f"{frames} pages" if image.format == "TIFF" else f"animation of {frames} frames"
    return f"{what}: the first is used" if frames > 1 else ""


def _has_alpha(image: Image.Image) -> bool:
    return image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info


def _channels(image: Image.Image, profile: bytes | None) -> tuple[Pixels, Pixels | None]:
    """Colors (H, W, 1 or 3) and alpha (H, W) of a Pillow image in sRGB: 8 bits, or the 16 or float of a gray one."""
    if image.mode.startswith("I") or image.mode == "F":
        return _deep_gray(image, profile)
    alpha, own = None, {b"GRAY": ("1", "L", "LA", "La"), b"CMYK": ("CMYK",)}.get((profile or b"")[16:20], ())
    space = ("L" if "L" in own else "CMYK") if image.mode in own else "RGB"
    if _has_alpha(image):
        image = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        alpha = np.asarray(image.getchannel("A"))
    if image.mode == "LAB":
        image = _converted(image, ImageCms.createProfile("LAB")) or image
    elif profile and profile != srgb_profile():
        if image.mode != space:
            image = image.convert(space)
        with contextlib.suppress(ImageCms.PyCMSError, OSError):  # a damaged or unfit profile is passed over
            image = _converted(image, ImageCms.ImageCmsProfile(io.BytesIO(profile))) or image
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB")), alpha


def _converted(image: Image.Image, profile: Any) -> Image.Image | None:
    exact = ImageCms.Flags.NOOPTIMIZE if image.mode == "L" else ImageCms.Flags.NONE  # else dark grays are 4 % off
    return ImageCms.profileToProfile(image, profile, ImageCms.createProfile("sRGB"), outputMode="RGB", flags=exact)


def _deep_gray(image: Image.Image, profile: bytes | None) -> tuple[Pixels, Pixels | None]:
    """16-bit and 32-bit integer gray over 16 bits; floating point as it is."""
    values: Pixels = np.asarray(image)[:, :, None]
    if image.mode == "F":
        return as_depth(np.nan_to_num(values), np.float32), None
    see_through, alpha = image.info.get("transparency"), None
    if see_through is not None:
        alpha = np.where(values[:, :, 0] == see_through, 0, 65535).astype(np.uint16)
    values = np.clip(values, 0, 65535).astype(np.uint16)
    converted = to_srgb(values, profile) if profile else None
    return values if converted is None else converted, alpha


def _from_array(array: NDArray[Any]) -> Picture:
    if array.ndim == 2:
        array = array[:, :, None]
    if array.ndim != 3 or array.shape[2] not in (1, 3, 4) or 0 in array.shape:
        raise ImageError(f"an array of shape {array.shape} is no picture; it must be (H, W), or (H, W, 1, 3 or 4)")
    kind = Kind(array.dtype, max(3, array.shape[2]))
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if np.issubdtype(array.dtype, np.floating):
        low, high = float(array.min()), float(array.max())
        if not (low >= -1e-3 and high <= 1.0 + 1e-3):  # NaN fails too
            raise ImageError(f"a floating-point picture must lie in [0, 1]; this one spans {low:g} to {high:g}")
        array = as_depth(array, np.float32)
    elif array.dtype not in (np.uint8, np.uint16):
        raise ImageError(f"an array of {array.dtype} is no picture; use uint8, uint16 or floating point in [0, 1]")
    colors, alpha = (array[:, :, :3], array[:, :, 3]) if array.shape[2] == 4 else (array, None)
    return _picture(colors, alpha, kind, "the picture given")


def _picture(pixels: Pixels, alpha: Pixels | None, kind: Kind, name: str) -> Picture:
    """Gray to RGB, an alpha that hides nothing dropped, and hidden colors replaced."""
    if 0 in pixels.shape:
        raise ImageError(f"{name} is {pixels.shape[1]} x {pixels.shape[0]}; a picture has pixels")
    if pixels.ndim == 2 or pixels.shape[2] == 1:
        pixels = np.repeat(pixels.reshape(*pixels.shape[:2], 1), 3, axis=2)
    if alpha is not None:
        top = 1.0 if alpha.dtype == np.float32 else np.iinfo(alpha.dtype).max
        hidden = alpha == 0
        if (alpha == top).all():
            alpha = None
        elif hidden.any() and not hidden.all():
            mean = as_depth(as_float(pixels[~hidden]).mean(0, dtype=np.float64), pixels.dtype)
            pixels = np.where(hidden[:, :, None], mean, pixels)
    return Picture(pixels, alpha, kind=kind, name=name)


def srgb_profile() -> bytes:
    """The ICC profile of sRGB, the same at every call (LittleCMS would write the time into it)."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    data[24:36] = struct.pack(">6H", 2000, 1, 1, 0, 0, 0)
    return bytes(data)


def to_pil(image: Array) -> Image.Image:
    """An array in [0, 1] as an 8-bit PIL image; values are rounded and clipped."""
    return Image.fromarray(as_depth(image, np.uint8))


def save_image(image: Source, path: str | os.PathLike[str]) -> None:
    """Write any picture that `read_picture` takes; of floats, clipped to [0, 1], 8 bits; see `save_picture`.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_image(np.zeros((2, 3, 3)), Path(folder, "black.png"))
    ...     open_image(Path(folder, "black.png")).shape
    (2, 3, 3)
    """
    if isinstance(image, np.ndarray) and np.issubdtype(image.dtype, np.floating):
        image = as_depth(image, np.uint8)
    save_picture(read_picture(image), path)


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
    file = io.BytesIO()
    _encode(picture, file, "PNG", "the picture", strip, None)
    return file.getvalue()


def _encode(picture: Picture, file: IO[bytes], kind: str, name: str, strip: bool, quality: int | None) -> None:
    if kind == "JPEG" and picture.alpha is not None:
        picture = replace(picture, pixels=as_depth(over_white(picture), np.uint8), alpha=None)
    exif = None if strip else picture.exif
    try:
        if picture.pixels.dtype == np.uint8 or kind in LOSSY:
            image = give_back(replace(picture, kind=FILE))
            assert isinstance(image, Image.Image)
            options: dict[str, Any] = {"icc_profile": srgb_profile()}
            if exif:
                options["exif"] = exif_tags(exif) if kind in ("TIFF", "AVIF") else exif
            if kind in LOSSY:
                options["quality"] = QUALITY if quality is None else quality
            if kind == "JPEG":
                options["subsampling"] = 0
            image.save(file, format=kind, **options)
        else:
            samples = give_back(replace(picture, kind=Kind(np.dtype(np.uint16), 3 if picture.alpha is None else 4)))
            assert isinstance(samples, np.ndarray)
            (write_tiff if kind == "TIFF" else write_png)(file, samples, srgb_profile(), exif)
    except (OSError, ValueError, struct.error) as error:
        remedy = "; leave the EXIF data out with --strip (in Python: strip=True)" if "EXIF" in str(error) else ""
        raise OutputError(f"cannot write {name} as {kind}: {_first_line(error)}{remedy}") from error


def check_output(path: Path, picture: Picture | None = None) -> None:
    """Refuse what could not be written, before any work is done.

    Raises:
        OutputError: unknown suffix, missing folder, a folder in its place, a name too long, no permission,
            or a picture larger than the format holds.
    """
    if path.suffix.lower() not in FORMATS:
        raise OutputError(f"cannot write {path}: suffix {path.suffix!r} is not one of {', '.join(FORMATS)}")
    try:
        os.stat(path)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write {path}: {getattr(error, 'strerror', None) or error}") from error
    if path.is_dir():
        raise OutputError(f"cannot write {path}: it is a folder")
    if not path.parent.is_dir():
        raise OutputError(f"cannot write {path}: there is no folder {path.parent}")
    if not os.access(path.parent, os.W_OK):
        raise OutputError(f"cannot write {path}: no permission in {path.parent}")
    kind = FORMATS[path.suffix.lower()]
    longest = max(picture.pixels.shape[:2]) if picture else 0
    if longest > MAX_SIDE.get(kind, longest):
        raise OutputError(
            f"cannot write {path}: {kind} holds at most {MAX_SIDE[kind]} pixels a side, and the picture has {longest}; "
            "write .png or .tif"
        )


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _megapixels(value: float) -> str:
    return f"{value:.3g}" if value < 10 else f"{value + 0.5:.0f}"
