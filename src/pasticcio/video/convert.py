"""From a file to a file: a clip in the manner of a style, with its sound, part by part."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import OptionError, OutputError
from pasticcio.extras import extra
from pasticcio.files import check_apart, check_place, writing
from pasticcio.video.animation import SHORT, milliseconds
from pasticcio.video.encoding import CODECS, Format, PartWriter, even_by, format_of
from pasticcio.video.frames import Facts, Selection, Shown, Source
from pasticcio.video.joining import Joint, has_others, join, join_animation
from pasticcio.video.looks import Looks
from pasticcio.video.motion import Frame, top_of
from pasticcio.video.opening import open_source
from pasticcio.video.parts import End, Parts, described, parts_of
from pasticcio.video.steady import Steadiness, Steady
from pasticcio.video.stylize import Drawn, draw

PART = 240  # frames of a part, which are lost when a run is killed
RATES = Fraction(1), Fraction(240)  # frames a second that encoders are told
Report = Callable[[int, "int | None"], None]


@dataclass(frozen=True)
class Request:
    """What is to be made of what.

    Attributes:
        source: the clip's file.
        out: the output's; its suffix names the container, see `encoding.format_of`.
        selection: which frames, and how large.
        codec, quality: see `encoding.format_of`.
        sound: whether the sound is copied.
        bits: of a color, at most: 8 or 10; see `kept_bits`.
        resume: go on from the parts that a stopped run left.
        steadiness: what is done against flicker.
        part: frames of a part.

    Raises:
        OptionError: a number of bits that is neither.
    """

    source: Path
    out: Path
    selection: Selection = field(default_factory=Selection)
    codec: str | None = None
    quality: int | None = None
    sound: bool = True
    resume: bool = False
    steadiness: Steadiness = field(default_factory=Steadiness)
    part: int = PART
    bits: int = 10

    def __post_init__(self) -> None:
        if self.bits not in (8, 10):
            raise OptionError(f"bits is {self.bits}; it must be 8 or 10")


@dataclass(frozen=True)
class Made:
    """A look for each time of a clip.

    Attributes:
        looks: see there.
        run: what they depend on, by names: texts, numbers and arrays.
        workers: frames that are rendered at the same time, see `stylize.workers_of`.
    """

    looks: Looks
    run: Mapping[str, Any] = field(default_factory=dict)
    workers: int = 1


@dataclass(frozen=True)
class Outcome:
    """What was made.

    Attributes:
        frames: how many.
        size: height and width of the frames, in pixels.
        seconds: of the clip.
        notes: what of the clip is changed or left out, for people.
        damage: what is wrong with the source, for people; the frames that it holds are in the output. Else empty.
    """

    frames: int
    size: tuple[int, int]
    seconds: float
    notes: tuple[str, ...]
    damage: str


def convert(
    request: Request, make: Callable[[tuple[int, int]], Made], report: Report = lambda done, total: None
) -> Outcome:
    """Render a clip into another file, which appears whole or not at all.

    Frames are encoded in parts, each a file in the folder OUT.parts, that are joined at the end. The folder stays where
    the run is stopped after the first of them. A run that goes on from parts gives the same frames as one that was not
    stopped.

    Args:
        request: what of what.
        make: the looks for frames of a height and width.
        report: called with the number of frames that are done and that of all, or None where nobody knows.

    Raises:
        ImageError: the clip cannot be read, or has no frames.
        OutputError: the output cannot be written.
        OptionError: an option that does not fit the output, or the parts there are of another run.
        MissingExtraError: PyAV or OpenCV is not installed.
    """
    with extra("video", "rendering video"):
        import av
        import cv2  # noqa: F401
    form = format_of(request.out, request.codec, request.quality)
    check_place(request.out)
    check_apart(request.out, request.source)
    with contextlib.closing(open_source(request.source, request.selection)) as source:
        made = make(source.facts.size)
        run = described({**_run(request, form, source.facts), **made.run})
        try:
            with parts_of(request.out, run, request.resume) as parts:
                if parts.end is None:
                    _render(request, form, source, made, parts, report)
                return _join(request, form, source.facts, parts)
        except (av.FFmpegError, OSError) as error:
            raise OutputError(f"cannot write {request.out}: {getattr(error, 'strerror', None) or error}") from error


def _run(request: Request, form: Format, facts: Facts) -> dict[str, Any]:
    """What the parts of a run depend on, besides its looks."""
    from pasticcio import __version__

    status = os.stat(request.source)
    return {
        "version": __version__,
        "source": (os.path.abspath(request.source), status.st_size, status.st_mtime_ns),
        "frames": request.selection,
        "codec": form,
        "steadiness": request.steadiness,
        "part": request.part,
        "size": facts.size,
        "bits": kept_bits(request, form, facts),
    }


def _render(request: Request, form: Format, source: Source, made: Made, parts: Parts, report: Report) -> None:
    """Make the parts that are missing."""
    facts, steady = source.facts, Steady(request.steadiness)
    total = facts.count(request.selection)
    bits = kept_bits(request, form, facts)
    frames, waiting = _begun(source.frames(deep=bits > 8)), deque[Shown]()
    _go_on(source, frames, parts, steady)

    def given() -> Iterator[tuple[float, Frame]]:
        for shown in frames:
            waiting.append(shown)
            yield float(shown.ticks * facts.time_base), visible(shown)

    report(parts.count, total)
    alpha, rate, colors = facts.alpha and form.alpha, part_rate(request, facts), facts.colors
    with contextlib.closing(draw(given(), made.looks, steady, made.workers)) as drawn:
        while (first := next(drawn, None)) is not None:
            ticks: list[int] = []
            done = parts.count
            last = first
            with (
                parts.next() as path,
                PartWriter(path, form, facts.size, rate, colors, facts.aspect, alpha, bits) as writer,
            ):
                for last in itertools.chain([first], itertools.islice(drawn, _length(request) - 1)):
                    shown = waiting.popleft()
                    writer.add(_finished(last, shown, alpha))
                    ticks.append(shown.ticks)
                    report(done + len(ticks), total)
            parts.add(ticks, last.state)
    parts.finish(End(source.tail(), tuple(source.notes), source.damage))


def _length(request: Request) -> int:
    """Frames of a part; an even number where every second one is passed over, so that a later run passes over those."""
    return request.part + request.part % 2 * request.steadiness.between


def _begun(frames: Iterator[Shown]) -> Iterator[Shown]:
    """The same frames, of which the first is there: a clip without any is refused before anything is reported."""
    return itertools.chain([next(frames)], frames)


def _go_on(source: Source, frames: Iterator[Shown], parts: Parts, steady: Steady) -> None:
    """Pass over the frames that are done."""
    if not parts.count:
        return
    passed = list(itertools.islice(frames, parts.count - 1, parts.count))
    if not passed or passed[0].ticks != parts.ticks[-1][-1]:
        raise OptionError(f"{source.name} is not the clip of the parts in {parts.folder}; leave --resume out")
    steady.go_on(parts.state, visible(passed[0]))


def visible(shown: Shown) -> Frame:
    """The pixels of a frame, those that are fully transparent in the mean color of the others."""
    if shown.alpha is None or shown.alpha.min():
        return shown.pixels
    seen = shown.alpha > 0
    mean = shown.pixels[seen].mean(0) if seen.any() else np.full(3, (top_of(shown.pixels) + 1) // 2)
    return np.where(seen[..., None], shown.pixels, np.rint(mean).astype(shown.pixels.dtype))


def _finished(drawn: Drawn, shown: Shown, alpha: bool) -> NDArray[Any]:
    """An output with the alpha of its frame, or over white."""
    if shown.alpha is None:
        return drawn.pixels
    if alpha:
        return np.dstack([drawn.pixels, shown.alpha])
    top = np.float32(top_of(drawn.pixels))
    share = shown.alpha[..., None].astype(np.float32) / top
    over: NDArray[Any] = np.rint(drawn.pixels * share + top * (1 - share))
    return over.astype(drawn.pixels.dtype)


def kept_bits(request: Request, form: Format, facts: Facts) -> int:
    """Bits a color of the output: 10 where the clip has more than 8, the encoder takes them, and there is no alpha."""
    deep = facts.bits > 8 and not (facts.alpha and form.alpha)
    return min(request.bits, form.bits) if deep else 8


def part_rate(request: Request, facts: Facts) -> Fraction:
    """Frames a second that the encoder is told."""
    low, high = RATES
    return min(high, max(low, facts.rate / request.selection.every)).limit_denominator(1001)


def _join(request: Request, form: Format, facts: Facts, parts: Parts) -> Outcome:
    end = parts.end
    assert end is not None
    ticks = [*itertools.chain.from_iterable(parts.ticks)]
    ticks.append(ticks[-1] + end.tail)
    selection = request.selection
    joint = Joint(
        [parts.path(number) for number in range(len(parts.ticks))],
        part_rate(request, facts),
        ticks,
        facts.time_base,
        selection.begin,
        selection.stop,
        facts.alpha and form.alpha,
    )
    notes = [*end.notes, *_changed(request, form, facts, joint)]
    with writing(request.out) as path:
        if form.container:
            streams = "" if facts.plays is not None else os.fspath(request.source)
            notes += join(joint, streams, path, form, request.sound)
        else:
            join_animation(joint, path, 0 if facts.plays is None else facts.plays, request.quality)
    return Outcome(
        len(ticks) - 1, facts.size, float((ticks[-1] - ticks[0]) * facts.time_base), tuple(notes), end.damage
    )


def _changed(request: Request, form: Format, facts: Facts, joint: Joint) -> Iterator[str]:
    """What of the clip the output's format changes or does not hold."""
    if facts.alpha and not form.alpha:
        yield "its alpha is left out, over white: write .webm, .gif, .webp or .png to keep it"
    bits = kept_bits(request, form, facts)
    if bits < facts.bits:
        yield f"its {facts.bits} bits a color become {bits}"
    if bits > 8 and form.codec is CODECS["h264"]:
        yield "its 10 bits a color are kept, which many players do not show in H.264: name --codec h265, or --bits 8"
    if any(even_by(facts.size, form.codec)):
        height, width = (side + more for side, more in zip(facts.size, even_by(facts.size, form.codec), strict=True))
        yield f"its {facts.size[1]} x {facts.size[0]} become {width} x {height}: {form.codec.title} asks for even sides"
    if form.container:
        return
    if facts.plays is None and has_others(os.fspath(request.source)):
        yield f"its sound and other streams are left out: {request.out.suffix} holds none"
    if facts.alpha and request.out.suffix.lower() == ".gif":
        yield "its alpha is cut to all or nothing: GIF holds no more"
    times = [tick * facts.time_base for tick in joint.ticks]
    if request.out.suffix.lower() == ".gif" and min(milliseconds(times, "GIF")) < SHORT:
        yield f"some frames are shown for less than {SHORT} ms, which players slow down; leave frames out with --every"
