import json
import shutil

import numpy as np
import onnx
import pytest
from PIL import Image
from skimage import data

from pasticcio.errors import DataError, ModelError
from pasticcio.model.folder import Model
from pasticcio.model.names import INT8
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.quantize import quantize


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("astronaut", "coffee", "chelsea"):
        Image.fromarray(getattr(data, name)()[:280, :280]).save(folder / f"{name}.png")
    return [str(folder)]


@pytest.fixture(scope="module")
def quantized(model_folder, pictures, tmp_path_factory):
    folder = tmp_path_factory.mktemp("quantized") / "model"
    shutil.copytree(model_folder, folder)
    return folder, quantize(folder, pictures, pictures, pairs=3)


def test_convolutions_are_in_8_bits_and_the_rest_is_not(quantized):
    graph = onnx.load(Model.open(quantized[0]).pixels_int8, load_external_data=False).graph
    weights = {w.name: w for w in graph.initializer}
    made = {node.output[0]: node for node in graph.node}
    convolutions = [node for node in graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 5
    for node in convolutions:
        assert made[node.input[0]].op_type == "DequantizeLinear"
        kernel = weights[made[node.input[1]].input[0]]
        assert kernel.data_type == onnx.TensorProto.INT8
        assert np.abs(onnx.numpy_helper.to_array(kernel).astype(int)).max() <= 64  # 7 bits
    for node in graph.node:
        if node.op_type in ("InstanceNormalization", "Gemm"):
            assert made[node.input[0]].op_type != "QuantizeLinear"


@pytest.mark.parametrize("runtime", INT8)
def test_the_picture_is_nearly_the_same(quantized, pictures, runtime):
    if runtime.startswith("openvino"):
        pytest.importorskip("openvino", reason="needs OpenVINO: pip install 'pasticcio[openvino]'")
    folder, difference = quantized
    photo, style = data.coffee()[:120, :170], data.rocket()[:200, :200]
    whole = Stylizer(folder, runtime="onnxruntime").stylize(photo, style).astype(int)
    eight = Stylizer(folder, runtime=runtime).stylize(photo, style)
    assert eight.shape == photo.shape
    assert 0 < difference < 0.05
    assert 0 < np.abs(eight - whole).mean() / 255 < 0.05


def test_other_pictures_are_rendered_in_float(quantized):
    folder, _ = quantized
    photo, style = (data.coffee()[:64, :80] / 255).astype(np.float32), data.rocket()[:64, :64]
    one, other = (Stylizer(folder, runtime=name).stylize(photo, style) for name in ("onnxruntime", INT8[0]))
    np.testing.assert_allclose(one, other, atol=1e-6)


def test_a_table_of_styles_needs_no_pictures_of_them(table_folder, pictures, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(table_folder, folder)
    assert 0 < quantize(folder, pictures, pairs=2) < 0.05


def test_what_is_missing_is_said(model_folder, quantized, pictures, tmp_path):
    with pytest.raises(ModelError, match=r"needs pixels-int8\.onnx, which .* lacks: make it with 'pasticcio quantize'"):
        Stylizer(model_folder, runtime=INT8[0])
    with pytest.raises(DataError):
        quantize(quantized[0], [str(tmp_path / "none")], pictures)
    folder = tmp_path / "model"
    shutil.copytree(model_folder, folder)
    config = json.loads((folder / "config.json").read_text())
    del config["inputs"]["pixels.onnx"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"has no pixels\.onnx to quantize"):
        quantize(folder, pictures, pictures)
