"""Files that appear whole or not at all, whatever interrupts their writing.

A file that is being written has a name of its own, beginning with `PREFIX`, and is locked for as long as its process
lives. What a killed process left is not locked; it is removed when another process first writes into the same folder.
"""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from pasticcio.errors import OutputError

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None  # type: ignore[assignment]

PREFIX = ".pasticcio-"
OLD = 24 * 3600.0  # seconds after which a file is a leftover, where the file system has no locks
_cleaned: set[str] = set()
if hasattr(os, "register_at_fork"):  # a forked process is another one
    os.register_at_fork(after_in_child=_cleaned.clear)


@contextlib.contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield an empty file in the folder of `path`, to be written; it is renamed to `path` when the block ends.

    If the block raises, the new file is removed and `path` stays as it was. The new file has the suffix of
    `path`, and the permissions that the process's umask gives to any new file.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with writing(Path(folder, "text.txt")) as partial:
    ...         _ = partial.write_text("all of it")
    ...     Path(folder, "text.txt").read_text()
    'all of it'

    Raises:
        OutputError: the file cannot be written.
    """
    target = Path(path)
    if "\0" in str(target):
        raise OutputError(f"cannot write {str(target)!r}: a name cannot hold a null character")
    try:
        _clean_once(target.parent)
        with _locked(lambda: _new_file(target)) as partial:
            try:
                yield partial
                os.replace(partial, target)
            finally:
                with contextlib.suppress(OSError):
                    os.unlink(partial)
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}") from error


def write_whole(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file that appears whole or not at all, see `writing`.

    Raises:
        OutputError: the file cannot be written.
    """
    with writing(path) as partial:
        partial.write_bytes(data)


@contextlib.contextmanager
def working_folder(folder: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a new folder in `folder` for files on the way; it is removed when the block ends, see `remove_leftovers`.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        _clean_once(Path(folder))
        with _locked(lambda: _new_folder(Path(folder))) as made:
            try:
                yield made
            finally:
                shutil.rmtree(made, ignore_errors=True)
    except OSError as error:
        raise OutputError(f"cannot write into {os.fspath(folder)}: {error.strerror or error}") from error


def remove_leftovers(folder: str | os.PathLike[str]) -> list[Path]:
    """Remove what killed processes left in a folder, but nothing that a living one is writing.

    Returns:
        What was removed.
    """
    removed = []
    with contextlib.suppress(OSError):
        for entry in os.scandir(folder):
            if entry.name.startswith(PREFIX) and not entry.is_symlink() and _removed(entry):
                removed.append(Path(entry.path))
    return removed


def _clean_once(folder: Path) -> None:
    """`remove_leftovers`, the first time that this process writes into a folder."""
    place = os.path.abspath(folder)
    if place not in _cleaned:
        _cleaned.add(place)
        remove_leftovers(folder)


def _removed(entry: os.DirEntry[str]) -> bool:
    """Remove a file or folder if no process holds it; whether it was removed."""
    try:
        place = os.open(entry.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except OSError:
        return False
    try:
        held = _lock(place)
        if held is False or (held is None and time.time() - entry.stat().st_mtime < OLD):
            return False
        if entry.is_dir():
            shutil.rmtree(entry.path, ignore_errors=True)
        else:
            os.unlink(entry.path)
        return True
    except OSError:
        return False
    finally:
        os.close(place)


def _new_file(target: Path) -> Path:
    # The name is short, whatever that of the target: the longest name that a folder allows is not made longer.
    path = target.with_name(f"{PREFIX}{os.urandom(6).hex()}{target.suffix}")
    # The kernel applies the umask. To read it one must set it, which other threads would notice.
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
    return path


def _new_folder(folder: Path) -> Path:
    path = folder / f"{PREFIX}{os.urandom(6).hex()}"
    path.mkdir()
    return path


@contextlib.contextmanager
def _locked(make: Callable[[], Path]) -> Iterator[Path]:
    """Make a file or folder and hold its lock."""
    while True:
        path = make()
        if fcntl is None:  # to hold a file open would keep Windows from renaming it
            yield path
            return
        with contextlib.suppress(FileNotFoundError):  # another process took it for a leftover before it was locked
            place = os.open(path, os.O_RDONLY)
            if _lock(place) is not False and os.path.samestat(os.fstat(place), os.stat(path)):
                break
            os.close(place)
    try:
        yield path
    finally:
        os.close(place)


def _lock(place: int) -> bool | None:
    """Lock an open file: True; False where another holds its lock; None where there are no locks."""
    if fcntl is None:
        return None
    try:
        fcntl.flock(place, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


@contextlib.contextmanager
def alone(path: str | os.PathLike[str], wait: bool = True) -> Iterator[bool]:
    """Hold a file, made if it is not there, against other processes that do the same; the second waits.

    Args:
        path: of the file.
        wait: False to raise BlockingIOError at once where another process holds it.

    Yields:
        Whether the file is there still; a process that was waited for may have renamed or removed it.

    Raises:
        OSError: it cannot be opened.
    """
    place = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        if fcntl is not None:
            try:
                fcntl.flock(place, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            except BlockingIOError:
                raise
            except OSError:
                pass  # a file system without locks
        there = False
        with contextlib.suppress(FileNotFoundError):
            there = os.path.samestat(os.fstat(place), os.stat(path))
        yield there
    finally:
        os.close(place)


def make_folder(folder: str | os.PathLike[str]) -> None:
    """Make a folder, and those above it, where there is none.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make folder {os.fspath(folder)}: {error.strerror or error}") from error


def check_place(path: str | os.PathLike[str]) -> None:
    """Refuse a place where no file can be written, before any work is done.

    Raises:
        OutputError: missing folder, a folder in its place, a name too long, or no permission.
    """
    target = Path(path)
    try:
        os.stat(target)
    except (FileNotFoundError, NotADirectoryError):
        pass
    except (OSError, ValueError) as error:
        raise OutputError(f"cannot write {target}: {getattr(error, 'strerror', None) or error}") from error
    if os.path.isdir(target):
        raise OutputError(f"cannot write {target}: it is a folder")
    if not os.path.isdir(target.parent):
        raise OutputError(f"cannot write {target}: there is no folder {target.parent}")
    if not os.access(target.parent, os.W_OK):
        fixed = hasattr(os, "statvfs") and os.statvfs(target.parent).f_flag & os.ST_RDONLY
        reason = os.strerror(errno.EROFS) if fixed else "no permission"
        raise OutputError(f"cannot write {target}: {reason} in {target.parent}")


def check_apart(out: str | os.PathLike[str], *inputs: object) -> None:
    """Refuse an output in the place of a file that is read for it.

    Args:
        out: where the output goes.
        inputs: paths that are read; what is no path, or does not exist, is passed over.

    Raises:
        OutputError: `out` is one of them, by whatever path.
    """
    for path in inputs:
        with contextlib.suppress(OSError, ValueError):
            if isinstance(path, (str, os.PathLike)) and os.path.samefile(path, out):
                raise OutputError(f"cannot write {os.fspath(out)}: it is read for the output; name another file")
