"""Parts of a network that learn at a rate of their own, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import nn

from pasticcio.errors import ConfigError
from pasticcio.nn.network import StyleNetwork
from pasticcio.training.config import PARTS


def learning_groups(network: StyleNetwork, rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """The optimizer's groups of the weights that learn, each with the factor on its learning rate ("factor").

    A part of a part that `rates` names is a group of its own, and its gradient is clipped on its own ("apart").

    Raises:
        ConfigError: no such part.
    """
    parts = dict(network.named_modules())
    for part in rates:
        if part not in parts:
            raise ConfigError(f"rates names {part!r}, which the network does not have")
    groups: dict[str, list[nn.Parameter]] = {part: [] for part in (*PARTS, *rates)}
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            groups[max((part for part in groups if name.startswith(f"{part}.")), key=len)].append(weight)
    return [
        {"params": learned, "factor": rates.get(part, 1.0), "apart": part not in PARTS}
        for part, learned in groups.items()
        if learned
    ]


def freeze(network: StyleNetwork, parts: Sequence[str]) -> None:
    """Keep some parts from learning.

    Raises:
        ConfigError: no such part.
    """
    known = dict(network.named_modules())
    for part in parts:
        if part not in known or not part:
            raise ConfigError(f"frozen names {part!r}, which the network does not have")
        known[part].requires_grad_(False)


def freeze_norms(network: StyleNetwork, parts: Sequence[str]) -> None:
    """Keep frozen parts in evaluation mode, so that their running statistics stand still."""
    for part in parts:
        network.get_submodule(part).eval()
