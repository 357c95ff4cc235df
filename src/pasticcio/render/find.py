"""Finding: what is meant by a style that a caller names, before anything is embedded."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from pasticcio.errors import StyleError, nearest
from pasticcio.image.listing import list_pictures
from pasticcio.image.picture import Picture, Source
from pasticcio.model.folder import Model, list_models
from pasticcio.style.style import Style

RANDOM, LIKE = "random", "like:"
KINDS = "a picture, its file, a folder of pictures, a style file, a name, 'random' or 'like:' and any of these"


@dataclass(frozen=True)
class Draw:
    """A style to be drawn at random.

    Attributes:
        near: what it is near to; empty for any style.
    """

    near: Given = ""


@dataclass(frozen=True)
class Several:
    """A folder of style pictures, as it was when it was listed.

    Attributes:
        name: of the folder.
        files: its pictures.
    """

    name: str
    files: tuple[Path, ...]


Given = Source | Style | Draw | Several


def find(style: Given, model: Model) -> Given:
    """What is meant by a style.

    Args:
        style: see `Stylizer.embed`. Where a file and a name agree the file is meant.
        model: whose named styles are known.

    Returns:
        A style of that model; or a draw; or a folder of pictures; or a picture, or its path. Given again, it is
        returned as it is, whatever files have come to be since.

    Raises:
        ImageError: a folder without pictures.
        StyleError: no such file or named style, a style of another model, an object that means no style, or a picture
            for a model that only knows a table of styles.
    """
    found = _named(style, model) if isinstance(style, (str, os.PathLike)) else style
    if isinstance(found, Style):
        if found.model != model.fingerprint:
            its = next((shipped.name for shipped in list_models() if shipped.fingerprint == found.model), "")
            raise StyleError(
                f"style {found.name or 'given'} belongs to model {its or found.model}, not to {model.name} "
                f"({model.fingerprint}); {f'choose model {its}, or ' if its else ''}embed its picture with this model"
            )
        return found
    if isinstance(found, Draw):
        return Draw(find(found.near, model)) if isinstance(found.near, str) and found.near else found
    if not isinstance(found, Several) and not _pictorial(found):
        raise StyleError(f"a {type(found).__name__} is no style; give {KINDS}")
    if model.table:
        known = ", ".join(model.styles)
        raise StyleError(f"model {model.name} cannot embed a picture; it knows the styles {known}")
    if isinstance(found, (str, os.PathLike)) and os.path.isdir(found):
        return Several(Path(found).name, tuple(list_pictures(found)))
    return found


def _named(style: str | os.PathLike[str], model: Model) -> Style | Draw | str | os.PathLike[str]:
    """What a path or a name means."""
    name = os.fspath(style)
    if os.path.exists(name):
        return Style.load(name) if name.lower().endswith(".json") else style
    if isinstance(style, str) and style == RANDOM:
        return Draw()
    if isinstance(style, str) and style.startswith(LIKE):
        return Draw(style[len(LIKE) :])
    styles = model.styles
    if name not in styles:
        raise StyleError(f"no such file and no named style: {name}; {nearest(name, styles)}")
    return styles[name]


def _pictorial(found: Any) -> bool:
    """Whether reading it as a picture makes sense."""
    return isinstance(found, (str, os.PathLike, bytes, np.ndarray, Image.Image, Picture)) or hasattr(found, "read")
