import json
from functools import partial

import numpy as np
import pytest

from pasticcio.errors import ModelError
from pasticcio.model import auto
from pasticcio.model.auto import Choice, choose
from pasticcio.model.folder import Model
from pasticcio.render.stylizer import Stylizer

SLOW, FAST = 0.004, 0.001  # seconds a picture


@pytest.fixture
def table(monkeypatch, tmp_path):
    """Where choices are kept."""
    monkeypatch.setenv("PASTICCIO_CACHE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "pasticcio" / "runtimes.json"


@pytest.fixture
def model():
    return Model.open()


class Trial:
    """Runtimes that only let a clock of their own go on; counts how often they are loaded."""

    def __init__(self, seconds):
        self.seconds, self.loaded, self.now = seconds, [], 0.0

    def choose(self, model, threads=None, **options):
        return choose(model, threads, self, candidates=["onnxruntime", "openvino"], clock=lambda: self.now, **options)

    def __call__(self, runtime):
        self.loaded.append(runtime)
        if runtime not in self.seconds:
            raise ModelError(f"{runtime} cannot")
        return partial(self.render, self.seconds[runtime])

    def render(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("fast", ["onnxruntime", "openvino"])
def test_the_faster_runtime_is_taken(fast, table, model):
    trial = Trial({"onnxruntime": SLOW, "openvino": SLOW} | {fast: FAST})
    found = trial.choose(model)
    assert found.runtime == fast
    assert trial.loaded == ["onnxruntime", "openvino"]
    assert found.milliseconds == {runtime: 1e3 * seconds for runtime, seconds in trial.seconds.items()}
    assert not found.kept
    assert "measured now" in found.why


def test_it_is_measured_once(table, model):
    trial = Trial({"onnxruntime": SLOW, "openvino": FAST})
    first, again = trial.choose(model), trial.choose(model)
    assert trial.loaded == ["onnxruntime", "openvino"]
    assert (again.runtime, again.milliseconds) == (first.runtime, first.milliseconds)
    assert again.kept


def test_what_changes_the_outcome_is_measured_anew(table, model, monkeypatch):
    trial = Trial({"onnxruntime": SLOW, "openvino": FAST})
    trial.choose(model)
    trial.choose(model, 1)
    monkeypatch.setattr(auto, "version", lambda package: "99.0")
    trial.choose(model, 1)
    monkeypatch.setattr(auto, "cpu_name", lambda: "another")
    trial.choose(model, 1)
    assert len(trial.loaded) == 8
    assert len(json.loads(table.read_text())) == 4


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", "7", "{KEY: 3}", "{KEY: {}}", '{KEY: {"openvino": 1}}', '{KEY: {"onnxruntime": "fast"}}',
     '{KEY: {"onnxruntime": 1, "other": 1}}', '{KEY: {"onnxruntime": -1}}'],
)  # fmt: skip
def test_a_damaged_cache_is_measured_over(content, table, model):
    trial = Trial({"onnxruntime": SLOW, "openvino": FAST})
    trial.choose(model)
    (key,) = json.loads(table.read_text())
    table.write_text(content.replace("KEY", f'"{key}"'))
    assert trial.choose(model).runtime == "openvino"
    assert len(trial.loaded) == 4
    assert set(json.loads(table.read_text())[key]) == {"onnxruntime", "openvino"}


def test_a_cache_that_cannot_be_written_fails_nothing(table, model):
    table.parent.write_text("a file where the folder would be")
    assert Trial({"onnxruntime": SLOW, "openvino": FAST}).choose(model).runtime == "openvino"


def test_few_choices_are_kept(table, model):
    trial = Trial({"onnxruntime": FAST, "openvino": SLOW})
    for threads in (1, 2, 3, 4):
        trial.choose(model, threads, most_kept=2)
    assert len(json.loads(table.read_text())) == 2
    assert trial.choose(model, 4).kept
    assert not trial.choose(model, 2).kept


def test_a_runtime_that_cannot_is_passed_over(table, model):
    assert Trial({"onnxruntime": SLOW}).choose(model).runtime == "onnxruntime"
    with pytest.raises(ModelError, match="onnxruntime cannot"):
        Trial({"openvino": FAST}).choose(model, 1)


@pytest.mark.parametrize(("openvino", "runtime"), [(0.98, "onnxruntime"), (0.96, "openvino")])
def test_openvino_must_be_faster_by_a_margin(openvino, runtime, table, model):
    assert Trial({"onnxruntime": 1.0, "openvino": openvino}).choose(model).runtime == runtime


def test_onnxruntime_alone_costs_nothing(monkeypatch, table, model):
    monkeypatch.setattr(auto, "is_installed", lambda runtime: runtime == "onnxruntime")
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
