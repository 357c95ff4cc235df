"""What the machine has: memory, cores, the CPU and the number formats it computes in."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pasticcio.model.package import OPENVINO_PACKAGE, import_package, is_installed

UNKNOWN = 4 << 30  # bytes of free memory that are assumed where the system does not say


class ControlGroup(NamedTuple):
    """Where Linux says how much memory a container may use.

    Attributes:
        folder: of the files.
        limit, use: files with the number of bytes that the container may use, and uses.
        cached: key, in the file memory.stat, of the bytes that hold copies of files, which the system can drop.
    """

    folder: str
    limit: str
    use: str
    cached: str


CONTROL_GROUPS = (
    ControlGroup("/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file"),
    ControlGroup("/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
)


def available(groups: Sequence[ControlGroup] = CONTROL_GROUPS, own: str = "/proc/self") -> int:
    """Bytes of memory that this process can take now without swapping, nor exceeding a limit on it.

    Limits are those of its control group, of the groups that hold it, and of the process (`ulimit -v`, `ulimit -d`).

    Args:
        groups: where the limits of a container may be found.
        own: folder in which Linux describes this process.
    """
    found = [_linux()] if sys.platform == "linux" else [_windows()] if sys.platform == "win32" else [_unix()]
    for group in groups:
        for folder in _within(group.folder, own):
            with contextlib.suppress(OSError, ValueError, KeyError):  # a limit of "max" is a ValueError: no limit
                statistics = (folder / "memory.stat").read_text()
                cached = int(dict(line.split() for line in statistics.splitlines())[group.cached])
                used = int((folder / group.use).read_text()) - cached
                found.append(int((folder / group.limit).read_text()) - used)
    return max(0, min([*found, *_limits(own)]))


def _within(mounted: str, own: str) -> list[Path]:
    """The folders of the control group of this process and of those that hold it, below the one that is mounted."""
    root, found = Path(mounted), [Path(mounted)]
    with contextlib.suppress(OSError):
        for line in Path(own, "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "" or "memory" in controllers.split(","):
                inner = root / path.strip("/")
                found += [folder for folder in (inner, *inner.parents) if root in folder.parents]
    return found


def _limits(own: str) -> list[int]:
    """What the limits on this process leave of its address space and of its data."""
    if sys.platform == "win32":
        return []
    import resource

    found = []
    with contextlib.suppress(OSError, ValueError, KeyError):
        lines = Path(own, "status").read_text().splitlines()
        used = {
            name: int(value.split()[0]) * 1024
            for name, _, value in (line.partition(":") for line in lines)
            if " kB" in value
        }
        for limit, key in ((resource.RLIMIT_AS, "VmSize"), (resource.RLIMIT_DATA, "VmData")):
            most = resource.getrlimit(limit)[0]
            if most != resource.RLIM_INFINITY:
                found.append(most - used[key])
    return found


def _linux() -> int:
    with contextlib.suppress(OSError, ValueError, IndexError):
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return UNKNOWN


def _unix() -> int:
    """Half of all memory: macOS has no simple way to ask how much is free."""
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


def cores() -> int:
    """The number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def cpu_name() -> str:
    """The name of the CPU."""
    try:
        for line in Path("/proc/cpuinfo").read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    import platform

    return platform.processor() or platform.machine()


def precisions() -> tuple[str, ...]:
    """The number formats in which OpenVINO can compute on this CPU, "FP32", "BF16" and others; empty without it."""
    if not is_installed(OPENVINO_PACKAGE):
        return ()
    return tuple(import_package(OPENVINO_PACKAGE).Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))
