"""Formats that clips are written in, and the encoder of a part of a clip."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import OptionError, OutputError, nearest
from pasticcio.extras import extra
from pasticcio.video.animation import KINDS
from pasticcio.video.color import Colors
from pasticcio.video.motion import opencv
from pasticcio.video.pipeline import threads_each

QUALITY = 65
MOST = 100  # of the quality


@dataclass(frozen=True)
class Codec:
    """A codec and its encoder.

    Attributes:
        title: for people.
        encoder: FFmpeg's name of it.
        options: of the encoder.
        coarsest: its largest factor of quantization, which quality 0 would be.
        finest: its smallest; 0 stands for a choice of its own in AV1.
        even: whether sides have to be even.
        tag: in MP4 and MOV, where players ask for another than FFmpeg's.
    """

    title: str
    encoder: str
    options: Mapping[str, str]
    coarsest: int = 51
    finest: int = 0
    even: bool = True
    tag: str = ""


X264 = "libx264"
AVX512 = 256  # number of AVX-512 with the extensions of Skylake-X, in OpenCV
CODECS = {
    "h264": Codec("H.264", X264, {"preset": "veryfast"}),
    "h265": Codec("H.265", "libx265", {"preset": "veryfast", "x265-params": "log-level=none"}, tag="hvc1"),
    "av1": Codec("AV1", "libsvtav1", {"preset": "9"}, 63, 1, even=False),
    "vp9": Codec("VP9", "libvpx-vp9", {"b": "0", "deadline": "good", "cpu-used": "4", "row-mt": "1"}, 63, even=False),
}
LOSSLESS = Codec("FFV1", "ffv1", {}, even=False)  # of parts of animated pictures
CONTAINERS = {
    ".mp4": ("mp4", ("h264", "h265", "av1", "vp9")),
    ".m4v": ("mp4", ("h264", "h265", "av1", "vp9")),
    ".mov": ("mov", ("h264", "h265")),
    ".mkv": ("matroska", ("h264", "h265", "av1", "vp9")),
    ".webm": ("webm", ("vp9", "av1")),
}
"""For each suffix, FFmpeg's name of the container, and its codecs, of which the first is taken."""

DEEP = "yuv420p10le"  # FFmpeg's name of the pixel format with 10 bits a color
WITH_ALPHA = ("matroska", "webm")  # containers in which VP9 has alpha
SUFFIXES = (*CONTAINERS, *KINDS)


@dataclass(frozen=True)
class Format:
    """How a clip is written.

    Attributes:
        container: FFmpeg's name; empty for an animated picture.
        codec: of the video, or of the parts of an animated picture.
        quality: from 1 to 100; None for the usual one.
        alpha: whether alpha can be kept.
    """

    container: str
    codec: Codec
    quality: int | None
    alpha: bool

    @property
    def bits(self) -> int:
        """Of a color, that the encoder takes: 8 or 10."""
        with extra("video", "writing video"):
            import av
        taken = av.Codec(self.codec.encoder, "w").video_formats or [] if self.container else []
        return 10 if any(one.name == DEEP for one in taken) else 8

    @property
    def options(self) -> dict[str, str]:
        """Of the encoder."""
        if not self.container:
            return {}
        quality = QUALITY if self.quality is None else self.quality
        factor = round(self.codec.coarsest * (MOST - quality) / MOST)
        found = {**self.codec.options, "crf": str(max(self.codec.finest, factor))}
        # With AVX-512 instructions, x264 does not always give the same stream for the same frames.
        if self.codec.encoder == X264 and opencv().checkHardwareSupport(AVX512):
            found["x264-params"] = "asm=AVX2"
        return found


def format_of(path: str | os.PathLike[str], codec: str | None = None, quality: int | None = None) -> Format:
    """The format that a file's suffix asks for.

    Args:
        path: of the output.
        codec: "h264", "h265", "av1" or "vp9"; by default the container's first.
        quality: of the video, from 1 to 100, the encoder's best; by default 65.

    Raises:
        OutputError: a suffix that is none of `SUFFIXES`.
        OptionError: a codec that there is not, or that the container does not hold; a quality outside its range.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise OutputError(f"cannot write {path}: suffix {suffix!r} is not one of {', '.join(SUFFIXES)}")
    if quality is not None and not 1 <= quality <= MOST:
        raise OptionError(f"quality is {quality}; it must be from 1 to {MOST}")
    if codec is not None and codec not in CODECS:
        raise OptionError(f"codec is {codec!r}; {nearest(codec, CODECS)}")
    if suffix in KINDS:
        if codec is not None:
            raise OptionError(f"codec is {codec!r}, and {suffix} is an animated picture, which has none; leave it out")
        if quality is not None and suffix != ".webp":
            raise OptionError(f"quality is {quality}, and {suffix} has no losses to choose; leave it out")
        return Format("", LOSSLESS, quality, True)
    container, codecs = CONTAINERS[suffix]
    name = codec or codecs[0]
    if name not in codecs:
        raise OptionError(f"codec is {name!r}, which {suffix} does not hold; {suffix} holds {', '.join(codecs)}")
    return Format(container, CODECS[name], quality, name == "vp9" and container in WITH_ALPHA)


class PartWriter:
    """Encodes a part of a clip into a Matroska file of its own: frame 0 at time 0, and so on.

    Where sides have to be even, the last row or column is repeated.

    Args:
        path: of the file.
        form: how the clip is written.
        size: height and width of the frames.
        rate: frames a second, for the encoder.
        colors: how they are encoded.
        aspect: width of a pixel by its height.
        alpha: whether the frames have alpha.
        bits: of a color: 10, where `form` has as many, or 8.

    Raises:
        OutputError: the codec does not hold frames of that size.
        OSError: it cannot be written.
    """

    def __init__(
        self,
        path: Path,
        form: Format,
        size: tuple[int, int],
        rate: Fraction,
        colors: Colors,
        aspect: Fraction,
        alpha: bool,
        bits: int = 8,
    ) -> None:
        with extra("video", "writing video"):
            import av
        os.environ.setdefault("SVT_LOG", "1")  # errors alone
        self._count, self._rate, self._colors, self._codec = 0, rate, colors, form.codec
        self._alpha = alpha
        self._extra = even_by(size, form.codec)
        self._container = av.open(str(path), "w", format="matroska")
        try:
            stream: Any = self._container.add_stream(form.codec.encoder, rate=rate, options=form.options)
            self._stream = stream
            stream.codec_context.thread_count = threads_each()
            stream.height, stream.width = (side + more for side, more in zip(size, self._extra, strict=True))
            stream.pix_fmt = DEEP if bits > 8 else f"yuv{'a' * alpha}420p"
            if not form.container:
                stream.pix_fmt = "bgra" if alpha else "bgr0"
            if form.container:
                colors.tag(stream.codec_context)
                stream.codec_context.sample_aspect_ratio = aspect
            try:
                self._container.start_encoding()
            except av.FFmpegError as error:
                if getattr(error, "errno", None) and not isinstance(error, (ValueError, av.ExternalError)):
                    raise
                height, width = size
                raise OutputError(
                    f"{form.codec.title} does not hold frames of {width} x {height}; name another codec"
                ) from error
        except BaseException:
            self._container.close()
            raise

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._container.mux(self._stream.encode(None))
        finally:
            self._container.close()

    def add(self, pixels: NDArray[Any]) -> None:
        """Encode the next frame, (H, W, 3), or (H, W, 4) with alpha, uint8 or uint16."""
        bottom, right = self._extra
        if bottom or right:
            pixels = np.pad(pixels, ((0, bottom), (0, right), (0, 0)), "edge")
        frame = self._colors.to_yuv(pixels, self._stream.pix_fmt)
        frame.pts, frame.time_base = self._count, 1 / self._rate
        self._container.mux(self._stream.encode(frame))
        self._count += 1


def even_by(size: tuple[int, int], codec: Codec) -> tuple[int, int]:
    """The rows and columns that are added to frames so that their sides are even, where they have to be."""
    return (size[0] % 2, size[1] % 2) if codec.even else (0, 0)
