"""Frames of a clip, which of them are wanted, and what is known of the clip before they are read."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

from numpy.typing import NDArray

from pasticcio.errors import ImageError, OptionError
from pasticcio.video.color import BT709, Colors
from pasticcio.video.motion import Frame


@dataclass(frozen=True)
class Shown:
    """A frame of a clip, upright.

    Attributes:
        ticks: its time, in the clip's time base.
        pixels: (H, W, 3), uint8 or uint16 over its whole range, RGB.
        alpha: (H, W), of the same dtype; None where the clip has none.
    """

    ticks: int
    pixels: Frame
    alpha: NDArray[Any] | None = None


@dataclass(frozen=True)
class Selection:
    """Which frames of a clip are wanted, and how large.

    Attributes:
        start, end: seconds of the clip; frames from `start` on and before `end`. None is the end of the clip.
        every: 1 for all frames, 2 for every second one, and so on; each stays until the next.
        size: longest side in pixels; larger frames are made smaller. None for their own size.

    Raises:
        OptionError: a value outside its limits.
    """

    start: float = 0.0
    end: float | None = None
    every: int = 1
    size: int | None = None

    def __post_init__(self) -> None:
        if not (math.isfinite(self.start) and self.start >= 0):
            raise OptionError(f"start is {self.start:g}; it must be 0 seconds or more")
        if self.end is not None and not (math.isfinite(self.end) and self.end > self.start):
            raise OptionError(f"end is {self.end:g}; it must be above start, {self.start:g} seconds")
        if self.every < 1:
            raise OptionError(f"every is {self.every}; it must be 1 or more")
        if self.size is not None and self.size < 16:
            raise OptionError(f"size is {self.size}; it must be 16 pixels or more")

    @property
    def begin(self) -> Fraction:
        """`start`, to a microsecond."""
        return _microseconds(self.start)

    @property
    def stop(self) -> Fraction | None:
        """`end`, to a microsecond."""
        return None if self.end is None else _microseconds(self.end)

    def fitted(self, height: int, width: int) -> tuple[int, int]:
        """The height and width of frames of this size when they are no larger than wanted."""
        factor = 1.0 if self.size is None else min(1.0, self.size / max(height, width))
        return max(1, round(height * factor)), max(1, round(width * factor))

    def nothing_in(self, name: str) -> ImageError:
        """That a clip of this name has none of the wanted frames."""
        if self.end is None:
            return ImageError(f"{name} has no frames from {self.start:g} seconds on; give a lower start")
        return ImageError(
            f"{name} has no frames from {self.start:g} to {self.end:g} seconds; give another start or end"
        )

    def thinned(self, frames: Iterator[Shown], time_base: Fraction) -> Iterator[Shown]:
        """The frames that are wanted, of all."""
        begin, stop = self.begin, self.stop
        late = (shown for shown in frames if shown.ticks * time_base >= begin)
        for number, shown in enumerate(late):
            if stop is not None and shown.ticks * time_base >= stop:
                return
            if number % self.every == 0:
                yield shown


def _microseconds(seconds: float) -> Fraction:
    return Fraction(round(seconds * 1_000_000), 1_000_000)


@dataclass(frozen=True)
class Facts:
    """What is known of a clip before its frames are read.

    Attributes:
        size: height and width of the frames that are wanted, in pixels.
        time_base: seconds of a tick.
        rate: frames a second, on average or in name.
        duration: seconds; None where nobody knows.
        alpha: whether frames have alpha.
        colors: how the clip encodes them.
        aspect: width of a pixel by its height.
        plays: how many times it is played, 0 for without end; None for a clip that does not say so.
        bits: of a color.
    """

    size: tuple[int, int]
    time_base: Fraction
    rate: Fraction
    duration: float | None = None
    alpha: bool = False
    colors: Colors = BT709
    aspect: Fraction = Fraction(1)
    plays: int | None = None
    bits: int = 8

    def count(self, selection: Selection) -> int | None:
        """About how many frames are wanted; None where nobody knows."""
        if self.duration is None:
            return None
        end = self.duration if selection.end is None else min(selection.end, self.duration)
        return max(1, math.ceil(round(float((end - selection.start) * self.rate), 3) / selection.every))


def exact(rational: Any) -> Fraction:
    """One of PyAV's rational numbers as a fraction."""
    return Fraction(rational.numerator, rational.denominator)


class Source(Protocol):
    """An open clip.

    Attributes:
        name: for people.
        facts: see there.
        notes: what of the clip is changed or left out, for people, each once.
        damage: what is wrong with the file, for people; empty where nothing was found so far.
    """

    name: str
    facts: Facts
    notes: dict[str, None]
    damage: str

    def frames(self, deep: bool = False) -> Iterator[Shown]:
        """The frames that are wanted, once.

        Args:
            deep: whether frames are uint16 and not uint8, where the clip has more than 8 bits a color.

        Raises:
            ImageError: none can be read.
        """

    def tail(self) -> int:
        """Ticks for which the last frame that was read is shown."""

    def close(self) -> None: ...
