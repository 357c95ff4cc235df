import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image

from pasticcio.baselines import tune as module
from pasticcio.baselines.tune import TuneSettings, plan, steps_in, tune
from pasticcio.errors import ConfigError, DataError, OptionError, OutputError, TrainingError
from pasticcio.image.read import open_image
from pasticcio.image.resize import style_view
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.tensors import to_batch
from pasticcio.training.checkpoint import CHECKPOINT
from pasticcio.training.model_folder import load_network, save_model, style_names

# Losses over few and small photos: the loss network is a large one. And random networks weave, which hides all else
# that they learn.
QUICK = TuneSettings(vgg="random", crop=48, style_size=64, batch=2, grid=0.0, measured=2, measured_side=64)


@pytest.fixture
def painting(pictures, tmp_path):
    return Path(shutil.copy(pictures / "styles" / "001.png", tmp_path / "stripes.png"))


@pytest.fixture
def begun(tiny, tmp_path):
    """Weights of a model that predicts styles; no graphs."""
    torch.manual_seed(0)
    save_model(tmp_path / "begun", StyleNetwork(tiny).eval(), "begun", {})
    return tmp_path / "begun"


@pytest.fixture
def no_export(monkeypatch):
    """The graphs take long to write and are tested elsewhere."""
    monkeypatch.setattr(module, "export", lambda folder: 0.0)


def quick(pictures, **changes):
    return replace(QUICK, photos=(str(pictures / "photos"),), **changes)


def run(painting, out, pictures, resume=False, report=None, **changes):
    return tune([painting], out, quick(pictures, **changes), resume=resume, report=report)


@pytest.mark.slow
def test_a_painting_becomes_a_model_with_a_lower_loss(painting, pictures, begun, tmp_path, no_export):
    tuned = run(painting, tmp_path / "mine", pictures, model=str(begun), steps=25, learning_rate=5e-3)
    assert tuned.after["total"] < 0.9 * tuned.before["total"]
    assert (tuned.folder, tuned.styles, tuned.steps) == (tmp_path / "mine", ["stripes"], 25)
    assert not (tmp_path / "mine.run").exists()
    assert style_names(tmp_path / "mine") == ["stripes"]
    assert load_network(tmp_path / "mine").config.embedding == 1


def test_the_beginning_is_the_model_at_that_style(painting, pictures, begun, tmp_path, no_export):
    """One step at no learning rate: what is left is what the arbitrary model predicted."""
    run(painting, tmp_path / "mine", pictures, model=str(begun), steps=1, learning_rate=1e-12)
    first, single = load_network(begun), load_network(tmp_path / "mine")
    view = style_view(open_image(painting), 192)
    picture = torch.rand(1, 3, 48, 48)
    with torch.no_grad():
        wanted = first(picture, to_batch(view))
        torch.testing.assert_close(single(picture, torch.tensor([0])), wanted, atol=5e-3, rtol=0)


def test_row_only_changes_the_row_and_leaves_the_kernels(painting, pictures, begun, tmp_path, no_export):
    tuned = run(painting, tmp_path / "mine", pictures, model=str(begun), steps=4, row_only=True)
    assert tuned.after["total"] != tuned.before["total"]
    first, single = load_network(begun).transfer.state_dict(), load_network(tuned.folder).transfer
    assert all(torch.equal(value, first[name]) for name, value in single.state_dict().items())


def test_a_style_is_added_to_a_table_and_all_else_stays_bit_for_bit(painting, pictures, two, tmp_path, no_export):
    tuned = run(painting, tmp_path / "more", pictures, model=str(two), steps=12)
    assert tuned.after["total"] < tuned.before["total"]
    before, after = load_network(two), load_network(tmp_path / "more")
    assert style_names(tmp_path / "more") == ["red", "blue", "stripes"]
    assert torch.equal(after.heads.weight[:, :2], before.heads.weight)
    for name, value in before.transfer.state_dict().items():
        assert torch.equal(after.transfer.state_dict()[name], value), name
    assert not any(torch.equal(after.heads.weight[:, 2], before.heads.weight[:, row]) for row in range(2))
    with pytest.raises(ConfigError, match="has a style stripes already"):
        run(painting, tmp_path / "again", pictures, model=str(tmp_path / "more"), steps=1)


@pytest.mark.slow
def test_broken_off_and_resumed_ends_as_unbroken(painting, pictures, begun, tmp_path, no_export):
    keywords = {"model": str(begun), "steps": 8, "checkpoint_minutes": 0.0}
    run(painting, tmp_path / "straight", pictures, **keywords)

    def interrupt(progress):
        if progress.step == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(painting, tmp_path / "broken", pictures, report=interrupt, **keywords)
    assert (tmp_path / "broken.run" / CHECKPOINT).exists()
    assert not (tmp_path / "broken").exists()
    with pytest.raises(OutputError, match="go on with --resume"):
        run(painting, tmp_path / "broken", pictures, **keywords)
    seen = []
    run(painting, tmp_path / "broken", pictures, resume=True, report=seen.append, **keywords)
    assert [progress.step for progress in seen] == [5, 6, 7, 8]
    one, other = (load_network(tmp_path / name).state_dict() for name in ("straight", "broken"))
    for name, value in one.items():
        torch.testing.assert_close(other[name], value, atol=1e-3, rtol=1e-3)


def test_minutes_are_turned_into_steps(painting, pictures, begun, tmp_path):
    config = plan([painting], "mine", tmp_path, quick(pictures, model=str(begun)))
    assert steps_in(0.2, config, clock=iter(range(0, 100, 2)).__next__) == 6  # of 2 seconds each


def test_without_photos_there_are_scikit_images(painting, begun, tmp_path, no_export):
    tuned = tune([painting], tmp_path / "mine", replace(QUICK, model=str(begun), steps=1))
    assert tuned.photos == 2
    assert not (tmp_path / "mine.run").exists()


def test_bad_input_leaves_nothing(painting, pictures, begun, tmp_path):
    before = set(tmp_path.iterdir())
    out = tmp_path / "mine"
    with pytest.raises(OptionError, match="both given"):
        run(painting, out, pictures, steps=1, minutes=1)
    with pytest.raises(OptionError, match="steps is 0"):
        run(painting, out, pictures, steps=0)
    with pytest.raises(OptionError, match="minutes is 0"):
        run(painting, out, pictures, minutes=0)
    with pytest.raises(OptionError, match="no paintings"):
        tune([], out)
    with pytest.raises(OutputError, match="there already"):
        run(painting, tmp_path, pictures)
    with pytest.raises(OutputError, match="no folder"):
        run(painting, tmp_path / "none" / "mine", pictures)
    with pytest.raises(TrainingError, match="cannot resume"):
        run(painting, out, pictures, resume=True)
    with pytest.raises(DataError, match="no such file or folder"):
        tune([painting], out, replace(QUICK, photos=(str(tmp_path / "none"),), model=str(begun)))
    assert set(tmp_path.iterdir()) == before
    (tmp_path / "mine.run").mkdir()
    (tmp_path / "mine.run" / "diary.txt").write_text("dear")
    with pytest.raises(OutputError, match="no run of this command"):
        run(painting, out, pictures)
    assert (tmp_path / "mine.run" / "diary.txt").exists()


def test_the_network_of_the_paper_can_be_tuned(painting, pictures, tiny, tmp_path, no_export):
    torch.manual_seed(0)
    first = StyleNetwork(replace(tiny, transfer="paper", width=0.1))
    save_model(tmp_path / "paper", first.eval(), "paper", {})
    tuned = run(painting, tmp_path / "mine", pictures, model=str(tmp_path / "paper"), steps=2)
    assert load_network(tuned.folder).config.transfer == "paper"


def test_two_paintings_of_one_name_are_refused(pictures, begun, tmp_path):
    Image.new("RGB", (40, 40)).save(tmp_path / "small.png")
    with pytest.raises(ConfigError, match="two styles are named small"):
        tune([tmp_path / "small.png"] * 2, tmp_path / "m", quick(pictures, model=str(begun)))
