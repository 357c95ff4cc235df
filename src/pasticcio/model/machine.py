"""How much memory there is."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

UNKNOWN = 4 << 30  # what is assumed where it cannot be asked
CONTROL_GROUPS = (  # folder, and files of limit, use and its kinds, of the second and the first version
    ("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available() -> int:
    """Bytes that can be taken now without others having to give any back; what a container allows, in one."""
    found = [_linux()] if sys.platform == "linux" else [_windows()] if sys.platform == "win32" else [_unix()]
    for folder, limit, use, files in CONTROL_GROUPS:
        with contextlib.suppress(OSError, ValueError, KeyError):  # "max" is no number: there is no limit
            kinds = dict(line.split() for line in Path(folder, "memory.stat").read_text().splitlines())
            used = int(Path(folder, use).read_text()) - int(kinds[files])  # copies of files give way
            found.append(int(Path(folder, limit).read_text()) - used)
    return max(0, min(found))


def _linux() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return UNKNOWN


def _unix() -> int:
    """Half of all: macOS does not say in a simple way what is free."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
    except (OSError, ValueError):
        return UNKNOWN


def _windows() -> int:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = (
            ("length", ctypes.c_ulong),
            ("load", ctypes.c_ulong),
            *((name, ctypes.c_ulonglong) for name in ("total", "free", "page", "page_free", "virtual", "virtual_free")),
            ("extended", ctypes.c_ulonglong),
        )

    status = Status(length=ctypes.sizeof(Status))
    if not ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)):  # type: ignore[attr-defined,unused-ignore]
        return UNKNOWN
    return int(status.free)
