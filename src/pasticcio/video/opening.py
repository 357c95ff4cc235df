"""Opening a clip or an animated picture, whichever a file is."""

from __future__ import annotations

import os

from pasticcio.video.animation import Animation, is_animation
from pasticcio.video.frames import Selection, Source
from pasticcio.video.reading import Clip


def open_source(path: str | os.PathLike[str], selection: Selection) -> Source:
    """Open a clip.

    Args:
        path: of the file.
        selection: which frames are wanted.

    Raises:
        ImageError: it cannot be read, or has no frames.
        MissingExtraError: PyAV is not installed.
    """
    return (Animation if is_animation(path) else Clip)(path, selection)
