"""The named styles as the page shows them: their places on a map, and thumbnails."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np

from pasticcio.image.picture import Picture
from pasticcio.image.read import read_picture
from pasticcio.image.write import encode
from pasticcio.model.folder import Model
from pasticcio.page.files import places, thumbnail
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.layout import layout
from pasticcio.style.style import Style

SIDE = 96  # of a thumbnail that is made here


class Shelf:
    """The named styles of a model.

    Args:
        stylizer: renders the thumbnails that the page does not bring.
    """

    def __init__(self, stylizer: Stylizer) -> None:
        self._stylizer = stylizer
        self.model: Model = stylizer.model
        self.describe = cache(self._describe)
        self.thumbnail = cache(self._thumbnail)

    def _describe(self) -> list[dict[str, Any]]:
        """Name, work, place and thumbnail of every style; places are in [0, 1]."""
        styles = self.model.styles
        found = places() if styles.keys() <= places().keys() else _places(styles)
        return [
            {
                "name": name,
                "title": style.title,
                "artist": style.artist,
                "year": style.year,
                "place": list(found[name]),
                "thumbnail": f"/v1/styles/{quote(name, safe='')}.jpg",
            }
            for name, style in styles.items()
        ]

    def made(self, name: str) -> Path | None:
        """The thumbnail that the page brings; None where it has none of this model."""
        return thumbnail(name) if self.model.styles.keys() <= places().keys() else None

    def _thumbnail(self, name: str) -> bytes:
        """A small JPEG in a style."""
        return encode(self._stylizer.paint(_hills(), self.model.styles[name]), ".jpg", quality=85)


def _places(styles: Mapping[str, Style]) -> dict[str, tuple[float, float]]:
    """Places by principal components."""
    rows = [style.embedding for style in styles.values()]
    found = layout(np.stack(rows), "pca") if len(rows) >= 3 else np.full((len(rows), 2), 0.5)
    return {name: (round(float(x), 4), round(float(y), 4)) for name, (x, y) in zip(styles, found, strict=True)}


@cache
def _hills() -> Picture:
    """A small picture of a sky over hills, made by a formula."""
    down, across = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
    sky = np.stack([0.5 + 0.4 * down, 0.65 + 0.25 * down, np.full_like(down, 0.95)], axis=2)
    for height, color in ((0.45, (0.35, 0.5, 0.55)), (0.6, (0.3, 0.5, 0.25)), (0.78, (0.45, 0.35, 0.2))):
        ridge = height + 0.07 * np.sin(9 * across + 20 * height) + 0.03 * np.sin(23 * across)
        sky[down > ridge] = color
    return read_picture((255 * sky).astype(np.uint8))
