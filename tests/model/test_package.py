import os
import subprocess
import sys

import pytest

from pasticcio.model.package import is_installed, package_of, version


def test_a_runtime_has_the_package_that_its_name_begins_with():
    assert [package_of(name) for name in ("onnxruntime", "openvino-bf16")] == ["onnxruntime", "openvino"]
    assert is_installed("onnxruntime-int8")
    assert not is_installed("no-such-runtime")


def test_the_version_of_a_package():
    import numpy

    assert version("numpy") == numpy.__version__
    assert version("no such package") == ""


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_nothing_is_written_beside_our_own_cache(runtime, tmp_path):
    """Left alone, both runtimes would keep an identifier, and onnxruntime events, to send to their makers."""
    if runtime == "openvino":
        pytest.importorskip("openvino", reason="needs OpenVINO: pip install 'pasticcio[openvino]'")
    code = (
        "import numpy as np; from pasticcio import Stylizer; "
        f"Stylizer(runtime={runtime!r})"
        ".stylize(np.zeros((32, 32, 3), np.uint8), np.zeros((64, 64, 3), np.uint8))"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PASTICCIO_CACHE": "0"}
    environment = {**os.environ, **home}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []
