import shutil

import numpy as np
import onnxruntime
import pytest

from pasticcio.errors import ModelError, OptionError
from pasticcio.model.folder import Model
from pasticcio.page.graphs import WEIGHTS, external, page_graphs
from pasticcio.style.named import list_styles


@pytest.fixture(scope="module")
def halved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("halved")
    files = page_graphs(Model.open("fast"))
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return folder


def run(path, **inputs):
    return onnxruntime.InferenceSession(str(path)).run(None, inputs)[0]


def test_weights_of_16_bits_take_half_the_bytes_and_change_nothing_that_is_seen(halved, photo):
    model = Model.open("fast")
    content, embedding = photo[None, ::2, ::2], list_styles("fast")["dance"].embedding[None]
    wanted = run(model.pixels, content=content, embedding=embedding).astype(float)
    off = run(halved / "pixels.onnx", content=content, embedding=embedding) - wanted
    assert np.abs(off).mean() <= 0.04  # levels of 255
    assert sum(path.stat().st_size for path in halved.iterdir()) < 0.58 * model.bytes
    style = (photo.transpose(2, 0, 1)[None] / 255).astype(np.float32)
    off = run(halved / "predict.onnx", style=style) - run(model.predict, style=style)
    assert np.abs(off).max() < 0.01


def test_32_bits_are_the_files_of_the_model():
    model = Model.open("fast")
    files = page_graphs(model, 32)
    assert files["transfer.onnx"] == model.transfer.read_bytes()
    assert external(files) == "transfer.onnx"
    assert external({WEIGHTS: b""}) == WEIGHTS


def test_a_precision_that_is_none_is_refused():
    with pytest.raises(OptionError, match="precision is 8; it must be 16 or 32"):
        page_graphs(Model.open("fast"), 8)


def test_a_damaged_model_is_refused(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(Model.open("fast").folder, folder)
    data = bytearray((folder / "predict.onnx").read_bytes())
    data[-1] ^= 1
    (folder / "predict.onnx").write_bytes(data)
    with pytest.raises(ModelError, match=r"predict\.onnx is damaged"):
        page_graphs(Model.open(folder))
