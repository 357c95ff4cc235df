"""A renderer that kills its process where its tasks say so; new processes import this module by its name."""

import os
import signal
import time

from pasticcio.dataset import local
from pasticcio.dataset.work import Result
from pasticcio.errors import ModelError


class Double:
    """In the place of a `Renderer`: it says which process it is, and does what its tasks' names say."""

    def __init__(self, model, look):
        if model == "never":
            os._exit(3)
        if model == "none":
            raise ModelError("there is no such model")

    def __call__(self, task):
        if task.name == "deadly" or (task.name == "once" and not _there(task)):
            os.kill(os.getpid(), signal.SIGKILL)
        if task.name == "slow":
            time.sleep(0.2)
        return Result(task, str(os.getpid()).encode())


def _there(task):
    """Whether a file was there; it is now."""
    path = task.item.picture.path
    there = path.exists()
    path.touch()
    return there


REAL_WORK = local._work


def double_work(pipe, model, look):
    """`_work` in a new process, with the double."""
    local.Renderer = Double
    REAL_WORK(pipe, model, look)
