"""The named styles: works whose embeddings come with the package."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from pasticcio.style.style import Style

LIBRARY = Path(__file__).parent / "library"


def list_styles(model: str = "default") -> dict[str, Style]:
    """The named styles of a shipped model, by name; empty where it has none.

    >>> list_styles()["dance"].artist
    'Henri Matisse'
    """
    return dict(_of_model(model))


@cache
def _of_model(model: str) -> dict[str, Style]:
    path = LIBRARY / f"{model}.json"
    return read_named_styles(path) if path.exists() else {}


def read_named_styles(path: Path) -> dict[str, Style]:
    """The styles in a file that `scripts/named_styles.py` wrote, by name."""
    table = json.loads(path.read_text(encoding="utf-8"))
    return {
        name: Style(
            work["embedding"],
            model=table["model"],
            name=name,
            title=work["title"],
            artist=work["artist"],
            year=work["year"],
        )
        for name, work in table["styles"].items()
    }
