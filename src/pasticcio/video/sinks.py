"""Sinks: where the outputs of a live run go: a window, a stream of raw frames, a virtual camera."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import numpy as np

from pasticcio.errors import OutputError
from pasticcio.extras import extra
from pasticcio.files import writing
from pasticcio.video.motion import Frame


class Sink(Protocol):
    """Where outputs go."""

    def show(self, output: Frame) -> None:
        """Take an output, (H, W, 3), uint8."""


class Raw:
    """Writes raw frames: H x W x 3 bytes each, RGB."""

    def __init__(self, stream: BinaryIO, name: str) -> None:
        self._stream, self._name = stream, name

    def show(self, output: Frame) -> None:
        """See `Sink`.

        Raises:
            OutputError: it cannot be written.
        """
        try:
            self._stream.write(np.ascontiguousarray(output).data)
            self._stream.flush()
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or error
            raise OutputError(f"cannot write to {self._name}: {why}") from error


@contextlib.contextmanager
def raw_file(path: Path) -> Iterator[Raw]:
    """Raw frames into a file, which appears at the end, or into a named pipe, which must be there.

    Raises:
        OutputError: it cannot be written.
    """
    if path.exists() and not path.is_file():
        try:
            with open(path, "wb", buffering=0) as stream:
                yield Raw(stream, str(path))
        except OSError as error:
            raise OutputError(f"cannot write {path}: {error.strerror or error}") from error
    else:
        with writing(path) as partial, open(partial, "wb") as file:
            yield Raw(file, str(path))


class Virtual:
    """Shows outputs as a camera that other programs can use. It opens with the first output.

    Args:
        rate: frames a second that the camera names.

    Raises:
        MissingExtraError: pyvirtualcam is not installed.
    """

    def __init__(self, rate: float = 20.0) -> None:
        with extra("webcam", "the virtual camera"):
            import pyvirtualcam
        self._package, self._rate = pyvirtualcam, rate
        self._camera: Any = None

    def show(self, output: Frame) -> None:
        """See `Sink`.

        Raises:
            OutputError: there is no virtual camera.
        """
        height, width = output.shape[:2]
        if self._camera is None:
            try:
                self._camera = self._package.Camera(width, height, self._rate)
            except (RuntimeError, OSError) as error:
                raise OutputError(
                    f"there is no virtual camera ({' '.join(str(error).split())}); on Linux load v4l2loopback "
                    "(modprobe v4l2loopback), elsewhere install OBS Studio"
                ) from error
        self._camera.send(np.ascontiguousarray(output))

    def close(self) -> None:
        """Give the camera back."""
        if self._camera is not None:
            self._camera.close()


class Window:
    """A window with the newest output; made, used and closed in the main thread, but for `show`.

    Args:
        title: of the window.
        press: called with each key.

    Raises:
        OutputError: there is no display, or no tkinter.
    """

    def __init__(self, title: str, press: Callable[[str], object]) -> None:
        other = "name --out FILE, --out - or --virtual"
        try:
            import tkinter

            from PIL import ImageTk
        except ImportError as error:
            raise OutputError(
                f"a window needs tkinter, which this Python lacks (on Debian: apt install python3-tk); or {other}"
            ) from error
        try:
            self._root = tkinter.Tk()
        except tkinter.TclError as error:
            where = os.environ.get("DISPLAY") or "no display"
            raise OutputError(f"cannot open a window ({where}: {error}); {other}") from error
        self._picture: Any = None
        self._newest: Frame | None = None
        self._photo = ImageTk.PhotoImage
        self._label = tkinter.Label(self._root, borderwidth=0)
        self._label.pack()
        self._root.title(title)
        self._root.bind("<Key>", lambda event: press("q" if event.keysym == "Escape" else event.char))
        self._root.protocol("WM_DELETE_WINDOW", lambda: press("q"))

    def show(self, output: Frame) -> None:
        """See `Sink`."""
        self._newest = output

    def update(self, title: str) -> None:
        """Show the newest output and take keys."""
        from PIL import Image

        if (output := self._newest) is not None:
            self._newest = None
            self._picture = self._photo(Image.fromarray(output), master=self._root)
            self._label.configure(image=self._picture)
        self._root.title(title)
        self._root.update()

    def close(self) -> None:
        """Close the window."""
        self._root.destroy()
