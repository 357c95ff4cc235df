"""From the parts of a clip, and the other streams of its source, to one file."""

from __future__ import annotations

import heapq
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from pasticcio.video.animation import write_animation
from pasticcio.video.encoding import Format
from pasticcio.video.frames import exact
from pasticcio.video.reading import main_video, opened, origin_of

OWN = {"major_brand", "minor_version", "compatible_brands", "encoder", "duration", "alpha_mode"}  # the container's tags
RENAMED = {"name": "title"}  # as FFmpeg reads it from MP4 and MOV, and as it writes it there


@dataclass(frozen=True)
class Joint:
    """Parts that make a clip.

    Attributes:
        files: of the parts, see `encoding.PartWriter`.
        rate: of the parts, frames a second.
        ticks: times of all frames, and of the end, strictly rising.
        time_base: seconds of a tick.
        start, end: seconds of the source between which streams are copied; `start` becomes 0.
        alpha: whether the frames have alpha.
    """

    files: Sequence[Path]
    rate: Fraction
    ticks: Sequence[int]
    time_base: Fraction
    start: Fraction = Fraction(0)
    end: Fraction | None = None
    alpha: bool = False

    @property
    def shifted(self) -> list[int]:
        """The times when `start` is 0."""
        start = int(self.start / self.time_base)
        return [tick - start for tick in self.ticks]


def join_animation(joint: Joint, path: Path, plays: int, quality: int | None) -> None:
    """Write an animated picture of the parts, see `write_animation`."""
    times = [tick * joint.time_base for tick in joint.shifted]
    write_animation(path, _pictures(joint), times, plays, quality)


def _pictures(joint: Joint) -> Iterator[NDArray[np.uint8]]:
    import av

    for file in joint.files:
        with av.open(str(file)) as container:
            for frame in container.decode(video=0):
                yield cast(NDArray[np.uint8], frame.to_ndarray(format="rgba" if joint.alpha else "rgb24"))


def join(joint: Joint, source: str, path: Path, form: Format, sound: bool) -> list[str]:
    """Write a clip of the parts, with the sound, subtitles, chapters, attachments and metadata of its source.

    All streams are made before any packet is written: a container takes no further ones after that.

    Args:
        joint: the parts.
        source: the file that the other streams are copied from, packet by packet; empty for none.
        path: of the clip.
        form: how it is written.
        sound: whether sound is copied.

    Returns:
        What of the source the container does not hold, for people.

    Raises:
        FFmpegError: it cannot be written.
    """
    import av

    apple = form.container in (
        "mp4",
        "mov",
    )  # which keep times below 0 by a list of edits; others keep them as they are
    options = {"avoid_negative_ts": "disabled"}
    if apple:  # without its own scale, beginnings would be rounded to milliseconds
        options = {"movflags": "faststart", "movie_timescale": str(max(1000, joint.time_base.denominator))}
    with (
        av.open(str(path), "w", format=form.container, options=options) as target,
        av.open(str(joint.files[0])) as part,
    ):
        video = target.add_stream_from_template(part.streams.video[0], opaque=True)
        video.time_base = joint.time_base
        if apple and form.codec.tag:
            video.codec_context.codec_tag = form.codec.tag
        if joint.alpha:
            video.metadata["alpha_mode"] = "1"
        if not source:
            target.start_encoding()
            for packet in _video(joint, video, apple):
                target.mux(packet)
            return []
        with opened(source) as origin:
            copied, notes = _streams(origin, target, video, path.suffix, sound)
            target.set_chapters(_chapters(origin.chapters(), joint))
            target.start_encoding()
            others = _others(origin, copied, joint, origin_of(origin))
            for packet in heapq.merge(
                _video(joint, video, apple), others, key=lambda one: one.dts * exact(one.time_base)
            ):
                target.mux(packet)
        return notes


def has_others(source: str) -> bool:
    """Whether a file that PyAV reads has streams besides its video."""

    with opened(source) as container:
        return len(container.streams) > 1


def _video(joint: Joint, stream: Any, summed: bool) -> Iterator[Any]:
    """The packets of the parts, in the order of decoding, with the times of the clip.

    Args:
        joint: the parts.
        stream: of the output.
        summed: whether the container takes the sum of the times between packets for the length of the clip.
    """
    import av

    ticks, base, delay = joint.shifted, 0, max(map(_delay, joint.files))
    step = min(later - one for one, later in itertools.pairwise(ticks))
    decoded = [*(ticks[0] - step * early for early in range(delay, 0, -1)), *ticks]
    count = 0
    for file in joint.files:
        with av.open(str(file)) as container:
            last = base
            for packet in _packets(container, container.streams.video):
                number = base + round(packet.pts * exact(packet.time_base) * joint.rate)
                last = max(last, number)
                packet.stream, packet.time_base = stream, joint.time_base
                packet.pts, packet.dts = ticks[number], decoded[count]
                packet.duration = ticks[number + 1] - ticks[number]
                if summed and count == len(ticks) - 2:
                    packet.duration = ticks[-1] - ticks[0] + decoded[0] - packet.dts
                count += 1
                yield packet
            base = last + 1


def _delay(file: Path) -> int:
    """The most places that a frame of a part is later in the order of decoding than in that of showing."""
    import av

    with av.open(str(file)) as container:
        times = [packet.pts for packet in _packets(container, container.streams.video)]
    shown = {time: place for place, time in enumerate(sorted(times))}
    return max(place - shown[time] for place, time in enumerate(times))


def _packets(container: Any, streams: Any) -> Iterator[Any]:
    """The packets of streams that have content; a file that ends too early ends them."""
    import av

    packets = container.demux(streams)
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError):
            return
        if packet is None:
            return
        if packet.size and (packet.dts is not None or packet.pts is not None):
            yield packet


def _streams(origin: Any, target: Any, video: Any, suffix: str, sound: bool) -> tuple[dict[int, Any], list[str]]:
    """Make the streams that are copied, and copy metadata; by the source's numbers, and what is left out."""
    import av

    copied: dict[int, Any] = {}
    left: list[str] = []
    main = main_video(origin)
    chapters = origin.chapters()
    for stream in origin.streams:
        if main is not None and stream.index == main.index:
            _copy_tags(stream.metadata, video.metadata)
            continue
        if stream.type == "audio" and not sound:
            continue
        if stream.type == "data" and chapters and stream.codec_context is None:
            continue  # MP4's chapters
        if stream.type == "attachment" and target.format.name == "matroska":
            target.add_attachment(stream.name, stream.mimetype, stream.data)
            continue
        codec = getattr(stream.codec_context, "name", "") if stream.type != "attachment" else ""
        try:
            if stream.type not in ("audio", "subtitle"):
                raise ValueError
            made = copied[stream.index] = target.add_stream_from_template(stream, opaque=True)
        except (ValueError, av.FFmpegError):
            what = {"audio": "sound", "video": "further video or cover", "subtitle": "subtitles"}.get(
                stream.type, stream.type
            )
            left.append(f"its {what}{f' ({codec})' if codec else ''} cannot go along: {suffix} does not take that")
            continue
        _copy_tags(stream.metadata, made.metadata)
        made.disposition = stream.disposition
    _copy_tags(origin.metadata, target.metadata)
    return copied, left


def _copy_tags(given: Any, made: Any) -> None:
    """Copy metadata but what is the container's own, or counts what it holds."""
    for name, text in given.items():
        if name.lower() not in OWN and not name.startswith(("_STATISTICS", "BPS", "NUMBER_OF_")):
            made[RENAMED.get(name, name)] = text


def _chapters(given: Sequence[Any], joint: Joint) -> list[Any]:
    """The chapters of the source that lie between start and end, cut there."""
    found: list[Any] = []
    for chapter in given:
        tick = exact(chapter["time_base"])
        limits = [chapter["start"] * tick, chapter["end"] * tick]
        if joint.end is not None:
            limits = [min(limit, joint.end) for limit in limits]
        begin, end = (int(max(limit - joint.start, 0) / tick) for limit in limits)
        if begin < end:
            found.append({**chapter, "start": begin, "end": end})
    return found


def _others(origin: Any, copied: dict[int, Any], joint: Joint, zero: Fraction) -> Iterator[Any]:
    """The packets of the copied streams that lie between start and end, with the times of the clip.

    A subtitle that is shown at the start begins there.
    """
    if not copied:
        return
    if joint.start > 1 and not any(stream.type == "subtitle" for stream in copied.values()):
        origin.seek(int((joint.start - 1 + zero) * 1_000_000))
    for packet in _packets(origin, [origin.streams[number] for number in copied]):
        tick = exact(packet.time_base)
        pts = packet.dts if packet.pts is None else packet.pts
        time = pts * tick - zero
        if joint.end is not None and time >= joint.end:
            continue
        if joint.start and time < joint.start:
            left = int((time - joint.start) / tick) + (packet.duration or 0)
            if packet.stream.type != "subtitle" or left <= 0:
                continue
            packet.duration, pts, time = left, round((joint.start + zero) / tick), joint.start
            packet.dts = pts
        shift = round((joint.start + zero) / tick)
        if joint.end is not None and packet.duration:
            packet.duration = min(packet.duration, max(1, int((joint.end - time) / tick)))
        packet.pts, packet.dts = pts - shift, (pts if packet.dts is None else packet.dts) - shift
        packet.stream = copied[packet.stream_index]
        yield packet
