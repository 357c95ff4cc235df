"""Pipeline: steps that work on different items at the same time, in threads, with a bounded number of items between."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator, Iterable
from dataclasses import dataclass
from typing import Any

from pasticcio.errors import OptionError
from pasticcio.model.machine import cores

ROOM = 2  # items that wait before each step, at most
FEED = 10.0  # seconds that the end waits for the next item: what gives items may be closed right after it
WAIT = 1.5  # seconds that the end waits for threads, which may be in the middle of an item


MOST_WORKERS = 4  # items of the slowest step that are worked on at the same time: each takes memory


def threads_each() -> int:
    """The threads that each step may take for one item, as all steps work at the same time: a quarter of the cores."""
    return max(1, cores() // MOST_WORKERS)


@dataclass(frozen=True)
class Step:
    """What is done with each item.

    Attributes:
        work: from an item to the next step's.
        threads: that do it for several items at once; 1 where items must be worked on in order.
    """

    work: Callable[[Any], Any]
    threads: int = 1

    def __post_init__(self) -> None:
        if self.threads < 1:
            raise OptionError(f"threads is {self.threads}; it must be 1 or more")


def pipeline(items: Iterable[Any], *steps: Step, room: int = ROOM) -> Generator[Any, None, None]:
    """Take items through all steps, each in threads of its own.

    >>> list(pipeline(range(5), Step(lambda number: number + 1, threads=2), Step(str)))
    ['1', '2', '3', '4', '5']

    At most `room` items, and one for each thread, are before each step, whatever the number of all. Where the caller
    takes no more items, all threads end; a thread in the middle of an item ends after it. The one that takes
    items is waited for, as what gives them may be closed then; the others no longer than a moment.

    Args:
        items: taken in a thread of their own. A generator is closed there.
        steps: one or more.
        room: items that wait before each step, at most; 1 or more.

    Yields:
        The items, in their order.

    Raises:
        What `items` or a step raises, after the items before; the steps before stop at once.
    """
    lines = [_Line(room) for _ in range(len(steps) + 1)]
    threads = [threading.Thread(target=_feed, args=(items, lines[0]), daemon=True)]
    for step, before, after in zip(steps, lines, lines[1:], strict=False):
        threads += [
            threading.Thread(target=_run, args=(step.work, before, after), daemon=True) for _ in range(step.threads)
        ]
    for thread in threads:
        thread.start()
    try:
        while (item := lines[-1].take()) is not None:
            yield item[1]
        if lines[-1].end is not None and (error := lines[-1].end[1]) is not None:
            raise error
    finally:
        for line in lines:
            line.close()
        threads[0].join(FEED)
        until = time.monotonic() + WAIT
        for thread in threads[1:]:
            thread.join(max(0.0, until - time.monotonic()))


class _Line:
    """Numbered items on their way from one step to the next, which takes them in order of their numbers.

    Attributes:
        end: the number of items and the error that they ended with, once known.
    """

    def __init__(self, room: int) -> None:
        self.end: tuple[int, BaseException | None] | None = None
        self._room, self._next, self._closed = room, 0, False
        self._waiting: dict[int, Any] = {}
        self._changed = threading.Condition()

    def put(self, number: int, item: Any) -> bool:
        """Wait for room, and put an item there; False where nobody wants it any more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or number < self._next + self._room)
            if not self._closed:
                self._waiting[number] = item
                self._changed.notify_all()
            return not self._closed

    def take(self) -> tuple[int, Any] | None:
        """Wait for the next item, and take it with its number; None where there are no more."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._next in self._waiting or self._ended)
            if self._closed or self._next not in self._waiting:
                return None
            number, self._next = self._next, self._next + 1
            self._changed.notify_all()
            return number, self._waiting.pop(number)

    def finish(self, number: int, error: BaseException | None = None) -> None:
        """Say that there are no items of this number and above; of several ends the first in order counts."""
        with self._changed:
            if self.end is None or number < self.end[0]:
                self.end = number, error
            self._changed.notify_all()

    @property
    def _ended(self) -> bool:
        return self.end is not None and self._next >= self.end[0]

    def close(self) -> None:
        """Take and give no more items; whoever waits goes on at once."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify_all()


def _feed(items: Iterable[Any], line: _Line) -> None:
    """Number items, until they end or nobody wants them."""
    number = 0
    try:
        for item in items:
            if not line.put(number, item):
                break
            number += 1
        line.finish(number)
    except BaseException as error:
        line.finish(number, error)
    finally:
        if isinstance(items, Generator):
            with contextlib.suppress(Exception):  # nobody is there any more to hear of it
                items.close()


def _run(work: Callable[[Any], Any], before: _Line, after: _Line) -> None:
    """Do a step's work, until the items end, it fails, or nobody wants the results."""
    while (item := before.take()) is not None:
        number, value = item
        try:
            wanted = after.put(number, work(value))
        except BaseException as error:
            wanted = False
            after.finish(number, error)
        del item, value  # or the next wait would keep them in memory
        if not wanted:
            before.close()
            return
    if before.end is not None:
        after.finish(*before.end)
