import json
from dataclasses import replace

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import nn

from pasticcio.errors import OutputError, TrainingError
from pasticcio.training.average import Average
from pasticcio.training.checkpoint import KEPT, check_new, check_same, load_checkpoint, save_checkpoint
from pasticcio.training.config import TrainConfig
from pasticcio.training.order import Place


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
    place = Place(4, own=1, reuse=2, processes=3, batch=5, turn=1, photos=60, styles=45)
    save_checkpoint(path, **first, step=7, place=place, config=TrainConfig(name="some"))
    with safe_open(path, "pt") as file:
        assert set(file.keys()) == {
            *(f"{kind}.{part}" for kind in ("network", "average") for part in ("weight", "bias")),
            *(f"optimizer.{number}.{name}" for number in (0, 1) for name in ("step", "exp_avg", "exp_avg_sq")),
        }
        assert file.metadata()["step"] == "7"
        assert json.loads(file.metadata()["config"])["name"] == "some"
    assert load_checkpoint(path, **second) == (7, place)
    torch.testing.assert_close(second["network"].state_dict(), first["network"].state_dict())
    torch.testing.assert_close(second["average"].values, first["average"].values)
    for number, state in first["optimizer"].state_dict()["state"].items():
        torch.testing.assert_close(second["optimizer"].state_dict()["state"][number], state)


def test_what_is_no_checkpoint_of_this_network_is_named(tmp_path):
    path = tmp_path / "checkpoint.safetensors"

    def refused():
        with pytest.raises(TrainingError, match=f"cannot resume from {path}"):
            load_checkpoint(path, **run())

    save_checkpoint(path, **run(outputs=5), step=1, place=Place(1), config=TrainConfig())
    refused()
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])
    refused()
    save_file({"network.weight": torch.ones(2, 3)}, path)  # no metadata
    refused()
    save_file({"weight": torch.ones(2, 3)}, path, metadata={"step": "1"})
    refused()


def test_another_network_and_other_frozen_parts_are_named(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    config = TrainConfig(frozen=("predictor",))
    save_checkpoint(path, **run(), step=1, place=Place(1), config=config)
    check_same(path, config)
    check_same(path, replace(config, steps=config.steps + 1, name="other"))  # a run may go on for longer
    for other, key in (
        (replace(config, frozen=()), "frozen"),
        (replace(config, rates={"heads": 0.1}), "rates"),
        (replace(config, network=replace(config.network, half=24)), "network.half"),
    ):
        with pytest.raises(TrainingError, match=rf"its run has {key} = .* is asked for; give the same, or begin a run"):
            check_same(path, other)


def test_moments_of_other_weights_are_refused_when_they_are_read(tmp_path):
    path, first, second = tmp_path / "checkpoint.safetensors", run(), run()
    save_checkpoint(path, **first, step=1, place=Place(1), config=TrainConfig())
    second["optimizer"] = torch.optim.Adam([second["network"].bias, second["network"].weight])
    with pytest.raises(TrainingError, match=r"its optimizer has other weights, number 0 being \(2, 3\); delete it"):
        load_checkpoint(path, **second)


def test_a_folder_that_holds_a_run_is_not_begun_anew(tmp_path, monkeypatch):
    config = TrainConfig(out=str(tmp_path / "run"))
    check_new(config)
    for name in KEPT:
        (tmp_path / "run" / name).mkdir(parents=True)
        with pytest.raises(OutputError, match=r"holds a run; go on with --resume .* or remove it"):
            check_new(config)
        (tmp_path / "run" / name).rmdir()
    check_new(config)
    (tmp_path / "run" / "model").mkdir()
    monkeypatch.setenv("RANK", "1")  # the first process has begun to write already
    check_new(config)
