"""`stylize`: one call, by a model that is loaded once."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

from numpy.typing import NDArray
from PIL import Image

from pasticcio.image.picture import Source
from pasticcio.image.read import read_picture
from pasticcio.render.blend import Weighted
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style


def stylize(
    photo: Source,
    style: Source | Style | Weighted,
    options: Options | None = None,
    *,
    strength: float | None = None,
    model: str | os.PathLike[str] = "default",
) -> Image.Image | NDArray[Any]:
    """`Stylizer.stylize` with a model that is loaded at the first call and kept.

    >>> import numpy as np
    >>> stylize(np.zeros((32, 32), np.uint8), "dance").shape
    (32, 32, 3)

    Args:
        photo, style, options, strength: see `Stylizer.stylize`.
        model: name of a shipped model, or a model folder.

    Raises:
        ModelError: unknown, incomplete or damaged model.
        ImageError, StyleError, OptionError: see `Stylizer.stylize`.
    """
    return _loaded(os.fspath(model)).stylize(read_picture(photo), style, options, strength=strength)


@cache
def _loaded(model: str) -> Stylizer:
    return Stylizer(model)
