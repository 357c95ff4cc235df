"""Work: a bounded queue, and the threads that render what waits in it."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from threading import Condition, Thread
from typing import Any, Generic, TypeVar

from pasticcio.server.problem import RefusedError, busy

Result = TypeVar("Result")
FRESH = 1.0  # seconds for which a body that is still coming counts as one that waits
SHARE = 0.2  # of a new time in the mean


@dataclass(eq=False, repr=False)  # a deque that lacks a job writes it into its error: the picture, too
class _Job(Generic[Result]):
    """Something to be done by a thread, and the future of a loop that waits for it."""

    call: Callable[[], Result] | None
    future: asyncio.Future[Result]
    loop: asyncio.AbstractEventLoop
    preview: bool
    client: str

    def settle(self, result: Result | None, error: BaseException | None) -> None:
        """Give the result to the loop, which may be closed."""

        def give() -> None:
            if self.future.done():
                return
            if error is not None:
                self.future.set_exception(error)
            else:
                self.future.set_result(result)  # type: ignore[arg-type]

        self.call = None  # it holds the pictures
        with contextlib.suppress(RuntimeError):
            self.loop.call_soon_threadsafe(give)


class Work:
    """A bounded queue, and the threads that render what waits in it.

    Previews and other pictures take turns, so that neither waits for all of the others.

    Args:
        workers: the number of threads.
        most_waiting: jobs that may wait.
    """

    def __init__(self, workers: int, most_waiting: int) -> None:
        self._most, self._workers = most_waiting, workers
        self._previews: deque[_Job[Any]] = deque()
        self._others: deque[_Job[Any]] = deque()
        self._change = Condition()
        self._closed, self._turn = False, False
        self._coming: dict[object, float] = {}
        self.running, self.seconds = 0, 0.3  # of a job, on the mean
        self._threads = [Thread(target=self._loop, name=f"render-{i}", daemon=True) for i in range(workers)]
        for thread in self._threads:
            thread.start()

    @property
    def waiting(self) -> int:
        """The number of jobs that wait."""
        return len(self._previews) + len(self._others)

    @contextlib.contextmanager
    def admitted(self) -> Iterator[None]:
        """Around the reading of a body: refuse it before it is read, where the queue would have no place for it.

        A body that takes longer than a second to come no longer counts, so that slow clients take nobody's place.

        Raises:
            RefusedError: 503 with Retry-After.
        """
        newest = time.monotonic() - FRESH
        if self.waiting + sum(begun > newest for begun in self._coming.values()) >= self._most:
            raise self._busy()
        ticket = object()
        self._coming[ticket] = time.monotonic()
        try:
            yield
        finally:
            del self._coming[ticket]

    async def run(self, call: Callable[[], Result], *, preview: bool = False, client: str = "") -> Result:
        """Run something in a thread; if this is cancelled while it waits, it is never run.

        Args:
            call: what to run.
            preview: whether a newer preview of the same client takes its place while it waits.
            client: a name that the client made; empty where it gave none.

        Raises:
            RefusedError: 503, the queue is full; 409, it was superseded.
            Exception: what `call` raises.
        """
        loop = asyncio.get_running_loop()
        job = _Job(call, loop.create_future(), loop, preview, client)
        with self._change:
            if preview and client:
                for older in [one for one in self._previews if one.client == client]:
                    self._previews.remove(older)
                    older.settle(None, RefusedError("superseded", "superseded by a newer preview of the same client"))
            if self.waiting >= self._most or self._closed:
                raise self._busy()
            (self._previews if preview else self._others).append(job)
            self._change.notify()
        try:
            result: Result = await job.future
            return result
        except asyncio.CancelledError:
            with self._change, contextlib.suppress(ValueError):
                (self._previews if preview else self._others).remove(job)
            raise

    def close(self, seconds: float) -> bool:
        """Drop what waits, and wait for the threads; returns whether all of them have ended."""
        with self._change:
            self._closed = True
            for job in (*self._previews, *self._others):
                job.settle(None, self._busy())
            self._previews.clear()
            self._others.clear()
            self._change.notify_all()
        end = time.monotonic() + seconds
        for thread in self._threads:
            thread.join(max(0.0, end - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _busy(self) -> RefusedError:
        return busy(
            f"{self.waiting} requests wait, and the limit of this server is {self._most} (--max-waiting); try again "
            "after the seconds in Retry-After",
            self.seconds * (self.waiting + self.running) / self._workers,
        )

    def _loop(self) -> None:
        while (job := self._next()) is not None:
            begun = time.monotonic()
            self._do(job)
            del job  # or the result would be kept until the next one
            with self._change:
                self.running -= 1
                self.seconds += SHARE * (time.monotonic() - begun - self.seconds)

    def _next(self) -> _Job[Any] | None:
        with self._change:
            while not self.waiting and not self._closed:
                self._change.wait()
            if self._closed:
                return None
            self._turn = not self._turn
            one, other = (self._previews, self._others) if self._turn else (self._others, self._previews)
            self.running += 1
            return (one or other).popleft()

    @staticmethod
    def _do(job: _Job[Any]) -> None:
        call = job.call
        if call is None or job.future.cancelled():
            return
        try:
            result = call()
        except BaseException as error:
            job.settle(None, error)
        else:
            job.settle(result, None)
