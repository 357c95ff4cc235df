import json

import pytest

from pasticcio.errors import ModelError
from pasticcio.model.config import ModelConfig
from pasticcio.model.folder import SHIPPED

SHIPPED_CONFIG = json.loads((SHIPPED / "fast" / "config.json").read_text())


def test_every_key_has_its_type():
    config = ModelConfig.read(SHIPPED / "fast")
    assert (config.name, config.transfer, config.predictor) == ("fast", "fast", "compact")
    assert (config.embedding, config.style_side, config.table, config.styles) == (100, 256, False, ())
    assert config.graphs == {
        "predict.onnx", "transfer.onnx", "pixels.onnx", "pixels-int8.onnx", "grams.onnx", "slope.onnx",
    }  # fmt: skip
    assert config.regions.scales == (1, 2, 4, 8)
    assert config.regions.widest == 8  # 32 channels at half the size
    assert config.network == SHIPPED_CONFIG["network"]
    assert config.raw == SHIPPED_CONFIG
    assert {config} == {ModelConfig.read(SHIPPED / "fast")}


def test_a_folder_of_an_earlier_version_has_no_regions(tmp_path):
    (tmp_path / "config.json").write_text(
        json.dumps({key: value for key, value in SHIPPED_CONFIG.items() if key not in ("regions", "inputs")})
    )
    config = ModelConfig.read(tmp_path)
    assert config.regions is None
    assert config.graphs == frozenset()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, r"name is None; it must be a text"),
        ({"style_side": "256"}, r"style_side is '256'; it must be a whole number, 1 or more"),
        ({"style_side": True}, "style_side is True"),
        ({"network": 3}, r"network is 3; it must be a JSON object"),
        ({"network": {"transfer": "fast", "predictor": "compact"}}, r"lacks network\.embedding"),
        ({"inputs": []}, "inputs is"),
        ({"styles": "red"}, "styles is 'red'; it must be a list of texts"),
        ({"regions": {**SHIPPED_CONFIG["regions"], "layers": [128, 0]}}, r"regions\.layers is \[128, 0\]"),
        ({"regions": {**SHIPPED_CONFIG["regions"], "at": [1]}}, "13 layers at 1 scales"),
        ({"regions": {**SHIPPED_CONFIG["regions"], "reach": -1}}, r"regions\.reach is -1"),
    ],
)
def test_a_key_that_does_not_fit_is_named(changes, message, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({**SHIPPED_CONFIG, **changes}))
    with pytest.raises(
        ModelError, match=rf"config\.json is damaged: .*{message}.*install the model anew, or make it again"
    ):
        ModelConfig.read(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"), [(b"{", "damaged"), (b"[]", "no JSON object"), (b"\xff", "damaged"), (None, "No such file")]
)
def test_what_is_no_configuration_is_refused(content, message, tmp_path):
    if content is not None:
        (tmp_path / "config.json").write_bytes(content)
    with pytest.raises(ModelError, match=message):
        ModelConfig.read(tmp_path)
