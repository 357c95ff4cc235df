"""Checkpoints: what a broken run needs to go on.

One safetensors file. Tensors are named `network.*`, `average.*` and `optimizer.N.*`, where N counts the weights that
learn in the order of the optimizer's groups; the metadata hold `step`, and as JSON the recipe, `config`, and the place
among the pictures, `place`, which older checkpoints lack.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pasticcio.errors import OutputError, TrainingError
from pasticcio.files import writing
from pasticcio.training.average import Average
from pasticcio.training.config import TrainConfig, to_json
from pasticcio.training.log import LOG
from pasticcio.training.order import Place

CHECKPOINT = "checkpoint.safetensors"
KEPT = (CHECKPOINT, LOG, "model")  # what a run leaves in its folder
SAME = ("frozen", "rates", "learn_rows")  # keys of a recipe on which the order of the optimizer's weights depends


def save_checkpoint(
    path: Path,
    *,
    network: nn.Module,
    average: Average,
    optimizer: torch.optim.Optimizer,
    step: int,
    place: Place,
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
            metadata={"step": str(step), "place": to_json(place), "config": to_json(config)},
        )


def load_checkpoint(
    path: Path, *, network: nn.Module, average: Average, optimizer: torch.optim.Optimizer
) -> tuple[int, Place | None]:
    """Fill network, average and optimizer from a checkpoint; returns its step, and its place if it knows it.

    Raises:
        TrainingError: the checkpoint is damaged or of another network.
    """
    groups: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimizer": {}}
    state: dict[int, dict[str, Any]] = {}
    try:
        with safe_open(path, "pt") as file:
            step = int(file.metadata()["step"])
            place = Place(**json.loads(file.metadata()["place"])) if "place" in file.metadata() else None
            for name in file.keys():  # noqa: SIM118 (safe_open is no mapping)
                group, rest = name.split(".", 1)
                groups[group][rest] = file.get_tensor(name)
        for name, value in groups["optimizer"].items():
            number, field = name.split(".", 1)
            state.setdefault(int(number), {})[field] = value
        network.load_state_dict(groups["network"])
        average.load(groups["average"])
        _check_shapes(state, optimizer)
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
    # A file that is cut off, one without our metadata or with other names, weights of other shapes.
    except (OSError, SafetensorError, TypeError, KeyError, ValueError, RuntimeError) as error:
        raise TrainingError(f"cannot resume from {path}: {error}; delete it to begin anew") from error
    return step, place


def check_new(config: TrainConfig) -> None:
    """Refuse to begin a run where there is one: it would replace its checkpoint, model and log.

    Of several processes only the first looks, before it writes anything itself.

    Raises:
        OutputError: the folder holds a run.
    """
    folder = Path(config.out)
    if os.environ.get("RANK", "0") == "0" and any(os.path.exists(folder / name) for name in KEPT):
        raise OutputError(
            f"{folder} holds a run; go on with --resume (in Python: resume=True), name another folder with "
            "--set out=FOLDER, or remove it"
        )


def check_same(path: Path, config: TrainConfig) -> None:
    """Refuse a checkpoint of a run that has another network, or in which other parts learn.

    Raises:
        TrainingError: names what differs.
    """
    try:
        with safe_open(path, "pt") as file:
            saved = json.loads(file.metadata()["config"])
    except (OSError, SafetensorError, TypeError, KeyError, ValueError):
        return  # `load_checkpoint` says what is wrong with it
    given = json.loads(to_json(config))
    before, now = (
        {**table, **{f"network.{key}": one for key, one in table["network"].items()}} for table in (saved, given)
    )
    # What an earlier version did not know has its default.
    for key in (*(key for key in before if key.startswith("network.")), *SAME):
        if key in before and before[key] != now.get(key):
            raise TrainingError(
                f"cannot resume from {path}: its run has {key} = {before[key]!r}, and {now.get(key)!r} is asked for; "
                "give the same, or begin a run in another folder with --set out=FOLDER"
            )


def _check_shapes(state: dict[int, dict[str, Any]], optimizer: torch.optim.Optimizer) -> None:
    """Make sure that the moments are those of the weights that learn, which torch does not compare."""
    weights = [weight for group in optimizer.param_groups for weight in group["params"]]
    for number, fields in state.items():
        shape = fields["exp_avg"].shape
        if number >= len(weights) or shape != weights[number].shape:
            raise ValueError(f"its optimizer has other weights, number {number} being {tuple(shape)}")
