"""Training of networks that know a fixed number of styles."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest
import torch

from pasticcio.errors import ConfigError, DataError
from pasticcio.nn.network import StyleNetwork
from pasticcio.training.config import read_recipe
from pasticcio.training.model_folder import load_network, save_model, style_names
from pasticcio.training.start import predicted
from pasticcio.training.train import Run, train

ROOT = Path(__file__).parents[2]


@pytest.fixture
def config(pictures, tmp_path):
    """A table of three of the generated styles."""
    styles = [str(pictures / "styles" / f"00{i}.png") for i in range(3)]
    (config,) = read_recipe(
        ROOT / "recipes" / "smoke.toml",
        [
            f"data.photos={pictures / 'photos'}", f"data.styles={styles}", f"out={tmp_path / 'run'}",
            "data.workers=0", "network.predictor=table", "network.embedding=3", "identity=0.0", "data.augment=false",
            "sample_steps=0", "log_steps=1", "steps=6",
        ],
    )  # fmt: skip
    return config


@pytest.mark.slow
def test_each_style_learns_its_own_row_and_the_model_knows_its_name(config):
    config = dataclasses.replace(config, steps=60, sample_steps=30)
    seen = []
    folder = train(config, report=seen.append)
    first, last = (sum(p.losses["style"] for p in part) for part in (seen[:10], seen[-10:]))
    assert last < 0.8 * first
    assert (Path(config.out) / "sample-0000030.png").exists()
    assert style_names(folder) == ["000", "001", "002"]
    network = load_network(folder)
    rows = network.heads.weight.T
    assert min((a - b).abs().max() for i, a in enumerate(rows) for b in rows[:i]) > 0.05
    assert "predict.onnx" not in json.loads((folder / "config.json").read_text())["inputs"]


def test_photos_are_rendered_with_the_rows_of_their_styles(config):
    run = Run(dataclasses.replace(config, reuse=3, batch=3))
    batch = run.batches[0]
    seen = []
    run.forward = lambda photos, styles: seen.append(styles) or photos
    for turn in (0, 1):
        run.losses(batch, turn)
    assert torch.equal(seen[0], batch.style_index)
    assert torch.equal(seen[1], batch.style_index.roll(-1))


def test_a_table_resumes_to_the_same_losses(config, tmp_path):
    straight = dataclasses.replace(config, out=str(tmp_path / "straight"))
    broken = dataclasses.replace(config, out=str(tmp_path / "broken"), checkpoint_minutes=0.0)
    train(straight)

    def interrupt(progress):
        if progress.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(broken, report=interrupt)
    train(broken, resume=True)
    a, b = (
        [json.loads(line)["total"] for line in (tmp_path / name / "log.jsonl").read_text().splitlines()]
        for name in ("straight", "broken")
    )
    assert b == pytest.approx(a, rel=1e-6)


def test_a_table_can_begin_with_what_a_model_predicts(config, tiny, tmp_path):
    torch.manual_seed(0)
    first = StyleNetwork(tiny).eval()
    save_model(tmp_path / "first", first, "first", {})
    network = dataclasses.replace(tiny, predictor="table", embedding=3)
    run = Run(dataclasses.replace(config, network=network, start=str(tmp_path / "first")))
    first = load_network(tmp_path / "first")
    expected = predicted(first, run.config, run.batches.styles)
    torch.testing.assert_close(run.bare.heads.weight.T, expected)
    assert (expected[0] - expected[1]).abs().max() > 1e-3
    torch.testing.assert_close(run.bare.transfer.state_dict(), first.transfer.state_dict())
    other = dataclasses.replace(network, half=16)
    with pytest.raises(ConfigError, match="whose transfer network is another"):
        Run(dataclasses.replace(config, network=other, start=str(tmp_path / "first")))


@pytest.mark.slow
def test_only_the_last_rows_learn_where_asked(config, tmp_path, pictures):
    start = train(config)
    data = dataclasses.replace(config.data, styles=(str(pictures / "styles" / "004.png"),))
    network = dataclasses.replace(config.network, embedding=4)
    bigger = load_network(start)
    bigger = bigger.as_table(torch.cat([bigger.heads.weight.T, bigger.heads.weight.T[:1]]))
    save_model(tmp_path / "start", bigger, "start", {}, [*style_names(start), "new"])
    more = dataclasses.replace(
        config, data=data, network=network, start=str(tmp_path / "start"), learn_rows=1, out=str(tmp_path / "more"),
        frozen=("transfer",),
    )  # fmt: skip
    folder = train(more)
    before, after = load_network(tmp_path / "start"), load_network(folder)
    assert style_names(folder) == ["000", "001", "002", "004"]
    assert torch.equal(after.heads.weight[:, :3], before.heads.weight[:, :3])
    assert (after.heads.weight[:, 3] - before.heads.weight[:, 3]).abs().max() > 1e-3


def test_styles_that_do_not_fit_the_table_are_explained(config, pictures, tmp_path):
    def run(**changes):
        return Run(dataclasses.replace(config, **changes))

    with pytest.raises(ConfigError, match="holds 3 pictures, but the table has 5 styles"):
        run(network=dataclasses.replace(config.network, embedding=5))
    with pytest.raises(ConfigError, match=r"identity is 0\.25"):
        dataclasses.replace(config, identity=0.25)
    with pytest.raises(ConfigError, match="learn_rows is 4"):
        dataclasses.replace(config, learn_rows=4)
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"bad\.png, and each style of a table needs its picture"):
        run(data=dataclasses.replace(config.data, styles=(*config.data.styles[:2], str(bad))))
    twin = Path(shutil.copy(config.data.styles[0], tmp_path))
    with pytest.raises(ConfigError, match="two styles are named 000"):
        run(data=dataclasses.replace(config.data, styles=(*config.data.styles[:2], str(twin))))
