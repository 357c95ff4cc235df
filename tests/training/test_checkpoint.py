import json

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from pasticcio.errors import TrainingError
from pasticcio.training.average import Average
from pasticcio.training.checkpoint import load_checkpoint, save_checkpoint
from pasticcio.training.config import TrainConfig


def run(outputs=2):
    """A network that took one step, its average and its optimizer."""
    network = nn.Linear(3, outputs)
    average, optimizer = Average(network, 0.5), torch.optim.Adam(network.parameters())
    network(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    average.follow(1)
    return {"network": network, "average": average, "optimizer": optimizer}


def test_what_is_saved_is_loaded_and_its_names_are_a_file_format(tmp_path):
    path, first, second = tmp_path / "checkpoint.safetensors", run(), run()
    save_checkpoint(path, **first, step=7, config=TrainConfig(name="some"))
    with safe_open(path, "pt") as file:
        assert set(file.keys()) == {
            *(f"{kind}.{part}" for kind in ("network", "average") for part in ("weight", "bias")),
            *(f"optimizer.{number}.{name}" for number in (0, 1) for name in ("step", "exp_avg", "exp_avg_sq")),
        }
        assert file.metadata()["step"] == "7"
        assert json.loads(file.metadata()["config"])["name"] == "some"
    assert load_checkpoint(path, **second) == 7
    torch.testing.assert_close(second["network"].state_dict(), first["network"].state_dict())
    torch.testing.assert_close(second["average"].values, first["average"].values)
    for number, state in first["optimizer"].state_dict()["state"].items():
        torch.testing.assert_close(second["optimizer"].state_dict()["state"][number], state)


def test_what_is_no_checkpoint_of_this_network_is_named(tmp_path):
    path = tmp_path / "checkpoint.safetensors"

    def refused():
        with pytest.raises(TrainingError, match=f"cannot resume from {path}"):
            load_checkpoint(path, **run())

    save_checkpoint(path, **run(outputs=5), step=1, config=TrainConfig())
    refused()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refused()
    save_file({"network.weight": torch.ones(2, 3)}, path)  # no metadata
    refused()
    save_file({"weight": torch.ones(2, 3)}, path, metadata={"step": "1"})
    refused()
