"""Checkpoints: what a broken run needs to go on.

One safetensors file. Tensors are named `network.*`, `average.*` and `optimizer.N.*`, where N counts the weights that
learn in the order of the optimizer's groups; the metadata hold `step` and `config`, a recipe as JSON.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pasticcio.errors import TrainingError
from pasticcio.files import writing
from pasticcio.training.average import Average
from pasticcio.training.config import TrainConfig, to_json

CHECKPOINT = "checkpoint.safetensors"


def save_checkpoint(
    path: Path,
    *,
    network: nn.Module,
    average: Average,
    optimizer: torch.optim.Optimizer,
    step: int,
    config: TrainConfig,
) -> None:
    """Write a checkpoint, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    tensors |= {f"average.{name}": value for name, value in average.values.items()}
    for number, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
    with writing(path) as partial:
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
            partial,
            metadata={"step": str(step), "config": to_json(config)},
        )


def load_checkpoint(path: Path, *, network: nn.Module, average: Average, optimizer: torch.optim.Optimizer) -> int:
    """Fill network, average and optimizer from a checkpoint; returns its step.

    Raises:
        TrainingError: the checkpoint is damaged or of another network.
    """
    groups: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimizer": {}}
    state: dict[int, dict[str, Any]] = {}
    try:
        with safe_open(path, "pt") as file:
            step = int(file.metadata()["step"])
            for name in file.keys():  # noqa: SIM118 (safe_open is no mapping)
                group, rest = name.split(".", 1)
                groups[group][rest] = file.get_tensor(name)
        for name, value in groups["optimizer"].items():
            number, field = name.split(".", 1)
            state.setdefault(int(number), {})[field] = value
        network.load_state_dict(groups["network"])
        average.load(groups["average"])
    # A file that is cut off, one without our metadata or with other names, weights of other shapes.
    except (OSError, SafetensorError, TypeError, KeyError, ValueError, RuntimeError) as error:
        raise TrainingError(f"cannot resume from {path}: {error}; delete it to begin anew") from error
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    return step
