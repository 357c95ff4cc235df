"""The frames of a clip, upright and in order, each with its time."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from pasticcio.errors import ImageError
from pasticcio.extras import extra

if TYPE_CHECKING:
    from numpy.typing import NDArray

HDR = {16: "PQ (SMPTE ST 2084)", 18: "HLG (ARIB STD-B67)"}
"""Transfer functions of high dynamic range, by their numbers in ITU-T H.273, table 3."""


def read_frames(path: str | os.PathLike[str]) -> Iterator[tuple[float, NDArray[np.uint8]]]:
    """Decode a clip's first video stream, one frame at a time.

    Yields:
        The time of a frame in seconds, as the file has it, and the frame: (height, width, 3), RGB, 0 to 255. Turned
        frames are turned back.

    Raises:
        ImageError: the file cannot be read, has no video or no frames, or has a high dynamic range. A file that ends
            too early raises nothing: the frames that it still holds are all that come.
        MissingExtraError: PyAV is not installed.
    """
    with extra("video", "reading video"):
        import av
    name, count = os.fspath(path), 0
    try:
        with av.open(name) as container:
            if not container.streams.video:
                raise ImageError(f"{name} has no video; give a file with a video stream")
            for frame in container.decode(container.streams.video[0]):
                yield _time(frame, name, count), _picture(frame, name)
                count += 1
    except FileNotFoundError as error:
        raise ImageError(f"no such file: {name}") from error
    except (av.FFmpegError, OSError) as error:
        if isinstance(error, av.EOFError) and not count:
            raise ImageError(f"{name} has no frames; give a file with one or more") from error
        where = f" after {count} frames" if count else ""
        raise ImageError(f"cannot read {name}{where}: {error.strerror or error}") from error
    if not count:
        raise ImageError(f"{name} has no frames; give a file with one or more")


def _time(frame: Any, name: str, count: int) -> float:
    if frame.time is None:
        raise ImageError(f"{name}: frame {count} has no time; write the clip into a container that keeps times")
    return float(frame.time)


def _picture(frame: Any, name: str) -> NDArray[np.uint8]:
    if range_name := HDR.get(int(frame.color_trc or 0)):
        raise ImageError(f"{name} has a high dynamic range, {range_name}; convert it to BT.709 first")
    return upright(frame.to_ndarray(format="rgb24"), frame.rotation)


def upright(pixels: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """Turn a frame counterclockwise.

    Args:
        pixels: (height, width, channels).
        rotation: degrees, a multiple of 90.

    Raises:
        ImageError: the angle is none of these.
    """
    if rotation % 90:
        raise ImageError(f"the clip is turned by {rotation} degrees; only multiples of 90 can be turned back")
    return np.ascontiguousarray(np.rot90(pixels, rotation // 90))
