import json
import shutil

import numpy as np
import pytest

from pasticcio.errors import ModelError
from pasticcio.model.folder import Model
from pasticcio.render.slope import Slope
from pasticcio.render.stylizer import Stylizer


@pytest.fixture(scope="module", params=["default", "fast"])
def stylizer(request):
    return Stylizer(request.param, runtime="onnxruntime")


@pytest.mark.parametrize("size", [(96, 96), (64, 144)])
def test_a_step_down_the_direction_lowers_the_loss(stylizer, size):
    rng = np.random.default_rng(0)
    content, style = (rng.random((1, 3, *sides), np.float32) for sides in (size, (80, 100)))
    row = stylizer.embed((255 * style[0].transpose(1, 2, 0)).astype(np.uint8)).embedding[None]
    slope = Slope(stylizer, row[0])
    wanted = slope.grams(style)
    loss, _, direction = found = slope(row, content, wanted)
    assert found.length > 0
    step = 0.01 * direction / found.length
    assert slope(row - step, content, wanted).loss < loss < slope(row + step, content, wanted).loss


def test_the_content_loss_counts_by_its_weight(stylizer):
    rng = np.random.default_rng(0)
    content = rng.random((1, 3, 64, 64), np.float32)
    row = (
        stylizer.embed("dance").embedding[None] if stylizer.model.name == "default" else np.zeros((1, 100), np.float32)
    )
    slope = Slope(stylizer, row[0])
    wanted = slope.grams(content)
    none, one, two = (slope(row, content, wanted, weight).loss for weight in (0.0, 1.0, 2.0))
    assert none < one
    assert two - one == pytest.approx(one - none, rel=1e-3)


def test_a_graph_of_an_earlier_version_is_none(tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(Model.open("default").folder, folder)
    config = json.loads((folder / "config.json").read_bytes())
    del config["inputs"]["slope.onnx"]["content_weight"]
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match="or one of an earlier version"):
        Slope(Stylizer(folder, runtime="onnxruntime"), np.ones(100, np.float32))
