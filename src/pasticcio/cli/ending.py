"""How a command ends: stopped by a signal, with standard streams that are closed or full, with warnings for the end."""

from __future__ import annotations

import contextlib
import io
import os
import signal
import sys
from collections.abc import Iterator
from types import FrameType

import typer

from pasticcio.cli import BAD_INPUT
from pasticcio.errors import PasticcioError

SIGNALS = ("SIGTERM", "SIGHUP")  # Windows has no SIGHUP
HELD = ("pasticcio.image.listing", "pasticcio.dataset.source")  # loggers whose warnings are shown at the end
_held: dict[str, None] = {}
_inside = False  # whether `ending` is around what runs


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """Around a command: it leaves whole files and one line, whatever ends it."""
    global _inside
    _inside = True
    _occupy()
    with _stream("stderr", 2, _Lossy), _stream("stdout", 1, _Watched) as out, _stopped_by_signals():
        try:
            yield
        except PasticcioError as error:
            say(str(error))
            sys.exit(BAD_INPUT)
        except OSError as error:
            if out is None or error is not out.error:
                raise
            say(f"cannot write to standard output: {error.strerror or error}")
            sys.exit(BAD_INPUT)
        except MemoryError:
            say("memory does not suffice; free some, or give smaller pictures or fewer at once")
            sys.exit(BAD_INPUT)
        finally:
            _release()
            _inside = False


def say(line: str) -> None:
    """Write a line for people on standard error."""
    typer.echo(f"pasticcio: {' '.join(line.splitlines())}", err=True)  # names may hold line ends


def hold_warnings() -> None:
    """Keep the warnings of `HELD` for the end, each once; where nothing says them at the end they are not kept."""
    if not _inside:
        return
    import logging

    class Hold(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            _held[record.getMessage()] = None

    for name in HELD:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [Hold()], False


def _release() -> None:
    """Say what was held, and hold no more."""
    for line in _held:
        say(line)
    _held.clear()
    if "logging" in sys.modules:
        for name in HELD:
            logger = sys.modules["logging"].getLogger(name)
            logger.handlers, logger.propagate = [], True


def _occupy() -> None:
    """Fill the places of standard streams that are closed: a file opened there would get what is written to them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free, this one


class _Watched(io.FileIO):
    """Standard output, which fails once: what comes later is lost, or Python would say so when it ends.

    Attributes:
        error: how it failed; None if it did not.
    """

    error: OSError | None = None

    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self.error is not None:
            return len(data)
        try:
            return super().write(data)
        except OSError as error:
            self.error = error
            raise


class _Lossy(_Watched):
    """Standard error, which never fails: there is nowhere left to say so."""

    def write(self, data: bytes) -> int:  # type: ignore[override]
        try:
            return super().write(data)
        except OSError:
            return len(data)


@contextlib.contextmanager
def _stream(name: str, number: int, kind: type[_Watched]) -> Iterator[_Watched | None]:
    """Put a stream of our own in the place of one of the process's; None where that is closed, or not a file."""
    before = getattr(sys, name)
    if not isinstance(before, io.TextIOWrapper) or before.fileno() != number:
        yield None
        return
    raw = kind(number, "wb", closefd=False)
    buffer = io.BufferedWriter(raw)  # type: ignore[type-var]
    stream = io.TextIOWrapper(
        buffer, encoding=before.encoding, errors=before.errors, line_buffering=before.line_buffering
    )
    setattr(sys, name, stream)
    try:
        yield raw
    finally:
        with contextlib.suppress(OSError):
            stream.flush()
        setattr(sys, name, before)


@contextlib.contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Leave as at the end of a command, with the shell's exit code, when a signal asks for it; a second one kills."""

    def leave(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        say(f"stopped by {signal.Signals(number).name}; what is finished is kept")
        sys.exit(128 + number)

    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in numbers}
    for number, handler in before.items():
        if handler == signal.SIG_DFL:  # nohup ignores SIGHUP, and a caller may have a handler of its own
            signal.signal(number, leave)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
