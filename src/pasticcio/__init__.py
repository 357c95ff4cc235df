"""Pasticcio: a photo in the manner of a painting, in one forward pass, for any pair.

    from pasticcio import Stylizer

    stylizer = Stylizer()
    style = stylizer.embed("painting.jpg")
    stylizer.stylize("photo.jpg", style, strength=0.8).save("out.png")

Importing this package imports nothing heavy; each name loads its module when first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pasticcio.errors import (
        ConfigError,
        DataError,
        DownloadError,
        ImageError,
        MissingExtraError,
        ModelError,
        OptionError,
        OutputError,
        PasticcioError,
        StyleError,
        TrainingError,
    )
    from pasticcio.image.picture import Picture
    from pasticcio.image.read import open_image, read_picture
    from pasticcio.image.write import save_image, save_picture
    from pasticcio.model.folder import Model, list_models
    from pasticcio.render.options import Options
    from pasticcio.render.refine import Refined, refine
    from pasticcio.render.stylize import stylize
    from pasticcio.render.stylizer import Stylizer
    from pasticcio.style.gaussian import StyleGaussian
    from pasticcio.style.named import list_styles
    from pasticcio.style.style import Style, mix

__version__ = "0.2.0"

_HOMES = {
    "errors": (
        "ConfigError",
        "DataError",
        "DownloadError",
        "ImageError",
        "MissingExtraError",
        "ModelError",
        "OptionError",
        "OutputError",
        "PasticcioError",
        "StyleError",
        "TrainingError",
    ),
    "image.picture": ("Picture",),
    "image.read": ("open_image", "read_picture"),
    "image.write": ("save_image", "save_picture"),
    "model.folder": ("Model", "list_models"),
    "render.options": ("Options",),
    "style.gaussian": ("StyleGaussian",),
    "style.named": ("list_styles",),
    "style.style": ("Style", "mix"),
    "render.refine": ("Refined", "refine"),
    "render.stylize": ("stylize",),
    "render.stylizer": ("Stylizer",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "ConfigError",
    "DataError",
    "DownloadError",
    "ImageError",
    "MissingExtraError",
    "Model",
    "ModelError",
    "OptionError",
    "Options",
    "OutputError",
    "PasticcioError",
    "Picture",
    "Refined",
    "Style",
    "StyleError",
    "StyleGaussian",
    "Stylizer",
    "TrainingError",
    "list_models",
    "list_styles",
    "mix",
    "open_image",
    "read_picture",
    "refine",
    "save_image",
    "save_picture",
    "stylize",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'pasticcio' has no attribute {name!r}")
    return getattr(importlib.import_module(f"pasticcio.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
