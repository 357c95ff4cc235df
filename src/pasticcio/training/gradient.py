"""The gradient of a step: the mean over its parts and over all processes."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import torch
from accelerate import Accelerator
from torch import Tensor, nn

from pasticcio.training.batches import Batch

Part = tuple[Batch, int]
"""A part of a step: a batch, and how often it has been used before."""


def mean_gradient(
    accelerator: Accelerator,
    network: nn.Module,
    losses: Callable[[Batch, int], dict[str, Tensor]],
    parts: Sequence[Part],
) -> dict[str, float]:
    """Add the mean gradient of "total" to the weights' gradients; processes exchange theirs with the last part.

    Args:
        accelerator, network: as prepared by it.
        losses: of a part, each a mean over its batch.
        parts: of this process, as many as in every other one.

    Returns:
        The losses, means over all parts of all processes.
    """
    sums: dict[str, Tensor] = {}
    for number, part in enumerate(parts, start=1):
        with accelerator.no_sync(network) if number < len(parts) else contextlib.nullcontext():
            found = losses(*part)
            accelerator.backward(found["total"] / len(parts))
        for name, value in found.items():
            sums[name] = sums.get(name, 0.0) + value.detach().float() / len(parts)
    means: Tensor = accelerator.reduce(torch.stack(list(sums.values())), "mean")
    return dict(zip(sums, means.tolist(), strict=True))


def clip_gradient(accelerator: Accelerator, groups: Iterable[dict[str, Any]], limit: float) -> float:
    """Clip the gradients of an optimizer's groups to a norm; returns the norm of all of them before.

    Groups that are `apart` are clipped each by its own norm, the others by the norm that they have together.
    """
    together: list[nn.Parameter] = []
    clipped = [together]
    for group in groups:
        if group["apart"]:
            clipped.append(group["params"])
        else:
            together += group["params"]
    return math.hypot(*(float(accelerator.clip_grad_norm_(some, limit)) for some in clipped if some))
