"""Live: frames of a camera, each rendered as soon as there is time for it, and shown."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pasticcio.errors import OptionError
from pasticcio.render.options import MAX_STRENGTH, Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.video.camera import Newest
from pasticcio.video.fast import SMALLER
from pasticcio.video.looks import Look, styling
from pasticcio.video.motion import Frame, opencv
from pasticcio.video.sinks import Sink
from pasticcio.video.steady import Steadiness, Steady
from pasticcio.video.stylize import grid_of

KEYS = {
    "n": "next style",
    "p": "previous style",
    "+": "stronger",
    "-": "weaker",
    "m": "next model",
    "q": "end",
}
FIGURES = tuple("123456789")
STEP = 0.1  # of the strength
ENDING = 1.5  # seconds that the end waits for a frame that is being rendered


class Manner:
    """How frames are rendered now; keys change it, from any thread.

    >>> manner = Manner(["dance", "sunflowers"])
    >>> manner.press("n"), manner.style
    (True, 'sunflowers')

    Args:
        styles, models: to choose from, each of one or more; the first is first.
        strength: see `Options`.

    Attributes:
        over: whether the end was asked for.
    """

    def __init__(self, styles: Sequence[str], models: Sequence[str] = ("fast",), strength: float = 1.0) -> None:
        if not styles or not models:
            raise OptionError("no style or no model is given; name one or more of each")
        self.styles, self.models, self.strength = list(styles), list(models), strength
        self.over = False
        self._style = self._model = 0

    @property
    def style(self) -> str:
        """The style's name."""
        return self.styles[self._style]

    @property
    def model(self) -> str:
        """The model's name."""
        return self.models[self._model]

    def press(self, key: str) -> bool:
        """Do what a key of `KEYS` stands for; False for another key. A figure from 1 chooses that style."""
        if key in ("n", "p"):
            self._style = (self._style + (1 if key == "n" else -1)) % len(self.styles)
        elif key in FIGURES and int(key) <= len(self.styles):
            self._style = int(key) - 1
        elif key in ("+", "-"):
            self.strength = round(min(MAX_STRENGTH, max(0.0, self.strength + (STEP if key == "+" else -STEP))), 2)
        elif key == "m":
            self._model = (self._model + 1) % len(self.models)
        elif key == "q":
            self.over = True
        else:
            return False
        return True


class Painter:
    """Renders frames in the manner that is chosen, without flicker.

    Args:
        manner: of each frame.
        options: of all frames; the strength is the manner's.
        steadiness: what is done against flicker; its `grid` is that of the options.
        open_model: from a model's name to the model.
        fast: see `stylize_video`.

    Raises:
        OptionError: `adapt`, for which a camera has no time.
    """

    def __init__(
        self,
        manner: Manner,
        options: Options | None = None,
        steadiness: Steadiness | None = None,
        open_model: Callable[[str], Stylizer] = Stylizer,
        fast: bool = False,
    ) -> None:
        if options and options.adapt:
            raise OptionError(f"adapt is {options.adapt}, and a camera has no time to fit styles; leave it out")
        self._manner, self._options, self._open = manner, options or Options(), open_model
        self._how = replace(steadiness or Steadiness(), grid=grid_of(self._options), smaller=SMALLER if fast else 1)
        self._models: dict[str, Stylizer] = {}
        self._chosen: tuple[Any, ...] = ()
        self._look: Look | None = None
        self._steady = Steady(self._how)

    def __call__(self, frame: Frame) -> Frame:
        """The output of the next frame, (H, W, 3), uint8. Another manner begins anew.

        Raises:
            ImageError, StyleError, ModelError, OptionError: see `Stylizer` and `looks.styling`.
        """
        manner = self._manner
        chosen = manner.model, manner.style, manner.strength, frame.shape
        if chosen != self._chosen or self._look is None:
            model, style, strength, (height, width, _) = chosen
            if model not in self._models:
                self._models[model] = self._open(model)
            options = replace(self._options, strength=strength)
            self._look = styling(self._models[model], style, options, (height, width)).look(self._models[model])
            self._chosen, self._steady = chosen, Steady(self._how)
        return self._steady.draw(frame, self._steady.watch(frame), self._look.render, self._look.masks)


@dataclass
class Seen:
    """What a live run has done.

    Attributes:
        shown, dropped: numbers of frames.
        latency: mean of the seconds from a frame's coming to its output's being shown.
        frames: the same, in the mean time from one output to the next.
    """

    shown: int = 0
    dropped: int = 0
    latency: float = 0.0
    frames: float = 0.0


class Live:
    """Renders the newest frame of a camera again and again, in a thread, and shows the outputs.

    Args:
        newest: the frames.
        paint: from a frame to its output.
        sinks: where outputs go; called in the thread.
        clock: returns seconds.

    Attributes:
        seen: what it has done.
    """

    def __init__(
        self,
        newest: Newest,
        paint: Callable[[Frame], Frame],
        sinks: Sequence[Sink],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.seen = Seen()
        self._newest, self._paint, self._sinks, self._clock = newest, paint, sinks, clock
        self._error: BaseException | None = None
        self._total = 0.0
        self._thread = threading.Thread(target=self._run, daemon=True)

    @contextlib.contextmanager
    def running(self) -> Iterator[Live]:
        """While the block runs, frames are shown. At its end they stop; a frame that is being rendered may be lost.

        Raises:
            What reading, rendering or showing a frame raised.
        """
        with self._newest:
            self._thread.start()
            try:
                yield self
            finally:
                self._newest.close()
                self._thread.join(ENDING)
        if self._error is not None:
            raise self._error

    @property
    def over(self) -> bool:
        """Whether the frames have ended."""
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            begun: float | None = None
            while (taken := self._newest.take()) is not None:
                frame, came = taken
                begun = came if begun is None else begun
                output = self._paint(frame)
                for sink in self._sinks:
                    sink.show(output)
                self._count(self._clock() - came, came - begun)
        except BaseException as error:
            self._error = error
        finally:
            self._newest.close()

    def _count(self, late: float, elapsed: float) -> None:
        seen = self.seen
        seen.shown, seen.dropped = seen.shown + 1, self._newest.dropped
        self._total += late
        seen.latency = self._total / seen.shown
        seen.frames = seen.latency * (seen.shown - 1) / elapsed if elapsed > 0 else 0.0


def fitted(frame: Frame, size: tuple[int, int]) -> Frame:
    """A frame made smaller, in its proportions, to fit a width and height; a smaller one as it is."""
    height, width = frame.shape[:2]
    factor = min(size[0] / width, size[1] / height)
    if factor >= 1:
        return frame
    cv2, wanted = opencv(), (max(1, round(width * factor)), max(1, round(height * factor)))
    smaller: Frame = cv2.resize(frame, wanted, interpolation=cv2.INTER_AREA)
    return smaller
