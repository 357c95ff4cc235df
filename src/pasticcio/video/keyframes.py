"""Keyframes: styles, strengths and masks at times of a clip, and what lies between them."""

from __future__ import annotations

import bisect
import csv
import io
import itertools
import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Generic, TypeVar

import numpy as np

from pasticcio.errors import OptionError, nearest
from pasticcio.image.mask import Mask, read_mask
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style
from pasticcio.video.looks import Look, Looks, Styling, styling

Value = TypeVar("Value")
NAMES = ("time", "style", "strength", "mask")


@dataclass(frozen=True)
class Keyframe:
    """What holds at a time of a clip.

    Attributes:
        time: seconds.
        styles: names, see `Stylizer.embed`, with weights that sum to 1; empty where the keyframe names none.
        strength: see `Options`; None where the keyframe names none.
        mask: a picture's file; None where the keyframe names none.
    """

    time: float
    styles: tuple[tuple[str, float], ...] = ()
    strength: float | None = None
    mask: str | None = None


@dataclass(frozen=True)
class Track(Generic[Value]):
    """Values at times; before the first it is the first, and after the last the last.

    Attributes:
        times: seconds, rising.
        values: one for each.
        between: the value at a share, from 0 to 1, of the way from one to another.
    """

    times: Sequence[float]
    values: Sequence[Value]
    between: Callable[[Value, Value, float], Value]

    def at(self, time: float) -> Value:
        """The value at a time, in seconds."""
        place = bisect.bisect_right(self.times, time)
        if place in (0, len(self.times)):
            return self.values[min(place, len(self.times) - 1)]
        begin, end = self.times[place - 1 : place + 1]
        share = (time - begin) / (end - begin)
        before, after = self.values[place - 1 : place + 1]
        return before if share == 0 else self.between(before, after, share)


def read_keyframes(path: str | os.PathLike[str]) -> list[Keyframe]:
    """Read a file of keyframes.

    A .json file is a list of objects with "time" and any of "style" (a name, a list of names, or an object of names and
    weights), "strength" and "mask". A .csv file has columns of these names; an empty cell names nothing, and several
    styles are separated by " + ", each with a weight, as in "dance:0.7 + kiss:0.3", or all without.

    Returns:
        In the order of their times.

    Raises:
        OptionError: the file cannot be read, or is not as above; the message names the keyframe.
    """
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise OptionError(f"cannot read keyframes {path}: {getattr(error, 'strerror', None) or error}") from error
    suffix = Path(path).suffix.lower()
    if suffix not in (".json", ".csv"):
        raise OptionError(f"keyframes {path} has the suffix {suffix!r}; it must be .json or .csv")
    try:
        rows = json.loads(text) if suffix == ".json" else list(csv.DictReader(io.StringIO(text)))
    except (ValueError, csv.Error, RecursionError) as error:
        raise OptionError(f"keyframes {path} is no {suffix[1:].upper()}: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise OptionError(f"keyframes {path} holds no list of keyframes; give one or more")
    found = [_keyframe(row, f"keyframe {number} of {path}") for number, row in enumerate(rows, 1)]
    found.sort(key=lambda one: one.time)
    for one, other in itertools.pairwise(found):
        if one.time == other.time:
            raise OptionError(f"keyframes {path} has two keyframes at {one.time:g} seconds; leave one out")
    return found


def _keyframe(row: Any, name: str) -> Keyframe:
    if not isinstance(row, dict):
        raise OptionError(f'{name} is {row!r}; it must be an object, such as {{"time": 0, "style": "dance"}}')
    given = {key: value for key, value in row.items() if value is not None and value != ""}
    if unknown := [key for key in given if key not in NAMES]:
        raise OptionError(f"{name} has {unknown[0]!r}; {nearest(str(unknown[0]), NAMES)}")
    time, strength = (_number(given.get(key), f"the {key} of {name}") for key in ("time", "strength"))
    if time is None or time < 0:
        raise OptionError(f"the time of {name} is {given.get('time')}; it must be 0 seconds or more")
    if strength is not None:
        Options(strength=strength)
    mask = given.get("mask")
    if mask is not None and not isinstance(mask, str):
        raise OptionError(f"the mask of {name} is {mask!r}; it must be the name of a file")
    return Keyframe(time, _styles(given.get("style"), name), strength, mask)


def _number(value: Any, name: str) -> float | None:
    if value is None:
        return None
    try:
        number = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise OptionError(f"{name} is {value!r}; it must be a number")
    return number


def _styles(value: Any, name: str) -> tuple[tuple[str, float], ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        parts = [part.strip() for part in value.split(" + ")]
        pairs = [part.rpartition(":") for part in parts]
        weighted = len(parts) > 1 and all(_number_or_none(weight) is not None for _, _, weight in pairs)
        value = {one: _number_or_none(weight) for one, _, weight in pairs} if weighted else parts
    if isinstance(value, list):
        value = {one: 1 / len(value) for one in value if isinstance(one, str)} if value else None
    if not isinstance(value, dict) or not value:
        raise OptionError(f"the style of {name} must be a name, a list of names, or an object of names and weights")
    weights = [_number(weight, f"the weight of {one} in {name}") or 0.0 for one, weight in value.items()]
    if abs(sum(weights) - 1) > 1e-4:
        raise OptionError(f"the weights of {name} sum to {sum(weights):g}; they must sum to 1")
    return tuple(zip(value, weights, strict=True))


def _number_or_none(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def styles_of(keyframes: Sequence[Keyframe]) -> list[str]:
    """The names of all styles that keyframes name."""
    return list(dict.fromkeys(name for one in keyframes for name, _ in one.styles))


def keyed(
    stylizer: Stylizer, keyframes: Sequence[Keyframe], base: Styling | None, options: Options, size: tuple[int, int]
) -> tuple[Looks, list[Styling]]:
    """Looks that change with time. Between two keyframes styles are mixed in the embedding; strengths and masks too.

    What no keyframe names stays as in `base` and `options`.

    Args:
        stylizer: the model.
        keyframes: in the order of their times.
        base: the styles where no keyframe names one; it has no masks for single styles.
        options: of all frames, as `base` has them.
        size: height and width of the frames.

    Returns:
        The looks, and the styles of the keyframes that name some, each mixed to one.

    Raises:
        ImageError, StyleError, OptionError: see `looks.styling`; or neither `base` nor a keyframe has a style; or
            `adapt`, as styles between two keyframes are new at every frame.
    """
    if options.adapt:
        raise OptionError(f"adapt is {options.adapt}, and with keyframes no styles are fitted to scenes; leave it out")
    bare = replace(options, mask=None)
    made = [styling(stylizer, list(one.styles), bare, size) for one in keyframes if one.styles]
    if not made and base is None:
        raise OptionError("no keyframe names a style; name one with --style")
    styled = made or [base] if base else made
    style = Track([one.time for one in keyframes if one.styles] or [0.0], [one.styles[0] for one in styled], _mixed)
    strength = _track(keyframes, lambda one: one.strength, options.strength, _weighted)
    overall = read_mask(options.mask, *size) if options.mask is not None else None
    masks = _track(keyframes, lambda one: None if one.mask is None else read_mask(one.mask, *size), overall, _faded)
    left = styled[0].options

    def looks(time: float) -> Look:
        mask = masks.at(time)
        now = replace(left, strength=strength.at(time))
        return Styling((style.at(time),), () if mask is None else (mask,), now).look(stylizer)

    return looks, styled


def _track(
    keyframes: Sequence[Keyframe],
    value: Callable[[Keyframe], Value | None],
    usual: Value,
    between: Callable[[Value, Value, float], Value],
) -> Track[Value]:
    """The values that keyframes name; `usual` at all times where none names any."""
    named = [(one.time, found) for one in keyframes if (found := value(one)) is not None]
    return Track([time for time, _ in named] or [0.0], [one for _, one in named] or [usual], between)


def _mixed(one: Style, other: Style, share: float) -> Style:
    return one.towards(other, share)


def _weighted(one: float, other: float, share: float) -> float:
    return one + share * (other - one)


def _faded(one: Mask | None, other: Mask | None, share: float) -> Mask | None:
    if one is None or other is None:
        return one
    return np.rint(one + np.float32(share) * (other.astype(np.float32) - one)).astype(np.uint8)
