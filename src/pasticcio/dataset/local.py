"""The engines of one machine: processes, each with one thread, or threads of this process.

Both give the results in the order of the tasks, and hold only a few of them at a time.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
from collections import Counter, deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from pasticcio.dataset.work import Look, Renderer, Result, Task
from pasticcio.errors import DataError, PasticcioError

AHEAD = 2  # tasks that a worker has: the one it renders, and the next
WINDOW = 16  # tasks for each worker that may be done before their turn
DEATHS = 2  # of processes, after which the picture that they had in hand is given up
PATIENCE = 5.0  # seconds to wait for a process that closed its pipe
STARTS = 3  # processes that may end, one after another, before they are ready


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_threads(tasks: Iterator[Task], model: str, look: Look, workers: int) -> Iterator[Result]:
    """Render in threads of this process.

    Raises:
        ModelError: see `Renderer`.
    """
    renderers = [Renderer(model, look) for _ in range(workers)]  # each keeps its latest picture
    free = deque(renderers)

    def render(task: Task) -> Result:
        renderer = free.popleft()
        try:
            return renderer(task)
        finally:
            free.append(renderer)

    with ThreadPoolExecutor(workers) as pool:
        begun: deque[Future[Result]] = deque()
        try:
            for task in tasks:
                begun.append(pool.submit(render, task))
                if len(begun) > AHEAD * workers:
                    yield begun.popleft().result()
            while begun:
                yield begun.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)


def in_processes(tasks: Iterator[Task], model: str, look: Look, workers: int) -> Iterator[Result]:
    """Render in processes. One that is killed is replaced, and its tasks are done by others.

    A picture that two processes had in hand when they ended is a result with an error.

    Raises:
        ModelError: see `Renderer`.
        DataError: processes end before they are ready.
    """
    crew = _Crew(model, look, workers)
    try:
        yield from crew.results(tasks)
    finally:
        crew.end()


class _Worker:
    """A process that renders.

    Attributes:
        doing: the tasks that it has, the one in hand first.
        ready: its graphs are loaded.
    """

    def __init__(self, model: str, look: Look) -> None:
        context = multiprocessing.get_context("spawn")  # a forked process would have no threads of its libraries
        self.pipe, theirs = context.Pipe()
        self.process: BaseProcess = context.Process(target=_work, args=(theirs, model, look), daemon=True)
        self.process.start()
        theirs.close()  # so that the pipe ends when the process does
        self.doing: deque[Task] = deque()
        self.ready = False

    def give(self, task: Task) -> None:
        self.doing.append(task)
        with contextlib.suppress(OSError):  # it has ended: `_Crew` will see to that
            self.pipe.send(task)

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()


class _Crew:
    """Processes, and the tasks that they have."""

    def __init__(self, model: str, look: Look, workers: int) -> None:
        self._model, self._look, self._count = model, look, workers
        self._workers: list[_Worker] = []
        self._again: deque[Task] = deque()  # of processes that ended
        self._done: dict[int, Result] = {}
        self._deaths: Counter[int] = Counter()
        self._failed_starts = 0

    def results(self, tasks: Iterator[Task]) -> Iterator[Result]:
        begun: deque[int] = deque()  # numbers of tasks, in their order
        while True:
            self._hand_out(tasks, begun)
            if not begun:
                return
            while begun and begun[0] in self._done:
                yield self._done.pop(begun.popleft())
            if begun:
                self._listen()

    def end(self) -> None:
        for worker in self._workers:
            worker.end()

    def _hand_out(self, tasks: Iterator[Task], begun: deque[int]) -> None:
        """Give every process as many tasks as it may have; a process is started when there is a task for it."""
        while self._has_room() and (task := self._next(tasks, begun)) is not None:
            worker = min(self._workers, key=lambda one: len(one.doing), default=None)
            if (worker is None or worker.doing) and len(self._workers) < self._count:
                worker = _Worker(self._model, self._look)
                self._workers.append(worker)
            assert worker is not None
            worker.give(task)

    def _has_room(self) -> bool:
        return len(self._workers) < self._count or any(len(worker.doing) < AHEAD for worker in self._workers)

    def _next(self, tasks: Iterator[Task], begun: deque[int]) -> Task | None:
        """A task of a process that ended, or a new one; None where there is none, or many wait for their turn."""
        if self._again:
            return self._again.popleft()
        task = next(tasks, None) if len(begun) < WINDOW * self._count else None
        if task is not None:
            begun.append(task.number)
        return task

    def _listen(self) -> None:
        """Wait for a process to say something, or to end."""
        by_pipe = {worker.pipe: worker for worker in self._workers}
        for pipe in wait(list(by_pipe)):
            worker = by_pipe[pipe]  # type: ignore[index]
            try:
                said = worker.pipe.recv()
            except (EOFError, OSError):
                self._bury(worker)
                continue
            if isinstance(said, PasticcioError):
                raise said
            if said is None:
                worker.ready, self._failed_starts = True, 0
            else:
                worker.doing.popleft()
                self._done[said.task.number] = said

    def _bury(self, worker: _Worker) -> None:
        """Take the tasks of a process that ended."""
        worker.process.join(PATIENCE)  # for its own exit code
        worker.end()
        self._workers.remove(worker)
        if not worker.ready:
            self._failed_starts += 1
            if self._failed_starts == STARTS:
                raise DataError(
                    f"{STARTS} processes ended before they could render (exit code {worker.process.exitcode}); in a "
                    "script of your own, call this below `if __name__ == '__main__':`, or render in threads"
                )
        elif worker.doing:
            task = worker.doing[0]
            self._deaths[task.number] += 1
            if self._deaths[task.number] == DEATHS:
                worker.doing.popleft()
                error = f"{task.item.picture.name} ended {DEATHS} processes (exit code {worker.process.exitcode})"
                self._done[task.number] = Result(task, error=error)
        self._again.extend(worker.doing)


def _work(pipe: Connection, model: str, look: Look) -> None:
    """The process of a `_Worker`: it ends when the process that started it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started it
    with contextlib.suppress(EOFError, OSError):
        try:
            renderer = Renderer(model, look)
            pipe.send(None)
            while True:
                pipe.send(renderer(pipe.recv()))
        except PasticcioError as error:
            pipe.send(error)
