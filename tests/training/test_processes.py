"""Steps of several parts and of several processes, and runs that go on with another number of them."""

import dataclasses
import itertools
import json
import os
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from together import together

from pasticcio.errors import TrainingError
from pasticcio.training.checkpoint import CHECKPOINT
from pasticcio.training.config import read_recipe
from pasticcio.training.train import Run, train

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs forks")


@pytest.fixture
def config(pictures, tmp_path):
    settings = ["network.quarter=8", "network.eighth=8", "network.predictor_widths=[4, 4, 8]", "data.workers=0"]
    settings += ["data.crop=32", "data.photo_short=[32, 48]", "data.style_crop=32", "data.style_short=[32, 48]"]
    settings += ["data.style_size=[32, 32]", "data.epochs=true", "loss_network.name='vgg19-small'", "log_steps=1"]
    settings += [f"data.{kind}={pictures / kind}" for kind in ("photos", "styles")]
    (config,) = read_recipe(ROOT / "recipes" / "smoke.toml", [*settings, f"out={tmp_path / 'run'}"])
    return dataclasses.replace(config, steps=6, batch=2, identity=0.5, reuse=1, sample_steps=0)


def logged(config):
    return [json.loads(line) for line in (Path(config.out) / "log.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("first", "balance"), [(1, 0), (2, 0), (2, 16)])
def test_a_run_goes_on_in_another_number_of_processes(config, tmp_path, first, balance):
    """With twice the parts in one process as in two, all steps are those of an unbroken run in one."""
    if balance:  # fewer numbers than gradients
        config = dataclasses.replace(config, network=dataclasses.replace(config.network, embedding=4))

    def part(processes, steps, out):
        own = dataclasses.replace(config, steps=steps, accumulate=2 // processes, balance=balance, out=str(out))
        own = dataclasses.replace(own, final_rate=1.0)
        if processes == 1:
            train(own, resume=True)
        else:
            together(processes, lambda _: train(own, resume=True), tmp_path)
        return own

    unbroken = part(1, 6, tmp_path / "unbroken")
    part(first, 3, tmp_path / "changed")
    changed = part(3 - first, 6, tmp_path / "changed")
    assert [row["step"] for row in logged(changed)] == [1, 2, 3, 4, 5, 6]
    for one, other in zip(logged(unbroken), logged(changed), strict=True):
        assert one["total"] == pytest.approx(other["total"], rel=1e-4)
    weights = [load_file(Path(run.out) / CHECKPOINT) for run in (unbroken, changed)]
    for name in weights[0]:
        if name.startswith("network."):
            torch.testing.assert_close(weights[0][name], weights[1][name], atol=1e-4, rtol=1e-3)


def test_processes_that_would_go_on_from_other_steps_are_refused(config, tmp_path):
    """Of two machines without a disk in common, the second one finds no checkpoint."""
    train(dataclasses.replace(config, steps=1))

    def work(process):
        out = config.out if process == 0 else str(tmp_path / "elsewhere")
        with pytest.raises(TrainingError, match=r"would go on from steps \[1, 0\]; .* must be one folder"):
            Run(dataclasses.replace(config, out=out)).resume()

    together(2, work, tmp_path)


def test_processes_exchange_gradients_once_a_step(config, tmp_path, monkeypatch):
    """With parts, the first ones stay in their process: after them gradients differ, after the last one they agree."""

    def work(process):
        run = Run(dataclasses.replace(config, accumulate=3))
        seen, backward = [], run.accelerator.backward

        def watched(loss):
            backward(loss)
            seen.append(run.accelerator.gather(run.bare.heads.weight.grad.flatten()[None]))

        run.accelerator.backward = watched
        run.advance(next(run.parts()))
        assert [torch.equal(*gradients) for gradients in seen] == [False, False, True]

    together(2, work, tmp_path)


def test_a_run_with_parts_goes_on_where_it_stopped(config, tmp_path):
    """Two parts a step and three turns a batch: the run stops within a batch."""
    config = dataclasses.replace(config, accumulate=2, reuse=3, steps=5)
    train(config)
    broken = dataclasses.replace(config, out=str(tmp_path / "broken"))
    run, seen = Run(broken), []
    Path(broken.out).mkdir()
    for parts in itertools.islice(run.parts(), 2):
        seen += [(batch.photo_index.tolist(), turn) for batch, turn in parts]
        run.advance(parts)
    run.save()
    resumed = Run(broken)
    resumed.resume()
    assert (resumed.step, resumed.place) == (2, run.place)
    assert (run.place.batch, run.place.turn) == (1, 1)
    seen += [(batch.photo_index.tolist(), turn) for parts in resumed.parts() for batch, turn in parts]
    assert [turn for _, turn in seen] == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    whole = [(batch.photo_index.tolist(), turn) for parts in Run(config).parts() for batch, turn in parts]
    assert seen == whole
    resumed.go()
    for one, other in zip(logged(config)[2:], logged(broken), strict=True):
        assert one["total"] == pytest.approx(other["total"], rel=1e-6)


def test_parts_of_a_step_make_the_step_of_a_batch_as_large_as_all(config):
    config = dataclasses.replace(config, batch=2, accumulate=3, reuse=1, identity=0.0, steps=1)
    several, large = Run(config), Run(dataclasses.replace(config, batch=6, accumulate=1))
    (parts,) = several.parts()
    assert [turn for _, turn in parts] == [0, 0, 0]
    batches = [batch for batch, _ in parts]
    fields = {
        name: torch.cat([getattr(batch, name) for batch in batches])
        for name in ("photos", "shown", "styles", "photo_index", "style_index")
    }
    losses, gradient = several.advance(parts)
    others, norm = large.advance([(dataclasses.replace(batches[0], **fields), 0)])
    assert losses == pytest.approx(others, rel=1e-4)
    assert gradient == pytest.approx(norm, rel=1e-4)
    assert several.place.batch == 3
    for (name, weight), other in zip(several.bare.named_parameters(), large.bare.parameters(), strict=True):
        near = 0.02 * config.rate(0)  # a step of Adam is as long as the rate
        torch.testing.assert_close(weight, other, rtol=0, atol=near, msg=lambda text, name=name: f"{name}: {text}")


def test_a_checkpoint_of_an_earlier_version_says_its_place_by_its_step(config):
    config = dataclasses.replace(config, steps=3, sample_steps=0, reuse=2)
    train(config)
    path = Path(config.out) / CHECKPOINT
    with safe_open(path, "pt") as file:
        metadata = {name: value for name, value in file.metadata().items() if name != "place"}
    save_file(load_file(path), path, metadata=metadata)
    run = Run(dataclasses.replace(config, steps=4))
    run.resume()
    assert (run.step, run.place.batch, run.place.turn) == (3, 1, 1)
