"""The commands doctor, styles and models."""

import json

import numpy as np
import pytest

from pasticcio import __version__
from pasticcio.cli.doctor import as_json, examine
from pasticcio.errors import ModelError
from pasticcio.image.picture import as_depth, as_float
from pasticcio.model import package
from pasticcio.render.stylizer import Stylizer


def test_a_sound_installation_is_well(model_folder):
    report = examine(str(model_folder))
    assert report.well
    assert report.errors == ()
    assert report.version == __version__
    assert report.runtime == "onnxruntime"
    assert report.model["name"] == "tiny"
    assert set(report.models) == {"default", "fast"}
    assert report.extras["train"]  # torch is here: the tests need it
    assert report.cores >= 1
    assert report.memory > 0
    assert report.cache == ""
    (onnxruntime,) = (one for one in report.runtimes if one.name == "onnxruntime")
    assert onnxruntime.difference == 0.0
    assert onnxruntime.version
    text = "\n".join(report.lines())
    assert "used      onnxruntime: it was asked for" in text
    assert text.endswith("all is well")
    assert json.loads(json.dumps(as_json(report)))["well"] is True


def test_a_table_of_styles_is_examined_too(table_folder):
    assert examine(str(table_folder)).well


def test_openvino_is_compared(model_folder):
    pytest.importorskip("openvino", reason="needs OpenVINO: pip install 'pasticcio[openvino]'")
    report = examine(str(model_folder), "openvino")
    assert report.well
    assert report.runtime == "openvino"
    assert "FP32" in report.precisions
    (found,) = (one for one in report.runtimes if one.name == "openvino")
    assert found.difference is not None
    assert 0.0 < found.difference < 1e-3


def test_a_runtime_that_renders_something_else_is_found(model_folder, monkeypatch):
    pytest.importorskip("openvino", reason="needs OpenVINO: pip install 'pasticcio[openvino]'")
    real = Stylizer.render

    def wrong(self, content, embedding):
        image = as_float(real(self, content, embedding))
        return as_depth(image + np.float32(0.1 if self.choice.runtime == "openvino" else 0.0), content.dtype)

    monkeypatch.setattr(Stylizer, "render", wrong)
    report = examine(str(model_folder), "openvino")
    assert not report.well
    assert "openvino differs from onnxruntime by 0.1; the limit is 0.001" in report.errors[0]
    assert report.lines()[-1] == "stylizing does not work"
    assert examine(str(model_folder), "onnxruntime").well  # which is the one in use


def test_what_cannot_be_rendered_is_said(model_folder, monkeypatch):
    def fails(self, *_):
        raise ModelError("cannot load transfer.onnx: it is damaged")

    monkeypatch.setattr(Stylizer, "render", fails)
    report = examine(str(model_folder))
    assert report.errors == ("cannot load transfer.onnx: it is damaged",)


def test_what_is_not_installed_is_said_with_the_remedy(model_folder, monkeypatch):
    monkeypatch.setattr(package, "is_installed", lambda runtime: runtime == "onnxruntime")
    text = "\n".join(examine(str(model_folder)).lines())
    assert "runtime   openvino: not installed: pip install 'pasticcio[openvino]'" in text


def test_the_command(here, model_folder):
    code, said, error = here("doctor", "--model", model_folder)
    assert (code, error) == (0, "")
    assert said.startswith(f"pasticcio {__version__}, Python ")
    code, said, _ = here("doctor", "--model", model_folder, "--json")
    assert json.loads(said)["model"]["name"] == "tiny"
    code, said, error = here("doctor", "--runtime", "opnvino")
    assert (code, said) == (2, "")
    assert error == "pasticcio: runtime is 'opnvino'; did you mean openvino or openvino-int8 or openvino-bf16?\n"


def test_the_exit_code_says_whether_it_works(here, model_folder, tmp_path):
    broken = tmp_path / "broken"
    broken.mkdir()
    for path in model_folder.iterdir():
        (broken / path.name).write_bytes(path.read_bytes())
    (broken / "transfer.onnx").write_bytes(b"no graph")
    code, said, _ = here("doctor", "--model", broken)
    assert code == 1
    assert "wrong     " in said
    assert "transfer.onnx is damaged" in said
    assert said.endswith("stylizing does not work\n")


def test_lists(here, table_folder):
    code, styles, error = here("styles")
    assert (code, error) == (0, "")
    assert "wheat-field-with-cypresses" in styles
    assert "Vincent van Gogh, 1889" in styles
    assert here("styles", "--model", table_folder)[1] == "red\nblue\n"
    assert here("models")[1].startswith("default ")
    assert "table of 2 styles" in here("models", table_folder)[1]


def test_a_model_without_named_styles_says_what_to_give(here, model_folder):
    code, said, error = here("styles", "--model", model_folder)
    assert (code, said) == (0, "")
    assert error.endswith("has no named styles; give 'stylize --style' a picture\n")
