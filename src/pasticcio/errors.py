"""Everything that Pasticcio raises on purpose.

    PasticcioError
    ├── ImageError      a picture that cannot be read, or is no picture
    ├── OutputError     a file or folder that cannot be written
    ├── StyleError      an unknown style, a style of another model, weights that do not mix
    ├── ModelError      an unknown, incomplete or damaged model
    ├── OptionError     an option outside its range
    ├── DownloadError   public weights that cannot be fetched or fail their checksum
    ├── ConfigError     a recipe with an unknown key or a value that does not fit
    ├── DataError       training data without usable pictures
    ├── TrainingError   a training run that cannot go on
    └── MissingExtraError  an optional dependency that is not installed

Each message names the value, the limit and the remedy, in one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PasticcioError(Exception):
    """Base of all errors raised on purpose."""


class ImageError(PasticcioError):
    """A picture that cannot be read, or is no picture."""


class OutputError(PasticcioError):
    """A file or folder that cannot be written."""


class StyleError(PasticcioError):
    """An unknown style, a style of another model, or weights that do not mix."""


class ModelError(PasticcioError):
    """An unknown, incomplete or damaged model."""


class OptionError(PasticcioError, ValueError):
    """An option outside its range."""


class DownloadError(PasticcioError):
    """Public weights that cannot be fetched or fail their checksum."""


class ConfigError(PasticcioError):
    """A recipe with an unknown key or a value that does not fit."""


class DataError(PasticcioError):
    """Training data without usable pictures."""


class TrainingError(PasticcioError):
    """A training run that cannot go on."""


class MissingExtraError(PasticcioError, ImportError):
    """An optional dependency that is not installed."""

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(f"{what} needs packages that are not installed: pip install 'pasticcio[{extra}]'")


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the names most like it, or all of them."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known: {', '.join(names)}" if names else "none is known"
