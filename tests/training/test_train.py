import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from pasticcio.errors import ConfigError, ModelError, OutputError, TrainingError
from pasticcio.model.folder import GRAPHS, Model
from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.training.checkpoint import CHECKPOINT
from pasticcio.training.config import read_recipe
from pasticcio.training.model_folder import load_network, save_model
from pasticcio.training.train import Run, train

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(pictures, tmp_path):
    (config,) = read_recipe(
        ROOT / "recipes" / "smoke.toml",
        [
            f"data.photos={pictures / 'photos'}",
            f"data.styles={pictures / 'styles'}",
            f"out={tmp_path / 'run'}",
            "data.workers=0",
        ],
    )
    return dataclasses.replace(config, steps=12, sample_steps=6, log_steps=1)


def logged(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


@pytest.mark.slow
def test_training_lowers_the_loss_and_leaves_what_it_promises(config):
    config = dataclasses.replace(config, steps=40, sample_steps=20)
    seen = []
    folder = train(config, report=seen.append)
    first, last = (sum(p.losses["style"] for p in part) for part in (seen[:10], seen[-10:]))
    assert last < 0.7 * first
    assert [p.step for p in seen] == list(range(1, 41))
    out = Path(config.out)
    assert (out / "sample-0000020.png").exists()
    assert (out / CHECKPOINT).exists()
    assert len(logged(out)) == 40
    network = load_network(folder)
    averages = {k: v for k, v in load_file(out / CHECKPOINT).items() if k.startswith("average.")}
    for name, value in network.state_dict().items():
        torch.testing.assert_close(value, averages[f"average.{name}"], atol=1e-3, rtol=1e-3)


@pytest.mark.slow
def test_killed_and_resumed_equals_unbroken(config, tmp_path):
    """A run is killed with SIGKILL; resumed, it logs the very losses of an unbroken run."""
    straight = dataclasses.replace(
        config, out=str(tmp_path / "straight"), steps=40, checkpoint_minutes=1e9, sample_steps=0
    )
    train(straight)
    broken = dataclasses.replace(straight, out=str(tmp_path / "broken"), checkpoint_minutes=0.01)
    script = (
        "import pickle, sys; from pasticcio.training.train import train;"
        "import torch; torch.set_num_threads(int(sys.argv[1]));"
        "train(pickle.load(sys.stdin.buffer))"
    )
    import pickle

    process = subprocess.Popen([sys.executable, "-c", script, str(torch.get_num_threads())], stdin=subprocess.PIPE)
    process.stdin.write(pickle.dumps(broken))
    process.stdin.close()
    checkpoint = tmp_path / "broken" / CHECKPOINT
    deadline = time.monotonic() + 120
    while not checkpoint.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert checkpoint.exists()
    run = Run(broken)
    run.resume()
    assert 0 < run.step < 40, "the run was to be killed on its way"
    run.go()
    a, b = (logged(tmp_path / name) for name in ("straight", "broken"))
    assert [row["step"] for row in b] == list(range(1, 41))
    for one, other in zip(a, b, strict=True):
        assert one["total"] == pytest.approx(other["total"], rel=1e-6)
    last = [load_file(tmp_path / name / CHECKPOINT) for name in ("straight", "broken")]
    for name in last[0]:
        torch.testing.assert_close(last[0][name], last[1][name], atol=1e-6, rtol=1e-5)


def test_loss_that_is_not_finite_stops_the_run(config, monkeypatch):
    run = Run(dataclasses.replace(config, checkpoint_minutes=60.0))
    good = run.losses
    run.save = lambda: (run.folder / CHECKPOINT).write_bytes(b"")

    def losses(batch, turn):
        values = good(batch, turn)
        return {"total": values["total"] * float("nan")} if run.step == 3 else values

    monkeypatch.setattr(run, "losses", losses)
    with pytest.raises(TrainingError, match=r"nan at step 3; there is no checkpoint"):
        run.go()


def test_a_gradient_that_is_not_finite_spoils_no_weight(config, monkeypatch):
    run = Run(config)
    good = run._clip
    monkeypatch.setattr(run, "_clip", lambda: good() if run.step != 2 else float("inf"))
    parts = [(run.batches[0], 0)]
    for step in range(4):
        before = run.bare.heads.weight.detach().clone()
        run.advance(parts)
        assert torch.equal(before, run.bare.heads.weight) == (step == 2)


def test_gradients_that_stay_infinite_stop_the_run(config, monkeypatch):
    run = Run(config)
    monkeypatch.setattr(run, "_clip", lambda: float("inf"))
    parts = [(run.batches[0], 0)]
    for _ in range(9):
        run.advance(parts)
    with pytest.raises(TrainingError, match="gradient is inf in 10 steps on end, the last being 9"):
        run.advance(parts)


def test_damaged_checkpoint_is_named(config):
    Path(config.out).mkdir(parents=True)
    (Path(config.out) / CHECKPOINT).write_bytes(b"not tensors")
    with pytest.raises(TrainingError, match="cannot resume"):
        train(config, resume=True)


def test_frozen_parts_stand_still(config):
    run = Run(dataclasses.replace(config, frozen=("predictor", "heads"), sample_steps=0, steps=3))
    before = {name: value.clone() for name, value in run.bare.state_dict().items()}
    run.go()
    for name, value in run.bare.state_dict().items():
        frozen = name.startswith(("predictor", "heads"))
        assert torch.equal(value, before[name]) == frozen, name
    with pytest.raises(ConfigError, match="tail"):
        Run(dataclasses.replace(config, frozen=("tail",)))


def test_a_run_can_start_from_a_model(config, tmp_path):
    first = train(dataclasses.replace(config, steps=2, sample_steps=0))
    run = Run(dataclasses.replace(config, out=str(tmp_path / "second"), start=str(first)))
    for name, value in load_network(first).state_dict().items():
        torch.testing.assert_close(run.bare.state_dict()[name], value)


def test_bent_heads_begin_as_the_flat_ones_of_a_model(config, tmp_path):
    first = train(dataclasses.replace(config, steps=2, sample_steps=0))
    bent = dataclasses.replace(
        config,
        out=str(tmp_path / "second"),
        start=str(first),
        network=dataclasses.replace(config.network, heads_hidden=4),
        steps=3,
        sample_steps=0,
    )
    run, flat = Run(bent), load_network(first)
    embedding = torch.randn(2, config.network.embedding)
    torch.testing.assert_close(run.bare.heads(embedding), flat.heads(embedding))
    second = run.go()
    assert load_network(second).heads.bend[2].weight.abs().max() > 0
    with pytest.raises(ModelError, match=r"bend"):  # nothing else may be missing, or left over
        Run(dataclasses.replace(bent, start=str(second), network=config.network))


@pytest.mark.slow
def test_a_branch_begins_beside_a_model_that_has_none(config, tmp_path):
    first = train(dataclasses.replace(config, steps=2, sample_steps=0))
    narrow, source = tmp_path / "narrow.safetensors", StyleNetwork(NetworkConfig(predictor_directions=8))
    vgg = source.predictor.branch.vgg
    vgg.randomize(0)
    state = {"conv0.weight": torch.eye(3)[:, :, None, None], "conv0.bias": torch.zeros(3)}
    for name, conv in vgg.convs.items():
        number = name[4:].replace("_", "")
        state |= {f"conv{number}.weight": conv.weight, f"conv{number}.bias": conv.bias}
        if name in vgg.maps:
            state |= {f"conv{number}_aux.weight": torch.randn(4 * conv.out_channels, conv.out_channels, 1, 1)}
            state |= {f"conv{number}_aux.bias": torch.randn(4 * conv.out_channels)}
    save_file({name: value.contiguous() for name, value in state.items()}, narrow)
    second = dataclasses.replace(
        config,
        out=str(tmp_path / "second"),
        start=str(first),
        branch=str(narrow),
        network=dataclasses.replace(config.network, predictor_directions=8),
        steps=3,
        sample_steps=0,
    )
    run = Run(second)
    for name, value in load_network(first).state_dict().items():
        torch.testing.assert_close(run.bare.state_dict()[name], value)
    branch = run.bare.predictor.branch
    assert torch.equal(branch.vgg.convs["relu3_2"].weight, vgg.convs["relu3_2"].weight)
    assert branch.centre.abs().max() > 0.01
    whitening = branch.whitening.clone()
    run.go()
    third = Run(dataclasses.replace(second, out=str(tmp_path / "third"), start=str(tmp_path / "second" / "model")))
    learned = third.bare.predictor.branch
    torch.testing.assert_close(learned.whitening, whitening, rtol=1e-3, atol=1e-3)
    assert learned.out.weight.abs().max() > 0
    with pytest.raises(ConfigError, match="predictor_directions"):
        dataclasses.replace(config, branch=str(narrow))


def test_a_part_of_a_part_has_its_own_rate_and_limit(config):
    rates = {"heads": 2.0, "predictor.hidden": 0.5}
    run = Run(dataclasses.replace(config, rates=rates, clip=0.25, learning_rate=1e-3, warmup=0, steps=1))
    before = {name: value.clone() for name, value in run.bare.named_parameters()}
    run.go()
    network = run.bare
    hidden = [p.grad for p in network.predictor.hidden.parameters()]
    others = [p.grad for name, p in network.named_parameters() if "predictor.hidden" not in name and p.grad is not None]
    for clipped in (hidden, others):
        assert torch.cat([g.flatten() for g in clipped]).norm().item() == pytest.approx(0.25, rel=1e-3)
    moved = {name: (value - before[name]).abs().max().item() for name, value in network.named_parameters()}
    rate = run.config.rate(0)
    assert moved["predictor.hidden.weight"] == pytest.approx(0.5 * rate, rel=0.02)
    assert moved["heads.weight"] == pytest.approx(2.0 * rate, rel=0.02)
    assert moved["predictor.bottleneck.weight"] == pytest.approx(rate, rel=0.02)
    for part in ("heds", "predictor.hiden"):
        with pytest.raises(ConfigError, match=part):
            Run(dataclasses.replace(config, rates={part: 2.0}))


def test_learning_rate(config):
    config = dataclasses.replace(config, steps=100, warmup=10, learning_rate=1.0, final_rate=0.1)
    rates = [config.rate(step) for step in range(101)]
    assert rates[0] == pytest.approx(0.1, rel=0.01)
    assert max(rates) == rates[9]
    assert rates[100] == pytest.approx(0.1)
    assert rates[50] == pytest.approx(0.55)


def test_a_batch_is_used_again_with_its_styles_handed_on(config):
    """Photo i has style i + turn, but for own styles; the loss network sees photos and styles once."""
    run = Run(dataclasses.replace(config, reuse=3, batch=4, identity=0.25, steps=7))
    turns = [(batch, turn) for batch, turn in _stepping(run)]
    assert [turn for _, turn in turns] == [0, 1, 2, 0, 1, 2, 0]
    assert turns[0][0] is turns[2][0]
    assert turns[2][0] is not turns[3][0]
    batch, seen = turns[0][0], []
    assert batch.own == 1
    looked, vgg = [], run.vgg
    run.vgg = lambda x: looked.append(len(x)) or vgg(x)
    run.forward = lambda photos, styles: seen.append(styles) or photos * 0.5 + styles * 0.5
    found = [run.losses(batch, turn)["style"].item() for turn in (0, 1)]
    assert len(looked) == 2 + 2  # targets once, outputs each time
    own, *others = seen[0]
    torch.testing.assert_close(seen[1], torch.stack([own, others[1], others[2], others[0]]))
    assert found[0] != found[1]


def test_restyled_features_of_own_styles_are_the_photos(config):
    """Where a photo is its own style, an output that is the photo has no restyled loss; elsewhere it has one."""
    loss = dataclasses.replace(config.loss, restyled={"relu1_1": 2.0, "relu2_1": 1.0})
    own = Run(dataclasses.replace(config, loss=loss, identity=1.0))
    own.forward = lambda photos, styles: photos
    found = own.losses(own.batches[0])
    assert found["restyled"].item() < 1e-6
    others = Run(dataclasses.replace(config, loss=loss, identity=0.0))
    others.forward = own.forward
    found = others.losses(others.batches[0])
    assert found["restyled"].item() > 1e-3
    assert found["total"].item() == pytest.approx(sum(found[name].item() for name in ("content", "style", "restyled")))


def test_pictures_that_shift_with_their_photos_have_no_shift_loss(config):
    loss = dataclasses.replace(config.loss, shift=3.0, pixel=0.0)
    run = Run(dataclasses.replace(config, loss=loss, identity=0.0))
    batch = run.batches[0]
    run.forward = lambda photos, styles: 1 - photos
    assert run.losses(batch)["shift"].item() == 0
    ramp = torch.linspace(0, 1, batch.photos.shape[3])
    run.forward = lambda photos, styles: photos * ramp
    found = run.losses(batch)
    assert found["shift"].item() > 1e-5
    parts = found["content"] + found["style"] + 3.0 * found["shift"]
    assert found["total"].item() == pytest.approx(parts.item())


def _stepping(run):
    for ((batch, turn),) in run.parts():
        yield batch, turn


def test_kept_targets_train_to_the_same_losses(config, tmp_path):
    data = dataclasses.replace(config.data, augment=False, fixed_photos=True)
    fresh = dataclasses.replace(config, data=data, steps=3, sample_steps=0, identity=0.0)
    kept = dataclasses.replace(fresh, cache=str(tmp_path / "cache"), out=str(tmp_path / "kept"))
    train(fresh)
    train(kept)
    for one, other in zip(logged(Path(fresh.out)), logged(Path(kept.out)), strict=True):
        assert one["total"] == pytest.approx(other["total"], rel=5e-3)


def test_training_from_resident_pictures(config):
    data = dataclasses.replace(config.data, resident=True)
    train(dataclasses.replace(config, data=data, steps=4, sample_steps=0))
    assert len(logged(Path(config.out))) == 4
    with pytest.raises(ConfigError, match=r"cache and data\.resident"):
        dataclasses.replace(config, data=data, cache="somewhere")


def test_bf16_stays_near_float32(config):
    a = dataclasses.replace(config, steps=3, sample_steps=0)
    b = dataclasses.replace(a, precision="bf16", out=a.out + "-bf16")
    train(a)
    train(b)
    for one, other in zip(logged(Path(a.out)), logged(Path(b.out)), strict=True):
        assert one["total"] == pytest.approx(other["total"], rel=0.1)


def test_a_run_is_neither_replaced_in_silence_nor_gone_on_with_as_another(config):
    config = dataclasses.replace(config, steps=2, sample_steps=0)
    train(config)
    before = {path: path.read_bytes() for path in Path(config.out).rglob("*") if path.is_file()}
    with pytest.raises(OutputError, match=r"run holds a run; go on with --resume"):
        train(config)
    other = dataclasses.replace(config, steps=4)
    for change in ({"frozen": ("predictor",)}, {"network": dataclasses.replace(config.network, half=24)}):
        with pytest.raises(TrainingError, match=r"cannot resume from .*: its run has (frozen|network\.half) = "):
            train(dataclasses.replace(other, **change), resume=True)
    assert {path: path.read_bytes() for path in before} == before
    train(other, resume=True)
    assert [entry["step"] for entry in logged(Path(config.out))] == [1, 2, 3, 4]


def test_weights_whose_export_was_broken_off_are_no_model_with_older_graphs(tiny, tmp_path):
    save_model(tmp_path, StyleNetwork(tiny), "older", {})
    for name in GRAPHS:
        (tmp_path / name).write_bytes(b"a graph of the older weights")
    Model.open(tmp_path)
    save_model(tmp_path, StyleNetwork(tiny), "newer", {})
    with pytest.raises(ModelError, match=r"is no complete model: transfer\.onnx missing"):
        Model.open(tmp_path)
    assert not list(tmp_path.glob("*.onnx"))
