"""Contact sheets: pictures in rows and columns, with their names."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from PIL import Image, ImageDraw, ImageFont

from pasticcio.errors import OptionError
from pasticcio.image.picture import Array, to_pil

Picture = Array | Image.Image | None
GAP = 6
TEXT = 13  # height of letters, in pixels
LINES = 3  # of text at most, below or above a picture
PAPER, INK = (255, 255, 255), (40, 40, 40)


def contact_sheet(
    cells: Sequence[Sequence[Picture]],
    *,
    columns: Sequence[str] = (),
    rows: Sequence[str] = (),
    captions: Sequence[Sequence[str]] = (),
    side: int = 256,
) -> Image.Image:
    """Pictures in a grid on white.

    Args:
        cells: rows of pictures, each resized to a long side of `side` pixels. None leaves a cell empty; rows may
            differ in length.
        columns: texts above the columns.
        rows: texts left of the rows.
        captions: texts below the pictures, by row.
        side: long side of a picture, in pixels.

    Raises:
        OptionError: no picture.
    """
    pictures = [[None if cell is None else _fit(cell, side) for cell in row] for row in cells]
    across = max((len(row) for row in pictures), default=0)
    if not across:
        raise OptionError("a contact sheet needs at least one picture")
    font = ImageFont.load_default(TEXT)
    line = TEXT + 4
    letters = max(8, int(side / (TEXT * 0.52)))
    head = line * _lines(columns, letters) + GAP if any(columns) else 0
    left = int(max((font.getlength(part) for text in rows for part in _wrap(text, 18)), default=0)) + 2 * GAP
    left = left if any(rows) else GAP
    widths = [
        max((row[c].width for row in pictures if c < len(row) and row[c] is not None), default=side)  # type: ignore[union-attr]
        for c in range(across)
    ]
    heights = [max((p.height for p in row if p is not None), default=0) for row in pictures]
    feet = [line * _lines(captions[r], letters) if r < len(captions) else 0 for r in range(len(pictures))]
    size = left + sum(widths) + GAP * across, GAP + head + sum(heights) + sum(feet) + GAP * len(pictures)
    sheet = Image.new("RGB", size, PAPER)
    draw = ImageDraw.Draw(sheet)
    xs = [left + sum(widths[:c]) + GAP * c for c in range(across)]
    for x, width, text in zip(xs, widths, columns, strict=False):
        _write(draw, font, text, letters, x + width / 2, GAP)
    y = GAP + head
    for r, row in enumerate(pictures):
        if r < len(rows):
            text = "\n".join(_wrap(rows[r], 18))
            draw.multiline_text((GAP, y + heights[r] / 2), text, INK, font, "lm", spacing=4)
        for c, picture in enumerate(row):
            if picture is not None:
                sheet.paste(picture, (xs[c] + (widths[c] - picture.width) // 2, y))
            if r < len(captions) and c < len(captions[r]):
                _write(draw, font, captions[r][c], letters, xs[c] + widths[c] / 2, y + heights[r] + 1)
        y += heights[r] + feet[r] + GAP
    return sheet


def _fit(picture: Array | Image.Image, side: int) -> Image.Image:
    image = picture.convert("RGB") if isinstance(picture, Image.Image) else to_pil(picture)
    scale = side / max(image.size)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    return image if size == image.size else image.resize(size, Image.Resampling.LANCZOS)


def _wrap(text: str, letters: int) -> list[str]:
    lines = textwrap.wrap(text, letters, break_long_words=True)
    return (
        [*lines[: LINES - 1], textwrap.shorten(" ".join(lines[LINES - 1 :]), letters)] if len(lines) > LINES else lines
    )


def _lines(texts: Sequence[str], letters: int) -> int:
    return max((len(_wrap(text, letters)) for text in texts), default=0)


def _write(
    draw: ImageDraw.ImageDraw,
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont,
    text: str,
    letters: int,
    x: float,
    y: float,
) -> None:
    """Write lines of text centered at x, the first one below y."""
    for number, part in enumerate(_wrap(text, letters)):
        draw.text((x, y + number * (TEXT + 4)), part, INK, font, "ma")
