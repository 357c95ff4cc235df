"""Compilation of the networks by torch.compile, and what is said where this machine cannot do it."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from torch._dynamo.exc import BackendCompilerFailed

from pasticcio.errors import TrainingError


@contextlib.contextmanager
def compiling() -> Iterator[None]:
    """Around a step: torch compiles when a network is first called, and when its first gradient is computed.

    Raises:
        TrainingError: it cannot be compiled here, where a compiler of C++ is missing for example.
    """
    try:
        yield
    except BackendCompilerFailed as error:
        reason = str(error).strip().splitlines()[0]
        raise TrainingError(
            f"torch.compile fails on this machine: {reason}; install the compiler that it names, or set compile = false"
        ) from error
