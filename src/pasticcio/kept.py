"""Kept: results that are asked for again and again, the oldest of which give way."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Any, Generic, TypeVar

from numpy.typing import NDArray

Value = TypeVar("Value")


class Kept(Generic[Value]):
    """Results by key; several threads may use one.

    >>> kept = Kept(most=10, size=len)
    >>> kept.get("a", lambda: "first"), kept.get("a", lambda: "second")
    ('first', 'first')

    Args:
        most: sum of the sizes that are kept.
        size: of a value.
    """

    def __init__(self, most: float, size: Callable[[Value], float] = lambda value: 1) -> None:
        self._most, self._size = most, size
        self._values: OrderedDict[Hashable, Value] = OrderedDict()
        self._lock = Lock()
        self._sum = 0.0

    def get(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """The value of a key, made where it is not kept; two threads may make it at once."""
        with self._lock:
            if key in self._values:
                self._values.move_to_end(key)
                return self._values[key]
        value = make()
        with self._lock:
            if key not in self._values and self._size(value) <= self._most:
                self._values[key] = value
                self._sum += self._size(value)
            while self._sum > self._most:
                self._sum -= self._size(self._values.popitem(last=False)[1])
        return value


def digest(data: bytes) -> bytes:
    """A key for bytes: nobody can make others of the same digest."""
    return hashlib.sha256(data).digest()


def pixels_key(pixels: NDArray[Any]) -> bytes:
    """A key for an array: its shape and its numbers."""
    return digest(repr((pixels.shape, pixels.dtype.str)).encode() + pixels.tobytes())
