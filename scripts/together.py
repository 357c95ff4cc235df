"""Several processes of one training as forks of this one.

They start in a moment, and meet in a file instead of at a port.
"""

from __future__ import annotations

import multiprocessing
import os
import socket
import traceback
from collections.abc import Callable
from multiprocessing.process import BaseProcess
from pathlib import Path

import torch
from accelerate.state import AcceleratorState

SECONDS = 120


def begin(processes: int, work: Callable[[int], object], folder: Path) -> list[BaseProcess]:
    """Start forks that do `work(process)`, each as one process of so many.

    Args:
        folder: where they meet; what a fork that fails has to say is written there, to `failed-*`.
    """
    for path in (folder / "meeting", *folder.glob("failed-*")):
        path.unlink(missing_ok=True)
    context = multiprocessing.get_context("fork")
    forks = [context.Process(target=_one, args=(number, processes, work, folder)) for number in range(processes)]
    for fork in forks:
        fork.start()
    return list(forks)


def together(processes: int, work: Callable[[int], object], folder: Path) -> None:
    """Do `work(process)` in so many forks, to the end; raises where one fails."""
    forks = begin(processes, work, folder)
    for fork in forks:
        fork.join(SECONDS)
        fork.kill()
    errors = [path.read_text() for path in sorted(folder.glob("failed-*"))]
    if errors or any(fork.exitcode for fork in forks):
        raise AssertionError("\n".join(errors) or [fork.exitcode for fork in forks])


def _one(number: int, processes: int, work: Callable[[int], object], folder: Path) -> None:
    try:
        torch.set_num_threads(1)
        AcceleratorState._reset_state(reset_partial_state=True)  # of the process that was forked
        # Without the name of an interface, gloo waits forever on a host without a network.
        loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
        os.environ |= {"GLOO_SOCKET_IFNAME": loopback, "RANK": str(number), "LOCAL_RANK": str(number)}
        os.environ |= {"WORLD_SIZE": str(processes), "LOCAL_WORLD_SIZE": str(processes)}
        os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "0"}  # accelerate asks for them, in vain
        torch.distributed.init_process_group(
            "gloo", init_method=f"file://{folder / 'meeting'}", rank=number, world_size=processes
        )
        work(number)
        torch.distributed.destroy_process_group()
    except BaseException:
        (folder / f"failed-{number}").write_text(traceback.format_exc())
        os._exit(1)
    os._exit(0)
