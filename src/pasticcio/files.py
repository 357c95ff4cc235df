"""Files that appear whole or not at all, whatever interrupts their writing."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

from pasticcio.errors import OutputError


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
    # The name is short, whatever that of the target: the longest name that a folder allows is not made longer.
    partial = target.with_name(f".pasticcio-{os.urandom(6).hex()}{target.suffix}")
    try:
        # The kernel applies the umask. To read it one must set it, which other threads would notice.
        os.close(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666))
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
