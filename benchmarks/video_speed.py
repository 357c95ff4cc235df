"""Frames a second of a clip from file to file, the share of each step, and memory over the clip's length.

    python benchmarks/video.py --speed --json runs/video-speed.json
    python benchmarks/video.py --cpu

A clip of a moving photo, in H.264, is rendered by the model `fast` and encoded again, for a time, in several ways. The
first outputs are not counted: graphs are compiled for a size when it comes for the fourth time. All of it takes about
ten minutes.

With --cpu each step is done for all frames before the next one begins, and its seconds of CPU time are counted, of all
its threads: other work on the machine hardly changes them. Outputs are cut from a stylized photo, and two are rendered.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import resource
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from skimage import data

from pasticcio.model.names import INT8, ONNXRUNTIME
from pasticcio.model.package import is_installed
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.video.color import BT709
from pasticcio.video.encoding import PartWriter, format_of
from pasticcio.video.fast import SMALLER
from pasticcio.video.looks import Look, Looks, constant, styling
from pasticcio.video.motion import Frame
from pasticcio.video.reading import read_frames
from pasticcio.video.steady import Steadiness, Steady
from pasticcio.video.stylize import draw, for_clips, grid_of, share_cores, workers_of

SIZES = ((720, 1280), (1080, 1920))
STEPS = "decode", "watch", "render", "blend", "enlarge", "encode"
WARM = 5  # outputs that are not counted
RATE = 25
LENGTHS = 40, 400  # frames after which memory is compared


class Clock:
    """Adds up the seconds that each step takes; several threads may use it."""

    def __init__(self) -> None:
        self.spent: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time a block."""
        begun = time.perf_counter()
        try:
            yield
        finally:
            with self._lock:
                self.spent[name] += time.perf_counter() - begun

    def over(self, items: Iterator[Any], name: str) -> Iterator[Any]:
        """The items, with the time that each takes to come."""
        while True:
            with self.step(name):
                item = next(items, None)
            if item is None:
                return
            yield item


class TimedSteady(Steady):
    """Steady, with the time of its parts."""

    def __init__(self, how: Steadiness, clock: Clock) -> None:
        super().__init__(how)
        self._clock = clock

    def watch(self, *given: Any, **named: Any) -> Any:
        """See `Steady`."""
        with self._clock.step("watch"):
            return super().watch(*given, **named)

    def place(self, *given: Any) -> Any:
        """See `Steady`."""
        with self._clock.step("watch"):
            return super().place(*given)

    def blend(self, *given: Any) -> Frame:
        """See `Steady`."""
        with self._clock.step("blend"):
            return super().blend(*given)

    def skip(self, *given: Any) -> None:
        """See `Steady`."""
        with self._clock.step("blend"):
            super().skip(*given)

    def middle(self, *given: Any) -> Frame:
        """See `Steady`."""
        with self._clock.step("blend"):
            return super().middle(*given)

    def finish(self, *given: Any) -> Frame:
        """See `Steady`."""
        with self._clock.step("enlarge"):
            return super().finish(*given)


def steadiness(fast: bool, between: bool) -> Steadiness:
    """That of the command."""
    return Steadiness(grid=grid_of(Options()), smaller=SMALLER if fast else 1, between=between)


def timed(looks: Looks, clock: Clock) -> Looks:
    """A constant look, with the time of its rendering."""
    look = looks(0.0)

    def render(*pictures: Any) -> Frame:
        with clock.step("render"):
            return look.render(*pictures)

    return constant(Look(render, look.masks))


def make_clip(path: Path, size: tuple[int, int], count: int) -> None:
    """A pan over a photo, enlarged."""
    height, width = size
    photo = cv2.resize(data.coffee(), (width + 3 * count, height + count), interpolation=cv2.INTER_CUBIC)
    form = format_of(path, None, None)
    with PartWriter(path, form, size, Fraction(RATE), BT709, Fraction(1), False) as writer:
        for number in range(count):
            writer.add(np.ascontiguousarray(photo[number : number + height, 3 * number : 3 * number + width]))


def repeated(path: Path) -> Iterator[tuple[float, Frame]]:
    """The frames of a clip, again and again."""
    number = 0
    while True:
        for _, frame in read_frames(path):
            yield number / RATE, frame
            number += 1


def run(
    path: Path, stylizer: Stylizer, seconds: float, *, fast: bool, pipeline: bool, between: bool = False
) -> dict[str, float]:
    """Frames a second, and milliseconds a frame of each step."""
    clock, (_, first) = Clock(), next(read_frames(path))
    size = first.shape[:2]
    looks = constant(styling(stylizer, "dance", Options(), size).look(stylizer))
    looks = timed(looks, clock)
    steady = TimedSteady(steadiness(fast, between), clock)
    frames = clock.over(repeated(path), "decode")
    drawing = draw(frames, looks, steady, workers_of(stylizer))
    outputs = (drawn.pixels for drawn in drawing)
    if not pipeline:
        outputs = (steady.draw(frame, steady.watch(frame), looks(0.0).render) for _, frame in frames)
    count, begun = -WARM * (1 + between), 0.0
    form = format_of(path, None, None)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        stack.callback(drawing.close)
        out = Path(folder, "out.mp4")
        writer = stack.enter_context(PartWriter(out, form, size, Fraction(RATE), BT709, Fraction(1), False))
        for output in outputs:
            with clock.step("encode"):
                writer.add(output)
            count += 1
            if count == 0:
                begun = time.perf_counter()
                clock.spent.clear()
            if count > 1 and time.perf_counter() - begun > seconds:
                break
        elapsed = time.perf_counter() - begun
    return {"frames/s": count / elapsed, **{step: 1000 * clock.spent[step] / count for step in STEPS}}


def ways() -> dict[str, tuple[Callable[[], Stylizer], dict[str, bool]]]:
    """Each way's model, and how `run` is called."""
    eight = next((name for name in reversed(INT8) if is_installed(name)), ONNXRUNTIME)
    found: dict[str, tuple[Callable[[], Stylizer], dict[str, bool]]] = {
        "float32, one by one": (lambda: Stylizer(runtime=ONNXRUNTIME), {"fast": False, "pipeline": False})
    }
    for name, runtime in (("float32", ONNXRUNTIME), (f"8 bits ({eight})", eight)):
        for fast, between in itertools.product((False, True), repeat=2):
            title = ", ".join([name, *["--fast"] * fast, *["--between"] * between])
            how = {"fast": fast, "pipeline": True, "between": between}
            found[title] = (lambda runtime=runtime: for_clips(runtime=runtime)), how
    return found


def memory(size: tuple[int, int]) -> dict[str, float]:
    """MiB that the process has taken at most, after so many frames of a clip, with a render that takes no time."""

    def resident() -> float:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

    with tempfile.TemporaryDirectory() as folder:
        path, found = Path(folder, "clip.mp4"), {}
        make_clip(path, size, 24)
        looks = constant(Look(lambda frame: 255 - frame))
        with contextlib.closing(draw(repeated(path), looks, Steady(), os.cpu_count() or 1)) as drawing:
            for number, _ in enumerate(drawing, 1):
                if number in LENGTHS:
                    found[f"{number} frames"] = resident()
                if number == max(LENGTHS):
                    break
    return found


def cpu(size: tuple[int, int], fast: bool = False, count: int = 16) -> dict[str, float]:
    """Milliseconds of CPU time a frame of each step, in float32, and the share of rendering."""
    share_cores()
    (height, width), spent = size, {}
    stylizer = Stylizer(threads=1, runtime=ONNXRUNTIME)
    style = styling(stylizer, "dance", Options(), size)
    photo = stylizer.stylize(cv2.resize(data.coffee(), (width + 3 * count, height + count)), "dance")
    outputs = [photo[number : number + height, 3 * number : 3 * number + width] for number in range(count)]
    steady = Steady(steadiness(fast, between=False))

    def step(name: str, work: Callable[[], Any], frames: int = count) -> Any:
        begun = time.process_time()
        found = work()
        spent[name] = 1000 * (time.process_time() - begun) / frames
        return found

    def encoded(path: Path) -> None:
        with PartWriter(path, format_of(path), size, Fraction(RATE), BT709, Fraction(1), False) as writer:
            for output in outputs:
                writer.add(output)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "clip.mp4")
        make_clip(path, size, count)
        frames = step("decode", lambda: [frame for _, frame in read_frames(path)])
        motions = step("watch", lambda: [steady.watch(frame) for frame in frames])
        placed = step("place", lambda: [steady.place(*both) for both in zip(frames, motions, strict=True)])
        for number in range(2):  # the first is for warming up
            step("render", lambda number=number: placed[number].rendered(style.look(stylizer).render), 1)
        height, width = (part.stop - part.start for part in placed[0].part)
        parts = [photo[number : number + height, 3 * number : 3 * number + width] for number in range(count)]
        blended = step("blend", lambda: [steady.blend(*both) for both in zip(placed, parts, strict=True)])
        step("enlarge", lambda: [steady.finish(*both) for both in zip(placed, blended, strict=True)])
        step("encode", lambda: encoded(Path(folder, "out.mp4")))
    spent["watch"] += spent.pop("place")
    found = {name: spent[name] for name in STEPS}
    return {**found, "share": found["render"] / sum(found.values())}


def measure(seconds: float, sizes: tuple[tuple[int, int], ...] = SIZES) -> dict[str, Any]:
    """All of it: memory first, since what a process has taken at most never falls."""
    share_cores()
    found: dict[str, Any] = {"memory": memory((360, 640))}
    print("memory in MiB:", ", ".join(f"{name} {value:.0f}" for name, value in found["memory"].items()))
    print("\n| size | way | frames a second | " + " | ".join(f"{step}, ms" for step in STEPS) + " | share of render |")
    print("|---" * (len(STEPS) + 4) + "|")
    for height, width in sizes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "clip.mp4")
            make_clip(path, (height, width), 24)
            for way, (model, how) in ways().items():
                row = run(path, model(), seconds, **how)
                row["share"] = row["render"] / sum(row[step] for step in STEPS)
                found[f"{width}x{height}, {way}"] = row
                steps = " | ".join(f"{row[step]:.0f}" for step in STEPS)
                print(
                    f"| {width}x{height} | {way} | {row['frames/s']:.2f} | {steps} | {row['share']:.0%} |", flush=True
                )
    return found
