import importlib.util

import pytest

from pasticcio.errors import MissingExtraError, OptionError
from pasticcio.model import names
from pasticcio.model.names import resolve


def test_unknown_runtimes_are_refused(monkeypatch):
    with pytest.raises(OptionError, match="runtime is 'opnvino'; did you mean openvino"):
        resolve("opnvino")
    monkeypatch.setenv("PASTICCIO_RUNTIME", "tensorrt")
    with pytest.raises(OptionError, match="PASTICCIO_RUNTIME is 'tensorrt'; known: auto, onnxruntime, onnx"):
        resolve("auto")


def test_the_environment_names_the_runtime_where_none_is_asked_for(monkeypatch):
    monkeypatch.setattr(names, "is_installed", lambda runtime: True)
    monkeypatch.setenv("PASTICCIO_RUNTIME", "openvino")
    assert resolve("auto") == "openvino"
    assert resolve("onnxruntime") == "onnxruntime"
    monkeypatch.setenv("PASTICCIO_RUNTIME", "")
    assert resolve("auto") == "auto"


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"runtime openvino needs .*pip install 'pasticcio\[openvino\]'"):
        resolve("openvino")


def test_bfloat16_needs_the_instructions(monkeypatch):
    monkeypatch.setattr(names, "is_installed", lambda runtime: True)
    monkeypatch.setattr(names, "precisions", lambda: ("FP32",))
    with pytest.raises(OptionError, match="this CPU has no bfloat16 instructions; choose 'openvino'"):
        resolve("openvino-bf16")
    monkeypatch.setattr(names, "precisions", lambda: ("FP32", "BF16"))
    assert resolve("openvino-bf16") == "openvino-bf16"
