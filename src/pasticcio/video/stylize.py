"""From frames to frames in the manner of a style, one by one."""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable, Generator, Iterable, Iterator
from dataclasses import dataclass, replace
from threading import Lock

import numpy as np

from pasticcio.image.picture import Source
from pasticcio.model.folder import Model
from pasticcio.model.machine import cores
from pasticcio.model.names import AUTO
from pasticcio.render.blend import Weighted
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style
from pasticcio.video.fast import SMALLER
from pasticcio.video.looks import Look, Looks, Rows, constant, styling
from pasticcio.video.motion import Frame, opencv
from pasticcio.video.pipeline import MOST_WORKERS, Step, pipeline, threads_each
from pasticcio.video.steady import GRID, Placed, State, Steadiness, Steady

TRUSTED = 0.7  # mean trust in the motion, below which a frame is not passed over


@dataclass(frozen=True)
class Drawn:
    """A frame's output.

    Attributes:
        time: of the frame, in seconds.
        pixels: (H, W, 3), of the frame's dtype.
        state: of `Steady` after this frame, with which a later run goes on, see `Steady.go_on`.
    """

    time: float
    pixels: Frame
    state: State


def stylize_video(
    frames: Iterable[tuple[float, Frame]],
    style: Source | Style | Weighted | Look | Looks,
    options: Options | None = None,
    *,
    stylizer: Stylizer | None = None,
    steadiness: Steadiness | None = None,
    fast: bool = False,
) -> Iterator[tuple[float, Frame]]:
    """Render the frames of a clip, in order, without flicker.

    >>> import numpy as np
    >>> frames = [(number / 25, np.zeros((48, 64, 3), np.uint8)) for number in range(3)]
    >>> [time for time, picture in stylize_video(frames, "dance")]
    [0.0, 0.04, 0.08]

    Args:
        frames: times in seconds and frames, (H, W, 3), RGB, uint8, or uint16 over its whole range, that do not change
            any more; taken one by one, some ahead of their turn. The float graph renders uint16.
        style: see `Stylizer.stylize`. Or a `Look`, or a function from the time of a frame to its look; `options` are
            then not used.
        options: of all frames; `texture` is left out, see `steady.still`. Masks are fixed to the screen.
        stylizer: the model; by default `fast`, see `for_clips`.
        steadiness: what is done against flicker.
        fast: render at half the size and add the detail of the frames, see `fast`.

    Yields:
        The time and the output of each frame, of its shape and dtype.

    Raises:
        ImageError, StyleError, OptionError: see `looks.styling` and `Steady`.
    """
    frames = iter(frames)
    if (first := next(frames, None)) is None:
        return
    options = options or Options()
    if isinstance(style, Look):
        looks = constant(style)
    elif callable(style):
        looks = style
    else:
        stylizer = stylizer or for_clips()
        height, width = first[1].shape[:2]
        looks = constant(styling(stylizer, style, options, (height, width)).look(stylizer))
    steadiness = steadiness or Steadiness(grid=grid_of(options))
    if fast:
        steadiness = replace(steadiness, smaller=SMALLER)
    workers = 1 if stylizer is None else workers_of(stylizer)
    for drawn in draw(itertools.chain([first], frames), looks, Steady(steadiness), workers):
        yield drawn.time, drawn.pixels


def grid_of(options: Options) -> int:
    """The pixels by which a photo must move for the network to move its output likewise, see `Steadiness`."""
    return max(1, round(GRID * (options.stroke or 1.0)))


def for_clips(model: str | os.PathLike[str] | Model = "fast", runtime: str = AUTO) -> Stylizer:
    """A model that renders several frames at the same time, which is faster than each with all cores.

    Args:
        model, runtime: see `Stylizer`.

    Raises:
        ModelError, OptionError, MissingExtraError: see `Stylizer`.
    """
    return Stylizer(model, threads=threads_each(), runtime=runtime)


def share_cores() -> None:
    """Let OpenCV take as many threads for a frame as `for_clips`, in the whole process.

    By default it takes all cores for each frame, while the other steps want them too.

    Raises:
        MissingExtraError: OpenCV is not installed.
    """
    opencv().setNumThreads(threads_each())


def workers_of(stylizer: Stylizer) -> int:
    """How many frames a model renders at the same time: as many as there are cores for their threads; at most 4."""
    return max(1, min(MOST_WORKERS, cores() // (stylizer.threads or cores())))


def draw(
    frames: Iterable[tuple[float, Frame]], looks: Looks, steady: Steady, workers: int = 1
) -> Generator[Drawn, None, None]:
    """The outputs of frames, in order.

    Frames are taken, watched and placed, rendered, and blended in threads, at the same time as the caller uses the
    outputs, see `pipeline`. Memory does not depend on how many there are.

    Args:
        frames: see `stylize_video`. They are taken ahead of their turn and in another thread. An exception raised
            by them is raised here, after the outputs of the frames before.
        looks: of each frame, by its time; called in another thread, in order.
        steady: in the state of the frame before the first.
        workers: frames that are rendered at the same time, see `workers_of`.
    """
    groups = _groups(frames, 2 if steady.how.between else 1)
    steps = Step(_Places(looks, steady)), Step(_rendered, workers), Step(_Blends(steady)), Step(_finished(steady))
    for group in pipeline(groups, *steps):
        yield from group


def _groups(frames: Iterable[tuple[float, Frame]], size: int) -> Generator[list[tuple[float, Frame]], None, None]:
    """The first frame, and then so many at a time; where `frames` raises, those before come first."""
    group: list[tuple[float, Frame]] = []
    first = True
    try:
        for frame in frames:
            group.append(frame)
            if first or len(group) == size:
                yield group
                group, first = [], False
    except Exception:
        if group:
            yield group
        raise
    finally:
        if isinstance(frames, Generator):
            frames.close()
    if group:
        yield group


def _rendered(group: list[_Ready]) -> list[_Ready]:
    for ready in group:
        if ready.rendering is not None:
            ready.rendering()
    return group


def _finished(steady: Steady) -> Callable[[list[tuple[_Ready, Drawn]]], list[Drawn]]:
    def work(group: list[tuple[_Ready, Drawn]]) -> list[Drawn]:
        return [replace(drawn, pixels=steady.finish(ready.placed, drawn.pixels)) for ready, drawn in group]

    return work


class _Rendering:
    """An output that is rendered once, by the thread that comes first."""

    def __init__(self, placed: Placed, look: Look) -> None:
        self._placed, self._look = placed, look
        self._output: Frame | None = None
        self._lock = Lock()

    def __call__(self) -> Frame:
        with self._lock:
            if self._output is None:
                self._output = self._placed.rendered(self._look.render)
            return self._output


@dataclass(frozen=True)
class _Ready:
    """A frame, ready to be rendered; frames that do not differ share a rendering. None where it is passed over.

    `rows` are those of its scene, see `State`.
    """

    time: float
    placed: Placed
    rendering: _Rendering | None
    rows: Rows | None


class _Places:
    """Watches frames and places them."""

    def __init__(self, looks: Looks, steady: Steady) -> None:
        self._looks, self._steady = looks, steady
        self._last: tuple[Frame, Look, Placed, _Rendering] | None = None
        self._rows = steady.state.rows
        self._scene: tuple[Look, Look] | None = None  # a look, and what it is in the scene

    def __call__(self, group: list[tuple[float, Frame]]) -> list[_Ready]:
        size = 2 if self._steady.how.between else 1
        return [
            self._ready(time, frame, self._last is not None and place + 1 < size)
            for place, (time, frame) in enumerate(group)
        ]

    def _ready(self, time: float, frame: Frame, between: bool) -> _Ready:
        """A frame of a clip.

        Args:
            time, frame: see `draw`.
            between: whether it may be passed over.
        """
        look = self._looks(time)
        ahead = self._steady.how.between and not between
        motion = self._steady.watch(frame, ahead, cuts=look.scenes is not None)
        placed = self._steady.place(frame, motion, look.masks)
        look = self._in_scene(look, placed)
        rendering = _Rendering(placed, look)
        if self._last is not None:
            before, look_before, placed_before, rendering_before = self._last
            same = look is look_before and (placed.part, placed.inside) == (placed_before.part, placed_before.inside)
            if same and np.array_equal(before, frame):
                rendering = rendering_before
        self._last = frame, look, placed, rendering
        passed = between and placed.motion is not None and placed.motion.trust.mean() >= TRUSTED
        return _Ready(time, placed, None if passed else rendering, self._rows)

    def _in_scene(self, look: Look, placed: Placed) -> Look:
        """The look of this frame's scene, whose first frame the styles are fitted to."""
        if look.scenes is None:
            return look
        before = self._scene
        if self._rows is None or placed.motion is None:
            self._rows, before = look.scenes.fit(placed.pictures[0][placed.part]), None
        if before is None or before[0] is not look:
            before = look, look.scenes.look(self._rows)
        self._scene = before
        return before[1]


class _Blends:
    """Blends outputs, and makes those of frames that were passed over."""

    def __init__(self, steady: Steady) -> None:
        self._steady = steady
        self._before: tuple[Placed, Frame] | None = None

    def __call__(self, group: list[_Ready]) -> list[tuple[_Ready, Drawn]]:
        found: list[tuple[_Ready, Drawn]] = []
        waiting: tuple[_Ready, State] | None = None
        for ready in group:
            if ready.rendering is None:
                self._steady.skip(ready.placed)
                waiting = ready, self._state(ready)
                continue
            output = self._steady.blend(ready.placed, ready.rendering())
            after = ready.placed, output
            if waiting is not None:
                found.append(self._middle(*waiting, after))
                waiting = None
            found.append((ready, Drawn(ready.time, output, self._state(ready))))
            self._before = after
        if waiting is not None:
            found.append(self._middle(*waiting, None))
        return found

    def _state(self, ready: _Ready) -> State:
        return replace(self._steady.state, rows=ready.rows)

    def _middle(self, ready: _Ready, state: State, after: tuple[Placed, Frame] | None) -> tuple[_Ready, Drawn]:
        assert self._before is not None
        return ready, Drawn(ready.time, self._steady.middle(self._before, ready.placed, after), state)
