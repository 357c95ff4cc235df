"""A map of styles: embeddings in the plane, as a page that is one file, or as a picture.

A page that is served may offer to stylize. It requests `pasticcio.json` beside itself. If the answer is
{"stylize": URL}, the page has a field for a photo. A click on a painting then posts a form to the URL with `photo` (a
file) and `style` (a style file, as `Style.save` writes it), and the page shows the picture that is returned.
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.files import write_whole
from pasticcio.progress import Report
from pasticcio.space.dots import frequent
from pasticcio.space.embeddings import Embeddings
from pasticcio.space.layout import Points
from pasticcio.space.neighbors import nearest_rows
from pasticcio.space.thumbnails import SHEET, THUMBNAIL, sheets, thumbnails

NEIGHBORS = 10  # of every picture, on the page
PNG_SIDE = 4096
TEMPLATE = Path(__file__).with_name("map.html")  # with map.css and map.js


def write_map(
    table: Embeddings,
    points: Points,
    out: Path,
    *,
    title: str = "Map of styles",
    color: str | None = None,
    report: Report | None = None,
) -> list[ImageError]:
    """Write the page, which contains thumbnails, names, columns, neighbors and embeddings.

    Args:
        table: the pictures; the page searches its columns and colors by them.
        points: see `layout`.
        out: .html.
        title: of the page.
        color: column that the page colors by at first.
        report: called after every thumbnail.

    Returns:
        The errors of the pictures that cannot be read, which are gray squares on the map.

    Raises:
        OptionError: no such column.
        OutputError: a place that cannot be written.
    """
    if color is not None:
        table.column(color)
    pictures, bad = thumbnails(table, THUMBNAIL, report)
    rows, distances = nearest_rows(table.vectors, NEIGHBORS)
    data = {
        "title": title,
        "model": table.model,
        "names": table.names,
        "titles": titles(table),
        "columns": {key: _coded(values) for key, values in table.columns.items() if _worth_showing(values)},
        "color": color,
        "points": _base64(np.ascontiguousarray(points, "<f4").tobytes()),
        "neighbors": rows.tolist(),
        "distances": [[round(float(d), 3) for d in row] for row in distances],
        "embeddings": _base64(np.ascontiguousarray(table.vectors, "<f2").tobytes()),
        "length": table.vectors.shape[1],
        "thumbnail": THUMBNAIL,
        "across": SHEET,
        "sheets": [_base64(sheet) for sheet in sheets(pictures)],
    }
    write_whole(out, _page(data).encode())
    return bad


def map_picture(
    table: Embeddings, points: Points, side: int = PNG_SIDE, report: Report | None = None
) -> tuple[Image.Image, list[ImageError]]:
    """The map as one picture of thumbnails; the later of two that overlap is on top.

    Args:
        table: the pictures.
        points: see `layout`.
        side: of the map, in pixels.
        report: called after every thumbnail.

    Returns:
        The map, and the errors of the pictures that cannot be read, which are gray squares on it.
    """
    size = max(16, round(side / (1.6 * math.sqrt(len(table)))))
    pictures, bad = thumbnails(table, size, report)
    picture = Image.new("RGB", (side, side), (255, 255, 255))
    for (x, y), thumbnail in zip(points, pictures, strict=True):
        picture.paste(thumbnail, (round(float(x) * (side - size)), round(float(y) * (side - size))))
    return picture, bad


def titles(table: Embeddings) -> list[str]:
    """The column "title", or else the words of a name, of names like movement__artist__work those of the last part."""
    given = table.columns.get("title", [""] * len(table))
    return [
        title or name.split("__")[-1].replace("-", " ").replace("_", " ").strip() or name
        for title, name in zip(given, table.names, strict=True)
    ]


def _page(data: dict[str, Any]) -> str:
    """The page in one file: its template with style, script and data."""
    page, style, script = (TEMPLATE.with_suffix(suffix).read_text("utf-8") for suffix in (".html", ".css", ".js"))
    # "<" is escaped: a name could end the script that it is in
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    page = page.replace("/*STYLE*/", "\n" + style, 1).replace("/*SCRIPT*/", "\n" + script, 1)
    return page.replace("/*DATA*/null", text, 1)


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _coded(values: Sequence[str]) -> dict[str, Any]:
    """A column as its distinct values, the most frequent first, and the number of the value of every row."""
    known = frequent(values)
    place = {value: number for number, value in enumerate(known)}
    return {"values": known, "rows": [place[value] for value in values]}


def _worth_showing(values: Sequence[str]) -> bool:
    """Whether a map can show a column: not if it has one value, or another for nearly every row, or sizes."""
    distinct = set(values)
    if len(distinct) > 20 and all(value.isdigit() and len(value) < 4 for value in distinct if value):
        return False
    return 1 < len(distinct) <= max(20, len(values) // 2)
