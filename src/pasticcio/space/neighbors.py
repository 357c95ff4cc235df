"""The nearest neighbors of a picture among embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.errors import ImageError, OptionError, StyleError
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.contact_sheet import Picture, contact_sheet
from pasticcio.space.embeddings import Embeddings
from pasticcio.space.pictures import open_reduced

THUMBNAIL = 192  # long side, in pixels


@dataclass(frozen=True)
class Neighbor:
    """A row of a table and the Euclidean distance between its embedding and that of the picture."""

    row: int
    name: str
    distance: float


def neighbors(
    table: Embeddings, picture: str, k: int = 10, stylizer: Stylizer | None = None
) -> tuple[NDArray[np.float32], list[Neighbor]]:
    """The k rows of a table that are nearest to a picture, the nearest first.

    Args:
        table: whose rows are compared.
        picture: a name or file of the table, which is not its own neighbor; or else a source for `Stylizer.embed`,
            resized like the pictures of the table.
        k: number of neighbors, 1 or more.
        stylizer: embeds a picture that is not in the table; by default with the shipped model.

    Returns:
        The embedding of the picture, (E,), and its neighbors.

    Raises:
        OptionError: k below 1.
        StyleError, ImageError: a picture that is not in the table and cannot be read, or a table of another model.
    """
    if k < 1:
        raise OptionError(f"k is {k}; it must be 1 or more")
    own = table.find(picture)
    if own is not None:
        vector = table.vectors[own]
    else:
        style = (stylizer or Stylizer()).embed(picture, side=table.side)
        if style.model != table.model:
            raise StyleError(
                f"the table's embeddings belong to model {table.model}, the picture was embedded with {style.model}; "
                "name the table's model with --model"
            )
        vector = style.embedding
    distances = np.linalg.norm(table.vectors - vector, axis=1)
    order = [int(row) for row in np.argsort(distances, kind="stable") if row != own][:k]
    return vector, [Neighbor(row, table.names[row], float(distances[row])) for row in order]


def nearest_rows(
    vectors: NDArray[np.float32], k: int, block: int = 1024
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """The k nearest other rows of every row by Euclidean distance, nearest first.

    Args:
        vectors: (N, E).
        k: number of neighbors; at most N - 1 are found.
        block: rows compared at once; N times as many distances are in memory.

    Returns:
        Numbers of the rows (N, k), and distances (N, k).
    """
    k = min(k, len(vectors) - 1)
    squares = np.square(vectors).sum(1)
    rows, distances = [], []
    for start in range(0, len(vectors), block):
        part = vectors[start : start + block]
        square = np.maximum(squares[start : start + block, None] + squares - 2 * part @ vectors.T, 0)
        square[np.arange(len(part)), np.arange(start, start + len(part))] = np.inf
        nearest = np.argpartition(square, k - 1, axis=1)[:, :k] if k else np.empty((len(part), 0), np.int64)
        found = np.take_along_axis(square, nearest, 1)
        order = np.argsort(found, axis=1, kind="stable")
        rows.append(np.take_along_axis(nearest, order, 1))
        distances.append(np.sqrt(np.take_along_axis(found, order, 1)))
    return np.concatenate(rows), np.concatenate(distances).astype(np.float32)


def neighbors_sheet(table: Embeddings, picture: str, found: list[Neighbor], across: int = 6) -> Image.Image:
    """The picture and its neighbors with names and distances; a cell is empty where a file cannot be read."""
    own = table.find(picture)
    first = _thumbnail(table, own) if own is not None else _open(picture)
    pictures = [first, *(_thumbnail(table, neighbor.row) for neighbor in found)]
    texts = [table.names[own] if own is not None else picture, *(f"{n.distance:.3f}  {n.name}" for n in found)]
    cells = [pictures[i : i + across] for i in range(0, len(pictures), across)]
    captions = [texts[i : i + across] for i in range(0, len(texts), across)]
    return contact_sheet(cells, captions=captions, side=THUMBNAIL)


def _thumbnail(table: Embeddings, row: int) -> Picture:
    return _open(table.paths[row])


def _open(path: str | Path) -> Picture:
    try:
        return open_reduced(Path(path), THUMBNAIL)
    except ImageError:
        return None
