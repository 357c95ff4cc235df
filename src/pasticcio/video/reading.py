"""The frames of a clip that PyAV reads, upright and in order, each with its time."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from pasticcio.errors import ImageError
from pasticcio.extras import extra
from pasticcio.video.color import Colors
from pasticcio.video.frames import Facts, Selection, Shown, exact

if TYPE_CHECKING:
    from numpy.typing import NDArray

MICROSECONDS = 1_000_000  # ticks a second of FFmpeg's times of whole files
BEFORE = 1.0  # seconds before the start from which frames are decoded: times of packets are not those of frames
ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}  # FFmpeg's own leave alpha out
STREAMS = ("mpegts", "mpeg")  # formats whose times begin anywhere
MISSING = 1.5  # frames that may be missing at the end of a clip before we say so


def read_frames(path: str | os.PathLike[str], deep: bool = False) -> Iterator[tuple[float, NDArray[Any]]]:
    """Decode a clip's first video stream, one frame at a time.

    Args:
        path: of the file.
        deep: whether frames are uint16, where the clip has more than 8 bits a color.

    Yields:
        The time of a frame in seconds, as the file has it, and the frame: (height, width, 3), RGB, uint8 or uint16
        over the whole range. Turned frames are turned back.

    Raises:
        ImageError: the file cannot be read, has no video or no frames, or has a high dynamic range. A file that ends
            too early raises nothing: the frames that it still holds are all that come.
        MissingExtraError: PyAV is not installed.
    """
    clip = Clip(path)
    try:
        for shown in clip.frames(deep):
            yield float(shown.ticks * clip.facts.time_base), shown.pixels
    finally:
        clip.close()


class Clip:
    """An open clip, see `frames.Source`.

    Its first video stream is read. Times are the file's; those of MPEG streams begin at 0. Interlaced frames are
    deinterlaced at the rate of frames.

    Args:
        path: of the file.
        selection: which frames are wanted.

    Raises:
        ImageError: the file cannot be read, has no video or no frames, or has a high dynamic range.
        MissingExtraError: PyAV is not installed.
    """

    def __init__(self, path: str | os.PathLike[str], selection: Selection | None = None) -> None:
        with extra("video", "reading video"):
            import av
        self.name, self.selection = os.fspath(path), selection or Selection()
        self.notes: dict[str, None] = {}
        self.damage = ""
        self._lost = 0
        self._reached = Fraction(0)
        self._last = self._end = 0
        self._deep = False
        try:
            self._container = opened(self.name)
        except FileNotFoundError as error:
            raise ImageError(f"no such file: {self.name}") from error
        except av.EOFError as error:
            raise self._without_frames() from error
        except (av.FFmpegError, OSError, ValueError) as error:
            raise ImageError(f"cannot read {self.name}: {getattr(error, 'strerror', None) or error}") from error
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        self._stream = self._chosen()
        self._decoder = self._own_decoder()
        self._origin = origin_of(self._container)
        self._seek()
        decoded = self._decoded()
        first = next(decoded, None)
        if first is None and self.selection.start:  # no place to go to, or beyond the end
            first = next(decoded := self._from_the_beginning(), None)
        if first is None:
            raise self._without_frames()
        interlaced = bool(first.interlaced_frame)
        decoded = itertools.chain([first], decoded)
        if interlaced:
            self.notes["it is interlaced, and is deinterlaced"] = None
            decoded = self._deinterlaced(decoded)
            first = next(decoded)
            decoded = itertools.chain([first], decoded)
        self._frames = decoded
        self._colors = Colors.of(first, self.name)
        self._turned = first.rotation
        height, width = first.height, first.width
        self._size = self.selection.fitted(height, width)
        alpha = any(one.is_alpha for one in first.format.components)
        aspect = exact(self._stream.sample_aspect_ratio or Fraction(1)) or Fraction(1)
        aside = bool(self._turned % 180)
        self.facts = Facts(
            self._size[::-1] if aside else self._size,
            exact(first.time_base),
            self._rate(),
            self._duration(),
            alpha,
            self._colors,
            1 / aspect if aside else aspect,
            bits=max(one.bits for one in first.format.components),
        )

    def frames(self, deep: bool = False) -> Iterator[Shown]:
        """The frames that are wanted, once.

        Args:
            deep: whether frames are uint16 and not uint8, where the clip has more than 8 bits a color.

        Raises:
            ImageError: none is wanted, or one cannot be turned back.
        """
        count = 0
        self._deep = deep and self.facts.bits > 8
        for shown in self.selection.thinned(self._shown(), self.facts.time_base):
            count += 1
            self._last = shown.ticks
            yield shown
        if self.selection.end is None:
            self._check_end()
        if not count:
            raise self.selection.nothing_in(self.name)

    def tail(self) -> int:
        """Ticks for which the last frame that was read is shown."""
        end = self._end
        if (stop := self.selection.stop) is not None:
            end = min(end, int(stop / self.facts.time_base))
        return max(1, end - self._last)

    def close(self) -> None:
        """Close the file."""
        self._container.close()

    def _without_frames(self) -> ImageError:
        return ImageError(f"{self.name} has no frames; give a file with one or more")

    def _chosen(self) -> Any:
        stream = main_video(self._container)
        if stream is None:
            raise ImageError(f"{self.name} has no video; give a file with a video stream")
        return stream

    def _own_decoder(self) -> Any:
        import av

        own = self._stream.codec_context
        if own is None:
            raise ImageError(f"{self.name} has video that FFmpeg cannot decode; convert it to another codec first")
        name = ALPHA_DECODERS.get(own.name)
        if name is None or self._stream.metadata.get("alpha_mode") != "1":
            own.thread_type = "AUTO"
            return own
        decoder: Any = av.CodecContext.create(name, "r")
        decoder.extradata, decoder.width, decoder.height = own.extradata, own.width, own.height
        return decoder

    def _seek(self) -> None:
        import av

        start = self.selection.start - BEFORE
        if start > 0:
            try:
                self._container.seek(int((Fraction(start) + self._origin) * MICROSECONDS))
            except (av.FFmpegError, OSError):
                self._container.close()
                self._container = opened(self.name)
                self._stream = self._chosen()
                self._decoder = self._own_decoder()

    def _from_the_beginning(self) -> Iterator[Any]:
        self._container.seek(0)
        return self._decoded()

    def _decoded(self) -> Iterator[Any]:
        """PyAV's frames; what cannot be decoded is counted."""
        import av

        packets = self._container.demux(self._stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                self.damage = f"{self.name} cannot be read to its end: {error.strerror or error}"
                packet = None
            if packet is None:
                break
            if packet.size:
                self._lost += packet.is_corrupt
                ended = (packet.pts if packet.pts is not None else packet.dts or 0) + (packet.duration or 0)
                self._reached = max(self._reached, ended * exact(packet.time_base))
                yield from self._decode(packet)
        yield from self._decode(None)

    def _decode(self, packet: Any) -> list[Any]:
        import av

        try:
            frames = list(self._decoder.decode(packet))
        except av.EOFError:
            return []
        except av.FFmpegError:
            self._lost += 1
            return []
        for frame in frames:
            frame.time_base = self._stream.time_base  # the last ones have none
        return frames

    def _deinterlaced(self, frames: Iterator[Any]) -> Iterator[Any]:
        import av

        graph = av.filter.Graph()
        source = graph.add_buffer(template=self._stream, time_base=self._stream.time_base)
        graph.link_nodes(source, graph.add("bwdif", "mode=send_frame:deint=interlaced"), graph.add("buffersink"))
        graph.configure()
        for frame in itertools.chain(frames, [None]):
            graph.push(frame)
            while True:
                try:
                    yield graph.pull()
                except (av.BlockingIOError, av.EOFError):
                    break

    def _shown(self) -> Iterator[Shown]:
        """All frames from the place that was gone to, upright, their times strictly rising."""
        tick = self.facts.time_base
        usual = max(1, round(1 / (self.facts.rate * tick)))
        origin = round(self._origin / tick)
        last: int | None = None
        begin = self.selection.begin
        for frame in self._frames:
            ticks = (0 if last is None else last + usual) if frame.pts is None else frame.pts - origin
            if last is not None and ticks <= last:
                ticks = last + 1
            last = ticks
            self._end = ticks + (frame.duration or usual)
            if ticks * tick >= begin:
                yield self._picture(frame, ticks)

    def _picture(self, frame: Any, ticks: int) -> Shown:
        colors = Colors.of(frame, self.name)
        pixels = upright(colors.to_rgb(frame, self._size, self.facts.alpha, self._deep), frame.rotation)
        if pixels.shape[:2] != self.facts.size:
            raise ImageError(f"{self.name}: a frame is turned by {frame.rotation} degrees, the first is not so")
        if not self.facts.alpha:
            return Shown(ticks, pixels)
        return Shown(ticks, np.ascontiguousarray(pixels[..., :3]), np.ascontiguousarray(pixels[..., 3]))

    def _rate(self) -> Fraction:
        for rate in (self._stream.average_rate, self._stream.guessed_rate, self._stream.base_rate):
            if rate and rate > 0:
                return exact(rate)
        return Fraction(25)

    def _duration(self) -> float | None:
        """Seconds of the video stream, as the file says."""
        stream = self._stream
        if stream.duration:
            return float(stream.duration * exact(stream.time_base))
        if (end := self._tagged_end()) is not None:
            return float(end - self._begun())
        return self._container.duration / MICROSECONDS if self._container.duration else None

    def _tagged_end(self) -> Fraction | None:
        """Seconds at which the video stream ends, as a tag of Matroska says; None where none does."""
        found = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", self._stream.metadata.get("DURATION", ""), re.ASCII)
        return found and int(found[1]) * 3600 + int(found[2]) * 60 + Fraction(found[3])

    def _begun(self) -> Fraction:
        """Seconds at which the video stream begins."""
        return (self._stream.start_time or 0) * exact(self._stream.time_base)

    def _check_end(self) -> None:
        """Note what is missing of a file that ends too early, or that is damaged."""
        begun = self._begun()
        own = bool(self._stream.duration or self._tagged_end())  # else the sound may be longer
        missing = own and self._reached < begun + Fraction(self.facts.duration or 0) - MISSING / self.facts.rate
        if missing and not self.damage:
            there, all_of = float(max(Fraction(0), self._reached - begun)), self.facts.duration
            self.damage = f"{self.name} ends early: it holds {there:.4g} of {all_of:.4g} seconds"
        if self._lost and not self.damage:
            self.damage = f"{self.name} is damaged: {self._lost} of its packets cannot be decoded"


def opened(path: str) -> Any:
    """PyAV's container of a local file, whatever its name looks like to FFmpeg, which opens addresses too.

    Raises:
        FFmpegError, OSError, ValueError: it cannot be opened, or its name holds a null character.
    """
    import av

    os.stat(path)
    return av.open(f"file:{path}", metadata_errors="replace")


def main_video(container: Any) -> Any:
    """The first video stream of a PyAV container that is no cover picture, if there is another; None where none is."""
    streams = list(container.streams.video)
    return next((one for one in streams if "attached_pic" not in str(one.disposition)), *streams[:1] or [None])


def origin_of(container: Any) -> Fraction:
    """Seconds at which the times of a PyAV container begin, where its format has them begin anywhere; else 0."""
    begins = container.format.name in STREAMS and container.start_time
    return Fraction(container.start_time, MICROSECONDS) if begins else Fraction(0)


def upright(pixels: NDArray[Any], rotation: int) -> NDArray[Any]:
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
