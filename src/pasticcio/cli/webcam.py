"""The command that renders a camera's frames as they come: webcam."""

# Without `from __future__ import annotations`: typer would compile the text of every annotation at each start.

import contextlib
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pasticcio.cli.arguments import FastOption, RuntimeOption, out_option, style_option
from pasticcio.cli.ending import say
from pasticcio.errors import OptionError, OutputError
from pasticcio.render.options import Options

if TYPE_CHECKING:
    from pasticcio.video.camera import Camera
    from pasticcio.video.live import Live, Manner
    from pasticcio.video.sinks import Sink, Window

REST = 0.01  # seconds between two looks at the window


def webcam(
    *,
    style: Annotated[
        list[str],
        style_option(
            "A style picture, a style file or a named style (see 'pasticcio styles'). Repeatable: the keys n and p, or "
            "1 to 9, choose one of them."
        ),
    ],
    device: Annotated[int | None, typer.Option(help="Number of the camera. [default: 0]")] = None,
    source: Annotated[
        str | None,
        typer.Option("--input", help="A clip in place of a camera, at its own pace; - for raw RGB frames of --size."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option(help="WIDTHxHEIGHT; larger frames are made smaller to fit. [default: 640x640, for - none]"),
    ] = None,
    out: Annotated[
        Path | None,
        out_option("Write raw RGB frames into a file or a named pipe, or with - to standard output; without a window."),
    ] = None,
    virtual: Annotated[
        bool, typer.Option("--virtual", help="Be a camera for other programs; needs pyvirtualcam; without a window.")
    ] = False,
    strength: Annotated[float, typer.Option(help="See 'stylize'; the keys + and - change it.")] = 1.0,
    steady: Annotated[
        bool, typer.Option("--steady/--no-steady", help="Whether frames are kept from flickering.")
    ] = True,
    fast: FastOption = False,
    runtime: RuntimeOption = "auto",
    model: Annotated[
        list[str] | None,
        typer.Option(help="A shipped model's name, or a model folder. Repeatable: the key m chooses. [default: fast]"),
    ] = None,
) -> None:
    """Render a camera's frames in the manner of a style as they come, in a window, a pipe or a virtual camera.

    Keys in the window: n and p for the next and the previous style, or its number; + and - for the strength; m for the
    next model; q or Escape to end. Ctrl-C ends too.
    """
    if device is not None and source is not None:
        raise OptionError(f"--device {device} and --input {source} are both given; leave one out")
    options = Options(strength=strength, texture=0.0)
    sides = _sides(size)
    if source == "-" and sides is None:
        raise OptionError("--input - needs --size WIDTHxHEIGHT, the size of the raw frames")
    from pasticcio.files import check_apart
    from pasticcio.model.folder import Model
    from pasticcio.render.stylizer import Stylizer
    from pasticcio.video.camera import Newest
    from pasticcio.video.live import Live, Manner, Painter, fitted
    from pasticcio.video.steady import Steadiness

    manner = Manner(style, model or ["fast"], strength)
    for name in manner.models:
        Model.open(name)  # an unknown one is named before the camera is opened
    if out is not None and str(out) != "-":
        check_apart(out, source, *style)
    how = None if steady else Steadiness(anchor=False, carry=0)
    paint = Painter(manner, options, how, lambda name: Stylizer(name, runtime=runtime), fast)
    limit = sides or (640, 640)
    with contextlib.ExitStack() as stack:
        sinks = _sinks(stack, out, virtual)
        window = None if sinks else _window(stack, manner)
        newest = Newest(_camera(device, source, sides))
        live = Live(newest, lambda frame: paint(fitted(frame, limit)), [window] if window else sinks)
        with contextlib.suppress(KeyboardInterrupt), live.running():
            _watch(live, manner, window)
    seen = live.seen
    say(
        f"{seen.shown} frames shown, {seen.dropped} dropped; from a frame to its output {1000 * seen.latency:.0f} ms, "
        f"{seen.frames:.1f} frames"
    )


def _sides(size: str | None) -> tuple[int, int] | None:
    """Width and height."""
    if size is None:
        return None
    if not (found := re.fullmatch(r"(\d{1,5})x(\d{1,5})", size)) or min(map(int, found.groups())) < 1:
        raise OptionError(f"size is {size!r}; write WIDTHxHEIGHT in pixels, as 640x360")
    return int(found[1]), int(found[2])


def _camera(device: int | None, source: str | None, sides: tuple[int, int] | None) -> "Camera":
    from pasticcio.video.camera import Device, Pipe, Played, standard_input

    if source is None:
        return Device(device or 0, sides)
    if source == "-":
        assert sides is not None
        return Pipe(standard_input(), sides)
    from pasticcio.video.reading import read_frames

    return Played(read_frames(source), source)


def _sinks(stack: contextlib.ExitStack, out: Path | None, virtual: bool) -> "list[Sink]":
    """Where outputs go, if not to a window."""
    import sys

    from pasticcio.video.sinks import Raw, Virtual, raw_file

    sinks: list[Any] = []
    if virtual:
        sinks.append(stack.enter_context(contextlib.closing(Virtual())))
    if out is not None and str(out) == "-":
        if sys.stdout is None or sys.stdout.isatty():
            raise OutputError("--out - writes raw frames: lead standard output into a file or another program")
        sinks.append(Raw(sys.stdout.buffer, "standard output"))
    elif out is not None:
        sinks.append(stack.enter_context(raw_file(out)))
    return sinks


def _window(stack: contextlib.ExitStack, manner: "Manner") -> "Window":
    from pasticcio.video.sinks import Window

    return stack.enter_context(contextlib.closing(Window("pasticcio", manner.press)))


def _watch(live: "Live", manner: "Manner", window: "Window | None") -> None:
    """Keep the window up to date until the frames or the user end."""
    while not (live.over or manner.over):
        if window is not None:
            window.update(f"pasticcio: {manner.style}, strength {manner.strength:g}, {manner.model}")
        time.sleep(REST)
