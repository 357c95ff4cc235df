import json
import time

import numpy as np
import pytest

from pasticcio.errors import ModelError
from pasticcio.model import auto as choices
from pasticcio.model.auto import Choice, choose
from pasticcio.model.folder import Model
from pasticcio.render.stylizer import Stylizer

SLOW, FAST = 0.004, 0.001


@pytest.fixture
def table(monkeypatch, tmp_path):
    """Where choices are kept."""
    monkeypatch.setenv("PASTICCIO_CACHE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pasticcio" / "runtimes.json"


@pytest.fixture
def both(monkeypatch):
    monkeypatch.setattr(choices, "is_installed", lambda runtime: True)


@pytest.fixture
def model(model_folder):
    return Model.open(model_folder)


class Trial:
    """Runtimes that only take their time; counts how often they are loaded."""

    def __init__(self, seconds):
        self.seconds, self.loaded = seconds, []

    def __call__(self, runtime):
        self.loaded.append(runtime)
        if runtime not in self.seconds:
            raise ModelError(f"{runtime} cannot")
        return lambda: time.sleep(self.seconds[runtime])


@pytest.mark.parametrize("fast", ["onnxruntime", "openvino"])
def test_the_faster_runtime_is_taken(fast, both, table, model):
    trial = Trial({"onnxruntime": SLOW, "openvino": SLOW} | {fast: FAST})
    found = choose(model, None, trial)
    assert found.runtime == fast
    assert trial.loaded == ["onnxruntime", "openvino"]
    assert found.milliseconds[fast] < 1e3 * SLOW
    assert not found.kept
    assert "measured now" in found.why


def test_it_is_measured_once(both, table, model):
    trial = Trial({"onnxruntime": SLOW, "openvino": FAST})
    first = choose(model, None, trial)
    again = choose(model, None, trial)
    assert trial.loaded == ["onnxruntime", "openvino"]
    assert (again.runtime, again.milliseconds) == (first.runtime, first.milliseconds)
    assert again.kept


def test_what_changes_the_outcome_is_measured_anew(both, table, model, monkeypatch):
    trial = Trial({"onnxruntime": SLOW, "openvino": FAST})
    choose(model, None, trial)
    choose(model, 1, trial)
    monkeypatch.setattr(choices, "version", lambda package: "99.0")
    choose(model, 1, trial)
    monkeypatch.setattr(choices, "cpu_name", lambda: "another")
    choose(model, 1, trial)
    assert len(trial.loaded) == 8
    assert len(json.loads(table.read_text())) == 4


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "7", "{KEY: 3}", "{KEY: {}}", '{KEY: {"openvino": 1}}', '{KEY: {"onnxruntime": "fast"}}',
     '{KEY: {"onnxruntime": 1, "other": 1}}', '{KEY: {"onnxruntime": -1}}'],
)  # fmt: skip
def test_a_damaged_cache_is_measured_over(content, both, table, model):
    trial = Trial({"onnxruntime": SLOW, "openvino": FAST})
    choose(model, None, trial)
    (key,) = json.loads(table.read_text())
    table.write_text(content.replace("KEY", f'"{key}"'))
    assert choose(model, None, trial).runtime == "openvino"
    assert len(trial.loaded) == 4
    assert set(json.loads(table.read_text())[key]) == {"onnxruntime", "openvino"}


def test_a_cache_that_cannot_be_written_fails_nothing(both, table, model):
    table.parent.write_text("a file where the folder would be")
    assert choose(model, None, Trial({"onnxruntime": SLOW, "openvino": FAST})).runtime == "openvino"


def test_few_choices_are_kept(both, table, model, monkeypatch):
    monkeypatch.setattr(choices, "MOST", 2)
    for threads in (1, 2, 3, 4):
        choose(model, threads, Trial({"onnxruntime": FAST, "openvino": SLOW}))
    assert len(json.loads(table.read_text())) == 2


def test_a_runtime_that_cannot_is_passed_over(both, table, model):
    assert choose(model, None, Trial({"onnxruntime": SLOW})).runtime == "onnxruntime"
    with pytest.raises(ModelError, match="onnxruntime cannot"):
        choose(model, 1, Trial({"openvino": FAST}))


def test_onnxruntime_alone_costs_nothing(monkeypatch, table, model):
    monkeypatch.setattr(choices, "is_installed", lambda runtime: runtime == "onnxruntime")
    trial = Trial({})
    assert choose(model, None, trial) == Choice("onnxruntime", {}, False, "it is the only one installed")
    assert trial.loaded == []
    assert not table.exists()


def test_auto_measures_real_renderings(monkeypatch, table, model_folder):
    pytest.importorskip("openvino", reason="needs OpenVINO: pip install 'pasticcio[openvino]'")
    monkeypatch.delenv("PASTICCIO_RUNTIME")
    stylizer = Stylizer(model_folder)
    photo, embedding = np.zeros((32, 32, 3), np.float32), np.zeros(6, np.float32)
    image = stylizer.render(photo, embedding)
    assert set(stylizer.choice.milliseconds) == {"onnxruntime", "openvino"}
    assert stylizer.choice.runtime in stylizer.choice.milliseconds
    other = Stylizer(model_folder)
    assert other.choice.kept
    np.testing.assert_array_equal(other.render(photo, embedding), image)
