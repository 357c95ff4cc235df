"""What is kept between runs: downloads, measured runtimes, embeddings, compiled graphs.

All of it can be made anew, so nothing here fails: what cannot be read is not there, and what cannot be
written is not kept. It lies in `$XDG_CACHE_HOME/pasticcio`, by default `~/.cache/pasticcio`; the environment
variable `PASTICCIO_CACHE=0` keeps nothing but downloads.
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
    """Where it is kept; it may not exist."""
    try:
        base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    except RuntimeError:  # a user without a home
        base = tempfile.gettempdir()
    return Path(base) / "pasticcio"


def caching() -> bool:
    """Whether anything but downloads is kept."""
    return os.environ.get(SWITCH, "1").lower() not in ("", "0", "off", "no", "false")


def load(*place: str) -> bytes | None:
    """What `keep` wrote; None where nothing can be read."""
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
    """The JSON object in a file of the cache folder; empty where there is none."""
    try:
        table = json.loads(load(name) or b"{}")
    except ValueError:
        return {}
    return table if isinstance(table, dict) else {}


def keep_table(table: dict[str, Any], name: str) -> None:
    """Write what `load_table` reads."""
    keep(json.dumps(table, indent=1).encode(), name)


def thin(limit: int, *place: str) -> None:
    """Remove the oldest files of a folder of the cache folder until `limit` are left."""
    with contextlib.suppress(OSError):
        files = [entry for entry in os.scandir(cache_folder().joinpath(*place)) if entry.is_file()]
        if len(files) > limit:
            for entry in sorted(files, key=lambda file: file.stat().st_mtime)[: len(files) - limit]:
                os.unlink(entry.path)
