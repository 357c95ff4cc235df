"""Thumbnails of the pictures of a table."""

from __future__ import annotations

import io
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.image.picture import to_pil
from pasticcio.progress import Report
from pasticcio.space.embeddings import Embeddings
from pasticcio.space.pictures import open_reduced

THUMBNAIL = 48  # side, in pixels, of those on sheets
SHEET = 32  # thumbnails down and across on one sheet
BUDGET = 6_400_000  # bytes of all sheets of a page; base64 adds a third
QUALITIES = (70, 55, 40, 25, 12)  # of WebP
GRAY = (128, 128, 128)


def thumbnails(
    table: Embeddings, side: int, report: Report | None = None
) -> tuple[list[Image.Image], list[ImageError]]:
    """The center square of every picture of a table, resized to `side` pixels.

    Returns:
        The thumbnails, gray for the pictures that cannot be read; and the errors of these.
    """

    def one(path: Path) -> Image.Image | ImageError:
        try:
            image = to_pil(open_reduced(path, side))
        except ImageError as error:
            return error
        short = min(image.size)
        left, top = (image.width - short) // 2, (image.height - short) // 2
        box = (left, top, left + short, top + short)
        return image.resize((side, side), Image.Resampling.LANCZOS, box=box)

    pictures: list[Image.Image] = []
    bad: list[ImageError] = []
    with ThreadPoolExecutor() as pool:
        for found in pool.map(one, table.paths):
            if isinstance(found, ImageError):
                bad.append(found)
                found = Image.new("RGB", (side, side), GRAY)
            pictures.append(found)
            if report:
                report(len(pictures), len(table))
    return pictures, bad


def sheets(pictures: Sequence[Image.Image], budget: int = BUDGET) -> list[bytes]:
    """Thumbnails on sheets of 32x32, encoded as WebP at the best quality at which all sheets fit a budget.

    Args:
        pictures: of 48x48 pixels.
        budget: in bytes, over all sheets. At the lowest quality they may exceed it.
    """
    pages = []
    for start in range(0, len(pictures), SHEET * SHEET):
        part = pictures[start : start + SHEET * SHEET]
        down = -(-len(part) // SHEET)
        sheet = Image.new("RGB", (SHEET * THUMBNAIL, down * THUMBNAIL))
        for number, thumbnail in enumerate(part):
            sheet.paste(thumbnail, (number % SHEET * THUMBNAIL, number // SHEET * THUMBNAIL))
        pages.append(sheet)
    encoded: list[bytes] = []
    for quality in QUALITIES:
        encoded = [_webp(sheet, quality) for sheet in pages]
        if sum(map(len, encoded)) <= budget:
            break
    return encoded


def _webp(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality)
    return buffer.getvalue()
