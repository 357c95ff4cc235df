"""Memory for large tensors that stays with the process: without page faults at every step of a training."""

from __future__ import annotations

import ctypes
import platform

# Parameters of mallopt(3) and their numbers in malloc.h.
TRIM_THRESHOLD, TOP_PAD, MMAP_THRESHOLD = -1, -2, -3
NEVER = -1  # as a trim threshold
LARGEST = 1 << 30  # bytes; larger blocks are mapped on their own
LARGEST_BEFORE = 1 << 25  # bytes; the limit of versions of glibc that accept no more
PAD = 1 << 26  # bytes requested beyond what is needed when the heap grows


def keep_memory() -> bool:
    """Let glibc keep freed memory for later requests, for the rest of the process; elsewhere this does nothing.

    By default glibc maps every large block on its own and unmaps it when it is freed, so that every tensor of every
    step is made of new pages, each with a page fault. The price is that the process holds on to its peak of memory.

    Returns:
        Whether the settings were accepted.
    """
    if platform.libc_ver()[0] != "glibc":
        return False
    mallopt = ctypes.CDLL(None).mallopt
    mapped = mallopt(MMAP_THRESHOLD, LARGEST) or mallopt(MMAP_THRESHOLD, LARGEST_BEFORE)
    return bool(mapped and mallopt(TRIM_THRESHOLD, NEVER) and mallopt(TOP_PAD, PAD))
