"""Animated pictures, GIF, WebP and APNG, read and written with Pillow, which keeps their alpha; FFmpeg does not."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.errors import ImageError, OutputError
from pasticcio.image.decoding import DAMAGED, decoding, first_line, quiet
from pasticcio.video.frames import Facts, Selection, Shown

KINDS = {".gif": "GIF", ".webp": "WEBP", ".png": "PNG", ".apng": "PNG"}
BEGINNINGS = {b"GIF8": "GIF", b"RIFF": "WEBP", b"\x89PNG": "PNG"}
TICKS = 1_000_000  # a second: APNG has any fraction of a second
NO_DURATION = 100  # milliseconds for which a frame is shown that asks for 0 or none, as browsers do
QUALITY = 90
GIF_STEP = 10  # milliseconds that GIF counts in
SHORT = 20  # milliseconds below which players take a GIF's frame for one that asks for none
MOST_PLAYS = 65_535
LONGEST = {"GIF": "655 seconds", "PNG": "65 seconds with a fraction", "WEBP": "16,777 seconds"}  # that a frame is shown
CLEAR = 128  # alpha below which a pixel of a GIF is transparent


def is_animation(path: str | os.PathLike[str]) -> bool:
    """Whether a file begins as one of these pictures; False where it cannot be read."""
    try:
        with open(path, "rb") as file:
            head = file.read(12)
    except OSError:
        return False
    return any(head.startswith(one) for one in BEGINNINGS) and (head[:4] != b"RIFF" or head[8:] == b"WEBP")


class Animation:
    """An open animated picture, or one of a single frame, see `frames.Source`.

    Args:
        path: of the file.
        selection: which frames are wanted.

    Raises:
        ImageError: it cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str], selection: Selection | None = None) -> None:
        self.name, self.selection = os.fspath(path), selection or Selection()
        self.notes: dict[str, None] = {}
        self.damage = ""
        self._last = self._end = 0
        with decoding(self.name), quiet():
            try:
                self._image = Image.open(path, formats=sorted(set(KINDS.values())))
            except Image.DecompressionBombError as error:
                raise ValueError(f"{first_line(error).partition(',')[0]}, a clip's frames are smaller") from error
        self._first = int(getattr(self._image, "default_image", False))  # APNG: a picture that is not of the animation
        try:
            self.facts = self._surveyed()
        except BaseException:
            self.close()
            raise

    def frames(self, deep: bool = False) -> Iterator[Shown]:
        """The frames that are wanted, once; they have 8 bits a color.

        Raises:
            ImageError: none is wanted.
        """
        count = 0
        for shown in self.selection.thinned(self._shown(), self.facts.time_base):
            count += 1
            self._last = shown.ticks
            yield shown
        if not count:
            raise self.selection.nothing_in(self.name)

    def tail(self) -> int:
        """Ticks for which the last frame that was read is shown."""
        end = self._end
        if (stop := self.selection.stop) is not None:
            end = min(end, int(stop * TICKS))
        return max(1, end - self._last)

    def close(self) -> None:
        """Close the file."""
        self._image.close()

    def _whole(self) -> Iterator[tuple[int, int, Any]]:
        """Each frame's beginning and end, and the picture; what cannot be read ends them."""
        ticks = number = 0
        while True:
            try:
                picture = self._frame(number + self._first)
            except EOFError:
                return
            except (*DAMAGED, Image.DecompressionBombError) as error:
                if not number:
                    raise ImageError(f"cannot read {self.name}: {first_line(error)}") from error
                self.damage = f"{self.name} ends early or is damaged after {number} frames: {first_line(error)}"
                return
            asked = self._image.info.get("duration") or NO_DURATION
            end = ticks + round(asked * TICKS / 1000)
            yield ticks, end, picture
            ticks, number = end, number + 1

    def _frame(self, number: int) -> Image.Image:
        """A frame, whole, with alpha; EOFError behind the last."""
        with quiet():
            self._image.seek(number)
            self._image.load()
            return self._image.convert("RGBA")

    def _surveyed(self) -> Facts:
        """What is known when each frame was decoded once."""
        alpha, ends = False, []
        for _, end, picture in self._whole():
            alpha = alpha or picture.getextrema()[3][0] < 255
            ends.append(end)
        width, height = self._image.size
        return Facts(
            self.selection.fitted(height, width),
            Fraction(1, TICKS),
            Fraction(len(ends) * TICKS, ends[-1]).limit_denominator(1001),
            ends[-1] / TICKS,
            alpha,
            plays=self._plays(),
        )

    def _shown(self) -> Iterator[Shown]:
        height, width = self.facts.size
        for ticks, end, picture in self._whole():
            self._end = end
            if ticks < self.selection.begin * TICKS:
                continue
            if picture.size != (width, height):
                picture = picture.resize((width, height), Image.Resampling.BOX)
            pixels = np.asarray(picture)
            clear = np.ascontiguousarray(pixels[..., 3]) if self.facts.alpha else None
            yield Shown(ticks, np.ascontiguousarray(pixels[..., :3]), clear)

    def _plays(self) -> int:
        loop = self._image.info.get("loop")
        if loop is None:
            return 1
        return loop + 1 if loop and self._image.format == "GIF" else int(loop)


def write_animation(
    path: Path,
    frames: Iterator[NDArray[np.uint8]],
    times: Sequence[Fraction],
    plays: int,
    quality: int | None = None,
) -> None:
    """Write an animated picture.

    Equal frames in a row become one, which is shown for as long as all of them; WebP's losses may make frames equal.

    Args:
        path: its suffix names the format.
        frames: (H, W, 4), with alpha, or (H, W, 3).
        times: seconds: of each frame, and of the end.
        plays: how many times it is played, of which the formats hold 65,535; 0 for without end.
        quality: of WebP, from 1 to 100, which is without losses; 90 by default.

    Raises:
        OutputError: a frame is shown for longer than the format holds.
        OSError: it cannot be written.
    """
    kind = KINDS[path.suffix.lower()]
    durations, plays = milliseconds(times, kind), min(plays, MOST_PLAYS)
    pictures = map(_indexed if kind == "GIF" else Image.fromarray, frames)
    first = next(pictures)
    rest = pictures if kind == "GIF" else list(pictures)  # the others are gone through twice
    options: dict[str, Any] = {"save_all": True, "append_images": rest, "duration": durations}
    if kind == "GIF":
        options |= {} if plays == 1 else {"loop": plays and plays - 1}
        options |= {"disposal": 2 if "transparency" in first.info else 1, "optimize": False}
    else:
        options["loop"] = plays
    if kind == "WEBP":
        if first.mode == "RGBA":
            options["kmax"] = 1  # libwebp makes pixels opaque where a frame holds a part of the picture only
        options |= {"quality": QUALITY if quality is None else quality, "method": 4, "lossless": quality == 100}
    if kind == "PNG":
        options["blend"] = 0
    with path.open("wb") as file:
        try:
            first.save(file, kind, **options)
        except (OverflowError, ValueError, RuntimeError) as error:  # Pillow's, of such a frame
            if hasattr(error, "errno"):  # FFmpeg's, of a part
                raise
            raise OutputError(
                f"cannot write {path.suffix}: a frame, or equal ones in a row, are shown for longer than the format "
                f"holds, {LONGEST[kind]}; write .webp, or a clip"
            ) from error


def milliseconds(times: Sequence[Fraction], kind: str) -> list[int] | list[float]:
    """How long each frame is shown; rounding does not add up.

    Args:
        times: see `write_animation`.
        kind: "GIF", "WEBP" or "PNG".
    """
    if kind == "PNG":
        return [float((end - begin) * 1000) for begin, end in itertools.pairwise(times)]
    step = GIF_STEP if kind == "GIF" else 1
    places = [round(time * 1000 / step) for time in times]
    return [max(1, end - begin) * step for begin, end in itertools.pairwise(places)]


def _indexed(pixels: NDArray[np.uint8]) -> Image.Image:
    """A picture of at most 256 colors, one of which is transparent where there is alpha."""
    if pixels.shape[2] == 3:
        return Image.fromarray(pixels).quantize(256)
    clear = pixels[..., 3] < CLEAR
    picture = Image.fromarray(np.ascontiguousarray(pixels[..., :3])).quantize(255)
    indices = np.where(clear, np.uint8(255), np.asarray(picture))
    indexed = Image.fromarray(indices, "P")
    palette = (picture.getpalette() or [])[: 255 * 3]
    indexed.putpalette(palette + [0] * (256 * 3 - len(palette)))
    indexed.info["transparency"] = 255
    return indexed
