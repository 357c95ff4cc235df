"""Whether a file is a picture, told by its content; and what is none though it looks like one, told by its name."""

from __future__ import annotations

import io
import os
import stat
from pathlib import Path

from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.image.decoding import DAMAGED, quiet

NO_PICTURE = "no picture"
# Formats of Pillow that have no signature, so that any file may pass for one, or that need another program.
VAGUE = frozenset({"CUR", "EPS", "ICNS", "ICO", "IPTC", "MPEG", "PCD", "PCX", "TGA", "WMF", "XBM"})
THUMBNAILS = frozenset({"@eadir", "__macosx", "thumbs.db", "ehthumbs.db"})  # in lower case
UNFINISHED = (".part", ".partial", ".crdownload", ".download", ".tmp", ".temp", ".bak", ".swp")
UNREAD = {b"heic": "HEIC", b"heix": "HEIC", b"heim": "HEIC", b"hevc": "HEIC", b"mif1": "HEIC", b"msf1": "HEIC"}


def check_kind(name: str) -> None:
    """Refuse pipes, sockets and devices, which may never end; the shell's own pipes, `<(command)`, are read.

    Raises:
        ImageError: it is one of these.
        OSError, ValueError: there is no such file, or its name is none.
    """
    mode = os.stat(name).st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode) and not name.startswith(("/dev/fd/", "/dev/stdin", "/proc/")):
        raise ImageError(f"{name} is a pipe, socket or device, not a file; copy what it gives into a file first")


def left_out(path: Path) -> str:
    """Why a file or folder is no picture of its owner's though it may look like one; empty where it may be one."""
    name = path.name.lower()
    if name.startswith("._") or name in THUMBNAILS or name.endswith(".thm"):
        return "made by a system or a camera beside the pictures"
    if name.startswith("."):
        return "hidden"
    if name.endswith((*UNFINISHED, "~")):
        return "an unfinished or older copy"
    return ""


def is_picture(path: Path, data: bytes | None = None) -> bool:
    """Whether Pillow recognizes a file as a picture, which it need not be able to decode.

    Args:
        path: of the file. A format without a signature, such as TGA, counts where the suffix names it.
        data: its bytes; by default they are read.
    """
    Image.init()
    by_name = Image.EXTENSION.get(path.suffix.lower())
    formats = [name for name in Image.ID if name not in VAGUE or name == by_name]
    try:
        with quiet(), Image.open(path if data is None else io.BytesIO(data), formats=formats):
            return True
    except Image.DecompressionBombError:
        return True
    except DAMAGED:  # UnidentifiedImageError, which nearly all files raise, is an OSError
        return data is None and unread(_head(path)) != ""


def unread(head: bytes) -> str:
    """The name of a picture format that Pillow does not read, by a file's first bytes; empty for others."""
    if head[4:8] == b"ftyp":
        return UNREAD.get(head[8:12], "")
    return "JPEG XL" if head.startswith((b"\xff\x0a", b"\x00\x00\x00\x0cJXL ")) else ""


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(16)
    except OSError:
        return b""
