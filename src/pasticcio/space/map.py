"""A map of styles: embeddings in two dimensions, as one page that needs nothing else, or as a picture.

A page that is served may offer to stylize. It asks for `pasticcio.json` beside itself; where that answers
{"stylize": URL}, the page shows a place for a photo, and a click on a painting posts a form there with
`photo` (a file) and `style` (a style file, as `Style.save` writes it), and shows the picture that comes back.
"""

from __future__ import annotations

import base64
import io
import json
import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.errors import ImageError, MissingExtraError, OptionError
from pasticcio.files import write_whole, writing
from pasticcio.image.picture import to_pil
from pasticcio.space.embeddings import Embeddings, Report, open_reduced
from pasticcio.space.neighbors import nearest_rows

Method = Literal["tsne", "pca"]
METHODS = ("tsne", "pca")
PERPLEXITY = 30.0
THUMBNAIL = 48  # side in pixels
SHEET = 32  # thumbnails down and across on one sheet of the page
BUDGET = 6_400_000  # bytes of thumbnails in a page; base64 adds a third
QUALITIES = (70, 55, 40, 25, 12)
NEIGHBORS = 10
PNG_SIDE = 4096
TEMPLATE = Path(__file__).with_name("map.html")
GRAY = (128, 128, 128)

Points = NDArray[np.float32]


def layout(
    vectors: NDArray[np.float32], method: Method = "tsne", *, perplexity: float = PERPLEXITY, seed: int = 0
) -> Points:
    """Embeddings in the plane, (N, 2), both coordinates within [0, 1], the longer one filling it.

    Args:
        vectors: (N, E).
        method: "tsne": neighbors stay neighbors, distances far apart mean nothing (van der Maaten and
            Hinton 2008; the paper's choice); needs scikit-learn. "pca": the plane of most variance.
        perplexity: t-SNE's; lowered for small tables, which it must not exceed.
        seed: t-SNE's.

    Raises:
        OptionError: an unknown method, or fewer than 3 rows.
        MissingExtraError: t-SNE without scikit-learn.
    """
    if method not in METHODS:
        raise OptionError(f"method is {method!r}; it must be one of {', '.join(METHODS)}")
    if len(vectors) < 3:
        raise OptionError(f"a map needs 3 or more pictures; there are {len(vectors)}")
    centerd = vectors.astype(np.float64) - vectors.mean(0)
    if method == "pca":
        _, _, axes = np.linalg.svd(centerd, full_matrices=False)
        points = centerd @ axes[:2].T
    else:
        try:
            from sklearn.manifold import TSNE
        except ImportError as error:
            raise MissingExtraError("a t-SNE map", "analysis") from error
        perplexity = min(perplexity, (len(vectors) - 1) / 3)
        points = TSNE(perplexity=perplexity, init="pca", random_state=seed).fit_transform(centerd.astype(np.float32))
    points = points[:, :2] if points.shape[1] >= 2 else np.c_[points, np.zeros(len(points))]
    low = points.min(0)
    extent = np.maximum((points - low).max(0), 1e-12)
    margin = (extent.max() - extent) / 2
    scaled: Points = ((points - low + margin) / extent.max()).astype(np.float32)
    return scaled


def write_map(
    table: Embeddings,
    points: Points,
    out: Path,
    *,
    title: str = "Map of styles",
    color: str | None = None,
    report: Report | None = None,
) -> list[ImageError]:
    """Write the page: thumbnails, names, columns, neighbors and embeddings all inside.

    Args:
        table: embeddings; their columns can be searched and colored by.
        points: see `layout`.
        out: .html.
        title: of the page.
        color: column by which points are colored first.
        report: called with thumbnails made and in all.

    Returns:
        Pictures without thumbnail, since they cannot be read; they are gray squares.

    Raises:
        OptionError: no such column.
        OutputError: a place that cannot be written.
    """
    if color is not None:
        table.column(color)
    thumbnails, bad = _thumbnails(table, THUMBNAIL, report)
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
        "sheets": [_base64(sheet) for sheet in _sheets(thumbnails)],
    }
    # "<" is written so that no name can end the script it stands in
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    page = TEMPLATE.read_text(encoding="utf-8").replace("/*DATA*/null", text, 1)
    write_whole(out, page.encode())
    return bad


def map_picture(
    table: Embeddings, points: Points, side: int = PNG_SIDE, report: Report | None = None
) -> tuple[Image.Image, list[ImageError]]:
    """The map as one picture of thumbnails; where two fall on each other, the later lies on top."""
    size = max(16, round(side / (1.6 * math.sqrt(len(table)))))
    thumbnails, bad = _thumbnails(table, size, report)
    picture = Image.new("RGB", (side, side), (255, 255, 255))
    for (x, y), thumbnail in zip(points, thumbnails, strict=True):
        picture.paste(thumbnail, (round(float(x) * (side - size)), round(float(y) * (side - size))))
    return picture, bad


def map_dots(table: Embeddings, points: Points, color: str, out: Path, *, most: int = 12, names: int = 0) -> None:
    """The map as colored dots with a legend, .png: the `most` frequent values of a column, the others gray.

    Args:
        names: write the names of so many values that cluster best, see `purity`, where they are densest.

    Raises:
        OptionError: no such column.
        MissingExtraError: no matplotlib.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingExtraError("a map of dots", "analysis") from error
    values = np.array(table.column(color))
    shown = [value for value in _frequent(table.column(color)) if value][:most]
    figure = Figure(figsize=(10, 8), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    rest = ~np.isin(values, shown)
    axes.scatter(points[rest, 0], points[rest, 1], s=4, color="0.8", linewidths=0)
    for number, value in enumerate(shown):
        here = values == value
        axes.scatter(points[here, 0],
            points[here, 1], s=9, color=f"C{number % 10}", alpha=0.8, linewidths=0,
                     marker="os^Dv"[number // 10 % 5], label=f"{value} ({here.sum()})")  # fmt: skip
    for value, _, _ in purity(table, color)[:names]:
        here = points[values == value]
        crowd = (np.linalg.norm(here[:, None] - here, axis=2) < 0.04).sum(1)
        x, y = here[crowd.argmax()]
        axes.annotate(value, (x, y), ha="center", fontsize=9, weight="bold",
                      bbox={"boxstyle": "round,pad=0.2", "fc": "white", "ec": "0.5", "alpha": 0.8})  # fmt: skip
    axes.set(xticks=[], yticks=[], aspect="equal", xlim=(-0.02, 1.02), ylim=(1.02, -0.02))
    figure.legend(loc="outside right center", frameon=False, fontsize=8, markerscale=2)
    with writing(out) as partial:
        figure.savefig(partial, format="png")


def purity(table: Embeddings, column: str, k: int = NEIGHBORS, least: int = 15) -> list[tuple[str, float, float]]:
    """How clearly each value of a column clusters: of the k nearest neighbors of its rows, the share with that value.

    Args:
        least: values with fewer rows are left out.

    Returns:
        Value, share and the share expected by chance, the clearest first by their ratio's logarithm times
        the share: large values do not win by their size.
    """
    values = np.array(table.column(column))
    rows, _ = nearest_rows(table.vectors, k)
    same = (values[rows] == values[:, None]).mean(1)
    found = []
    for value in np.unique(values):
        here = values == value
        if value and here.sum() >= least:
            share, chance = float(same[here].mean()), float((here.sum() - 1) / (len(values) - 1))
            found.append((str(value), share, chance))
    return sorted(found, key=lambda one: -one[1] * math.log(max(one[1], 1e-9) / one[2]))


def titles(table: Embeddings) -> list[str]:
    """The column "title", or what a name says: of names like movement__artist__work, the last part, in words."""
    given = table.columns.get("title", [""] * len(table))
    return [
        title or name.split("__")[-1].replace("-", " ").replace("_", " ").strip() or name
        for title, name in zip(given, table.names, strict=True)
    ]


def _thumbnails(table: Embeddings, side: int, report: Report | None) -> tuple[list[Image.Image], list[ImageError]]:
    """The square middle of every picture; gray where it cannot be read."""

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


def _sheets(thumbnails: Sequence[Image.Image]) -> list[bytes]:
    """Sheets of 32x32 thumbnails as WebP, at the best quality that keeps all of them within the budget."""
    pictures = []
    for start in range(0, len(thumbnails), SHEET * SHEET):
        part = thumbnails[start : start + SHEET * SHEET]
        down = -(-len(part) // SHEET)
        sheet = Image.new("RGB", (SHEET * THUMBNAIL, down * THUMBNAIL))
        for number, thumbnail in enumerate(part):
            sheet.paste(thumbnail, (number % SHEET * THUMBNAIL, number // SHEET * THUMBNAIL))
        pictures.append(sheet)
    encoded: list[bytes] = []
    for quality in QUALITIES:
        encoded = [_webp(sheet, quality) for sheet in pictures]
        if sum(map(len, encoded)) <= BUDGET:
            break
    return encoded


def _webp(picture: Image.Image, quality: int) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "WEBP", quality=quality)
    return buffer.getvalue()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _coded(values: Sequence[str]) -> dict[str, Any]:
    """A column as its distinct values, the most frequent first, and a number for every row."""
    known = _frequent(values)
    place = {value: number for number, value in enumerate(known)}
    return {"values": known, "rows": [place[value] for value in values]}


def _frequent(values: Sequence[str]) -> list[str]:
    distinct, counts = np.unique(np.array(values, dtype=np.str_), return_counts=True)
    return [str(value) for value in distinct[np.argsort(-counts, kind="stable")]]


def _worth_showing(values: Sequence[str]) -> bool:
    """Columns that hold one value, another for nearly every row, or sizes, say nothing on a map."""
    distinct = set(values)
    if len(distinct) > 20 and all(value.isdigit() and len(value) < 4 for value in distinct if value):
        return False
    return 1 < len(distinct) <= max(20, len(values) // 2)
