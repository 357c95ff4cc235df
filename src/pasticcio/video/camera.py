"""Cameras: where frames come from one after the other, whether or not anybody has time for them."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any, BinaryIO, Protocol

import numpy as np

from pasticcio.errors import ImageError
from pasticcio.video.motion import Frame, opencv

WAIT = 1.0  # seconds that the end waits for a camera that is reading


class Camera(Protocol):
    """What frames come from.

    Attributes:
        name: for people.
    """

    name: str

    def frames(self) -> Iterator[Frame]:
        """The frames, (H, W, 3), uint8, RGB, each when it is there. They end when the camera is closed."""

    def close(self) -> None:
        """End the frames; any thread may do it."""


class Device:
    """A camera of this machine.

    Args:
        number: 0 for the first.
        size: width and height to ask the camera for; it may give others.

    Raises:
        ImageError: there is none of that number, or another program uses it.
        MissingExtraError: OpenCV is not installed.
    """

    def __init__(self, number: int, size: tuple[int, int] | None = None) -> None:
        cv2 = opencv()
        self.name = f"camera {number}"
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(0)  # OpenCV writes to standard error what the error below says
        try:
            self._camera = cv2.VideoCapture(number)
        finally:
            cv2.utils.logging.setLogLevel(level)
        if not self._camera.isOpened():
            raise ImageError(
                f"cannot open {self.name}: there is none, or another program uses it; choose another with --device, "
                "or give --input FILE"
            )
        for what, value in zip((cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT), size or (), strict=False):
            self._camera.set(what, value)
        self._camera.set(cv2.CAP_PROP_BUFFERSIZE, 1)
        self._closed = False

    def frames(self) -> Iterator[Frame]:
        """See `Camera`.

        Raises:
            ImageError: the camera gives no more frames.
        """
        cv2 = opencv()
        try:
            while not self._closed:
                there, picture = self._camera.read()
                if not there and not self._closed:
                    raise ImageError(f"{self.name} gives no more frames; see whether it is still connected")
                if there:
                    yield cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        finally:
            self._camera.release()

    def close(self) -> None:
        """See `Camera`."""
        self._closed = True


class Played:
    """Frames with times, each given when its time has come.

    Args:
        timed: times in seconds and frames, see `stylize_video`. A generator is closed at the end.
        name: for people.
        clock: returns seconds.
        wait: waits for seconds, or until the event is set.
    """

    def __init__(
        self,
        timed: Iterable[tuple[float, Frame]],
        name: str = "clip",
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[threading.Event, float], Any] = threading.Event.wait,
    ) -> None:
        self.name = name
        self._timed, self._clock, self._wait, self._closed = timed, clock, wait, threading.Event()

    def frames(self) -> Iterator[Frame]:
        """See `Camera`."""
        begun: float | None = None
        try:
            for at, frame in self._timed:
                if begun is None:
                    begun = self._clock() - at
                if (left := begun + at - self._clock()) > 0:
                    self._wait(self._closed, left)
                if self._closed.is_set():
                    return
                yield frame
        finally:
            if isinstance(self._timed, Generator):
                self._timed.close()

    def close(self) -> None:
        """See `Camera`."""
        self._closed.set()


class Pipe:
    """Raw frames, one after the other without anything between: H x W x 3 bytes each, RGB.

    Args:
        stream: without a buffer of Python's, which a thread that is reading would hold when the process ends.
        size: width and height.
        name: for people.
    """

    def __init__(self, stream: BinaryIO, size: tuple[int, int], name: str = "standard input") -> None:
        self.name, self._stream, self._size, self._closed = name, stream, size, False

    def frames(self) -> Iterator[Frame]:
        """See `Camera`.

        Raises:
            ImageError: they end within a frame.
        """
        width, height = self._size
        while not self._closed:
            pixels = np.empty((height, width, 3), np.uint8)
            left = memoryview(pixels.data).cast("B")
            while len(left) and (count := self._stream.readinto(left)):  # type: ignore[attr-defined]
                left = left[count:]
            if len(left) == pixels.nbytes:
                return
            if len(left):
                raise ImageError(
                    f"{self.name} ends within a frame: of {pixels.nbytes} bytes, {len(left)} are missing; give raw RGB "
                    f"of {width}x{height}, or the right --size"
                )
            yield pixels

    def close(self) -> None:
        """See `Camera`."""
        self._closed = True


class FakeCamera:
    """A camera for tests and trials: it gives a frame at each `push`, and ends at `close`."""

    def __init__(self, name: str = "a fake camera") -> None:
        self.name = name
        self._frames: list[Frame] = []
        self._closed = False
        self._changed = threading.Condition()

    def push(self, frame: Frame) -> None:
        """Give a frame; it waits for the reader to come."""
        with self._changed:
            self._frames.append(frame)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._frames or self._closed)

    def frames(self) -> Iterator[Frame]:
        """See `Camera`."""
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._frames or self._closed)
                if not self._frames:
                    return
                frame = self._frames.pop(0)
            yield frame
            with self._changed:  # the reader has taken it when it asks for the next
                self._changed.notify_all()

    def close(self) -> None:
        """See `Camera`."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class Newest:
    """The newest frame of a camera, which a thread reads as fast as it gives frames. Frames are dropped, never queued.

    Args:
        camera: closed at the end.
        clock: returns seconds.

    Attributes:
        taken, dropped: numbers of frames.
    """

    def __init__(self, camera: Camera, clock: Callable[[], float] = time.monotonic) -> None:
        self.taken = self.dropped = 0
        self._camera, self._clock = camera, clock
        self._newest: tuple[Frame, float] | None = None
        self._ended, self._closed = False, False
        self._error: BaseException | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Newest:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.close()
        if self._thread is not threading.current_thread():
            self._thread.join(WAIT)

    def take(self) -> tuple[Frame, float] | None:
        """Wait for a frame that was not taken yet.

        Returns:
            The newest frame and the time at which it came; None where there are no more.

        Raises:
            What reading the camera raises, after its last frame.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._newest is not None or self._ended or self._closed)
            found, self._newest = self._newest, None
            if found is not None and not self._closed:
                self.taken += 1
                return found
            if self._error is not None and not self._closed:
                raise self._error
            return None

    def close(self) -> None:
        """End; who waits for a frame gets None."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._camera.close()

    def _read(self) -> None:
        try:
            with contextlib.closing(self._camera.frames()) as frames:  # type: ignore[type-var]
                for frame in frames:
                    with self._changed:
                        self.dropped += self._newest is not None
                        self._newest = frame, self._clock()
                        self._changed.notify_all()
                        if self._closed:
                            return
        except BaseException as error:
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()


def standard_input() -> BinaryIO:
    """Standard input without Python's buffer.

    Raises:
        ImageError: it is closed.
    """
    try:
        return open(0, "rb", buffering=0, closefd=False)
    except OSError as error:
        raise ImageError(f"cannot read standard input: {os.strerror(error.errno or 0)}") from error
