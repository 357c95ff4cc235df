"""Declaring the options of a dataclass: limits, help and old spellings beside the fields themselves."""

from __future__ import annotations

import functools
import math
import operator
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

from pasticcio.errors import OptionError, nearest

Class = TypeVar("Class", bound=type)


def option(
    help: str,
    *,
    type: type = float,
    flags: Sequence[str] = (),
    range: tuple[float, float | None] | None = None,
    besides: tuple[float, str] | None = None,
    choices: Sequence[str] = (),
    unit: str = "",
    meaning: object = None,
) -> dict[str, Any]:
    """Metadata of a dataclass field: its limits, for `check`, and its help and flags, for the command line.

    Args:
        help: one sentence for the command line.
        type: float, int, str or os.PathLike (a file).
        flags: of the command line, such as ("--colors", "--colours"); by default made from the field's name.
        range: lowest and highest value, both allowed; a highest of None is no limit.
        besides: a value outside the range that is allowed too, and what it means.
        choices: the values that there are.
        unit: such as "pixels".
        meaning: what a default of None stands for.
    """
    return {
        "help": help,
        "type": type,
        "flags": tuple(flags),
        "range": range,
        "besides": besides,
        "choices": tuple(choices),
        "unit": unit,
        "meaning": meaning,
    }


def check(options: Any) -> None:
    """Compare a dataclass's values with the limits that `option` gave its fields; None stands for a default.

    Raises:
        OptionError: a value of another type, outside its range or not among its choices.
    """
    for one in fields(options):
        value = getattr(options, one.name)
        if one.metadata and not (value is None and one.default is None):
            check_value(one.name, value, **one.metadata)


def check_value(
    name: str,
    value: Any,
    *,
    type: type = float,
    range: tuple[float, float | None] | None = None,
    besides: tuple[float, str] | None = None,
    choices: Sequence[str] = (),
    unit: str = "",
    **_: Any,
) -> None:
    """Compare one value with its limits, see `option`.

    Raises:
        OptionError: as of `check`.
    """
    if choices:
        if value not in choices:
            raise OptionError(f"{name} is {value!r}; {nearest(str(value), choices)}")
        return
    if type not in (int, float):
        return
    from numbers import Integral, Real  # not needed by --help

    valid = isinstance(value, Integral if type is int else Real) and not isinstance(value, bool)
    if not valid:
        raise OptionError(f"{name} is {value!r}; it must be a {'whole ' if type is int else ''}number")
    low, high = range or (-math.inf, None)
    if low <= value <= (math.inf if high is None else high) or (besides and value == besides[0]):
        return
    end = f" {unit}" if unit else ""
    limit = f"{low:g}{end} or more" if high is None else f"between {low:g} and {high:g}{end}"
    other = f", or {besides[0]:g} for {besides[1]}" if besides else ""
    try:
        given = f"{value:g}"
    except OverflowError:  # a whole number beyond those of floating point
        given = "a number of more than 300 digits"
    raise OptionError(f"{name} is {given}; it must be {limit}{other}")


def spelled_also(**old: str) -> Callable[[Class], Class]:
    """Decorate a dataclass whose fields have older spellings: as arguments, in `replace`, and as attributes.

    Where a field is given in both spellings the older counts: `replace` passes the newer one along by itself.

    Args:
        old: the newer spelling for each older one, such as colours="colors".
    """

    def decorate(cls: Class) -> Class:
        generated = cls.__init__  # type: ignore[misc]

        @functools.wraps(generated)
        def init(self: Any, *values: Any, **named: Any) -> None:
            for older, newer in old.items():
                if older in named:
                    named[newer] = named.pop(older)
            generated(self, *values, **named)

        cls.__init__ = init  # type: ignore[misc]
        for older, newer in old.items():
            setattr(cls, older, property(operator.attrgetter(newer)))
        return cls

    return decorate
