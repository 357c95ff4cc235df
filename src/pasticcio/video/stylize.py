"""From frames to frames in the manner of a style, one by one."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pasticcio.image.picture import Source
from pasticcio.render.blend import Weighted
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style
from pasticcio.video.looks import Look, Looks, constant, styling
from pasticcio.video.motion import Frame
from pasticcio.video.steady import GRID, State, Steadiness, Steady


@dataclass(frozen=True)
class Drawn:
    """A frame's output.

    Attributes:
        time: of the frame, in seconds.
        pixels: (H, W, 3), uint8.
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
) -> Iterator[tuple[float, Frame]]:
    """Render the frames of a clip, in order, without flicker.

    >>> import numpy as np
    >>> frames = [(number / 25, np.zeros((48, 64, 3), np.uint8)) for number in range(3)]
    >>> [time for time, picture in stylize_video(frames, "dance")]
    [0.0, 0.04, 0.08]

    Args:
        frames: times in seconds and frames, (H, W, 3), uint8, RGB; taken one by one, some ahead of their turn.
        style: see `Stylizer.stylize`. Or a `Look`, or a function from the time of a frame to its look; `options` are
            then not used.
        options: of all frames; `texture` is left out, see `steady.still`. Masks are fixed to the screen.
        stylizer: the model; by default the default one.
        steadiness: what is done against flicker.

    Yields:
        The time and the output, (H, W, 3), uint8, of each frame.

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
        stylizer = stylizer or Stylizer()
        height, width = first[1].shape[:2]
        looks = constant(styling(stylizer, style, options, (height, width)).look(stylizer))
    steadiness = steadiness or Steadiness(grid=grid_of(options))
    for drawn in draw(itertools.chain([first], frames), looks, Steady(steadiness)):
        yield drawn.time, drawn.pixels


def grid_of(options: Options) -> int:
    """The pixels by which a photo must move for the network to move its output likewise, see `Steadiness`."""
    return max(1, round(GRID * options.stroke))


def draw(frames: Iterable[tuple[float, Frame]], looks: Looks, steady: Steady) -> Iterator[Drawn]:
    """The outputs of frames, in order.

    Args:
        frames: see `stylize_video`. They may be taken ahead of their turn and in another thread. An exception raised
            by them is raised here, after the outputs of the frames before.
        looks: of each frame, by its time.
        steady: in the state of the frame before the first.
    """
    for time, frame in frames:
        look = looks(time)
        pixels = steady.draw(frame, steady.watch(frame), look.render, look.masks)
        yield Drawn(time, pixels, steady.state)
