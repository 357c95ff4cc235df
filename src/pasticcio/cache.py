"""The cache folder: downloads, measured runtimes, embeddings and compiled graphs are kept there between runs.

All of it can be made again, so nothing here raises: a file that cannot be read counts as missing, and a file that
cannot be written is left out. The folder is `$XDG_CACHE_HOME/pasticcio`, by default `~/.cache/pasticcio`. If the
environment variable `PASTICCIO_CACHE` is 0, nothing but downloads is kept.
"""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from pathlib import Path
from typing import Any

from pasticcio.errors import OutputError
from pasticcio.files import write_whole

SWITCH = "PASTICCIO_CACHE"


def cache_folder() -> Path:
    """The cache folder; it may not exist."""
    try:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    except RuntimeError:  # a user without a home
        try:
            base = tempfile.gettempdir()
        except OSError:  # nor a folder for temporary files: what is to be kept there cannot be written
            base = os.curdir
    return Path(base) / "pasticcio"


def caching() -> bool:
    """Whether anything but downloads may be kept, see `PASTICCIO_CACHE`."""
    return os.environ.get(SWITCH, "1").lower() not in ("", "0", "off", "no", "false")


def load(*place: str) -> bytes | None:
    """The bytes of a file that `keep` wrote; None if there is no such file, or it cannot be read."""
    if not caching():
        return None
    try:
        return cache_folder().joinpath(*place).read_bytes()
    except (OSError, ValueError):
        return None


def keep(data: bytes, *place: str) -> None:
    """Write a file of the cache folder, whole or not at all; two processes may write the same one."""
    if not caching():
        return
    target = cache_folder().joinpath(*place)
    with contextlib.suppress(OSError, OutputError):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, data)


def load_table(name: str) -> dict[str, Any]:
    """The JSON object in a file of the cache folder; empty if there is none."""
    try:
        table = json.loads(load(name) or b"{}")
    except ValueError:
        return {}
    return table if isinstance(table, dict) else {}


def keep_table(table: dict[str, Any], name: str) -> None:
    """Write a JSON object for `load_table`."""
    keep(json.dumps(table, indent=1).encode(), name)


def thin(limit: int, *place: str) -> None:
    """Remove the oldest files of a folder of the cache folder until `limit` are left."""
    with contextlib.suppress(OSError):
        files = [entry for entry in os.scandir(cache_folder().joinpath(*place)) if entry.is_file()]
        if len(files) > limit:
            for entry in sorted(files, key=lambda file: file.stat().st_mtime)[: len(files) - limit]:
                os.unlink(entry.path)
