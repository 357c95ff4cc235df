"""The files of the page, and what it shows of the named styles."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
SITE = HERE / "site"
STYLES = HERE / "styles"  # thumbnails and places that scripts/page_styles.py made
PLACES = "places.json"
SUFFIX = ".jpg"  # of thumbnails


def site() -> Path:
    """The folder of the page's files, `index.html` among them; it has no folders within."""
    return SITE


def thumbnail(name: str) -> Path | None:
    """The thumbnail of a named style of the shipped model, a JPEG; None where there is none.

    Args:
        name: of the style; only names of the map are looked up, so no path is ever made of what a stranger sends.
    """
    path = STYLES / f"{name}{SUFFIX}"
    return path if name in places() and path.is_file() else None


@cache
def places() -> dict[str, tuple[float, float]]:
    """The place of each named style of the shipped model on the map, x and y in [0, 1]; styles near are alike."""
    table = json.loads((STYLES / PLACES).read_text(encoding="utf-8"))
    return {name: (x, y) for name, (x, y) in table.items()}
