"""A training on a CUDA device, in the types and modes that a recipe can ask for, against the same on the CPU."""

import dataclasses
from pathlib import Path

import pytest
import torch

from pasticcio.training.config import read_recipe
from pasticcio.training.train import Run

pytestmark = pytest.mark.gpu
ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(pictures, tmp_path):
    settings = [f"data.{kind}={pictures / kind}" for kind in ("photos", "styles")]
    settings += [f"out={tmp_path / 'run'}", "data.workers=0", "reuse=1", "accumulate=2", "steps=3", "sample_steps=0"]
    (config,) = read_recipe(ROOT / "recipes" / "smoke.toml", settings)
    return config


@pytest.mark.parametrize("compiled", [False, True])
@pytest.mark.parametrize("precision", ["float32", "bf16"])
def test_a_step_has_the_losses_of_the_cpu(config, precision, compiled, monkeypatch):
    fast = Run(dataclasses.replace(config, precision=precision, compile=compiled))
    assert fast.device.type == "cuda"
    parts = next(fast.parts())
    found, _ = fast.advance(parts)
    fast.sample(parts[0][0])
    with monkeypatch.context() as patch:
        from accelerate.state import AcceleratorState

        AcceleratorState._reset_state(reset_partial_state=True)
        patch.setattr(torch.cuda, "is_available", lambda: False)
        plain = Run(config)
    assert plain.device.type == "cpu"
    wanted, _ = plain.advance(parts)
    AcceleratorState._reset_state(reset_partial_state=True)
    assert found["total"] == pytest.approx(wanted["total"], rel=0.1 if precision == "bf16" else 1e-2)


def test_a_run_ends_and_goes_on(config):
    Run(config).go()
    run = Run(dataclasses.replace(config, steps=5))
    run.resume()
    assert run.step == 3
    run.go()


@pytest.mark.parametrize("where", ["resident", "cache"])
def test_pictures_and_targets_that_are_kept(config, tmp_path, where):
    kept = {"resident": True} if where == "resident" else {"augment": False, "fixed_photos": True}
    data = dataclasses.replace(config.data, **kept)
    cache = str(tmp_path / "cache") if where == "cache" else ""
    run = Run(dataclasses.replace(config, data=data, cache=cache, identity=0.0))
    assert all(torch.isfinite(torch.tensor(list(run.advance(parts)[0].values()))).all() for parts in run.parts())
