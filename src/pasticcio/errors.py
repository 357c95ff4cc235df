"""Everything that Pasticcio raises on purpose.

    PasticcioError
    ├── ImageError      a picture that cannot be read, or is no picture
    ├── OutputError     a file or folder that cannot be written
    ├── StyleError      an unknown style, a style of another model, weights that do not mix
    ├── ModelError      an unknown, incomplete or damaged model
    ├── OptionError     an option outside its range
    ├── DownloadError   public weights that cannot be fetched or fail their checksum
    ├── ConfigError     a recipe with an unknown key or a value that does not fit
    ├── DataError       data without usable pictures, or with too few
    ├── TrainingError   a training run that cannot go on
    └── MissingExtraError  an optional dependency that is not installed

Each message names the value, the limit and the remedy, in one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PasticcioError(Exception):
    """Base of all errors raised on purpose.

    >>> from pasticcio import open_image
    >>> try:
    ...     open_image("nowhere.jpg")
    ... except PasticcioError as error:
    ...     print(error)
    no such file: nowhere.jpg
    """


class ImageError(PasticcioError):
    """A picture that cannot be read, or is no picture.

    >>> from pasticcio import open_image
    >>> open_image("nowhere.jpg")
    Traceback (most recent call last):
    pasticcio.errors.ImageError: no such file: nowhere.jpg
    """


class OutputError(PasticcioError):
    """A file or folder that cannot be written.

    >>> import numpy as np
    >>> from pasticcio import save_image
    >>> save_image(np.zeros((2, 2, 3)), "picture.doc")
    Traceback (most recent call last):
    pasticcio.errors.OutputError: cannot write picture.doc: suffix '.doc' is not one of .png, ...
    """


class StyleError(PasticcioError):
    """An unknown style, a style of another model, or weights that do not mix.

    >>> from pasticcio import mix
    >>> mix([])
    Traceback (most recent call last):
    pasticcio.errors.StyleError: nothing to mix: give at least one style
    """


class ModelError(PasticcioError):
    """An unknown, incomplete or damaged model.

    >>> from pasticcio import Stylizer
    >>> Stylizer("defualt")
    Traceback (most recent call last):
    pasticcio.errors.ModelError: no model named 'defualt' and no such folder; did you mean default or fast?
    """


class OptionError(PasticcioError, ValueError):
    """An option outside its range.

    >>> from pasticcio import Options
    >>> Options(tile=8)
    Traceback (most recent call last):
    pasticcio.errors.OptionError: tile is 8; it must be 64 pixels or more, or 0 for one pass
    """


class DownloadError(PasticcioError):
    """Public weights that cannot be fetched or fail their checksum."""


class ConfigError(PasticcioError):
    """A recipe with an unknown key or a value that does not fit."""


class DataError(PasticcioError):
    """Data for training without usable pictures; or a data set that cannot be made of its pictures."""


class TrainingError(PasticcioError):
    """A training run that cannot go on."""


class MissingExtraError(PasticcioError, ImportError):
    """An optional dependency that is not installed.

    Args:
        what: what needs it, the subject of the message.
        extra: the extra that installs it.
    """

    def __init__(self, what: str, extra: str) -> None:
        super().__init__(what, extra)  # what pickle calls it with again

    def __str__(self) -> str:
        return "{} needs packages that are not installed: pip install 'pasticcio[{}]'".format(*self.args)


def nearest(name: str, known: Iterable[str]) -> str:
    """The end of a message about an unknown name: the known names most like it, or all of them.

    >>> nearest("defualt", ["default", "other"])
    'did you mean default?'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=3, cutoff=0.5)
    if close:
        return f"did you mean {' or '.join(close)}?"
    return f"known: {', '.join(names)}" if names else "none is known"
