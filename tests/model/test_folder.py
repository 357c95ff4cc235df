import hashlib
import json
import re
import shutil

import pytest

from pasticcio.errors import ModelError
from pasticcio.model.folder import JUDGE, SHIPPED, Model, list_models


def test_shipped_model_is_small_and_named():
    (model,) = [m for m in list_models() if m.name == "default"]
    assert model.predict.stat().st_size + model.transfer.stat().st_size < 23e6
    assert model.bytes < 24.5e6  # with the graph in 8 bits
    assert model.folder.joinpath("README.md").stat().st_size > 500
    assert Model.open("default") == model


@pytest.mark.parametrize("model", list_models(), ids=lambda model: model.name)
def test_the_card_has_the_hash_of_every_file_and_says_where_they_come_from(model):
    card = (model.folder / "README.md").read_text()
    package = SHIPPED.parents[1]
    files = [*model.folder.glob("*.onnx"), *model.folder.glob("*.safetensors")]
    files += [path for path in (package / "style" / "library").iterdir() if path.name.startswith(model.name)]
    assert (
        len(files)
        == 10 + sum(path is not None for path in (model.strength, model.steps)) + (model.folder / JUDGE).exists()
    )
    for path in files:
        name = path.name if path.is_relative_to(SHIPPED) else path.relative_to(package).as_posix()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert re.search(rf"^\| `{re.escape(name)}` \| .+ \| `{digest}` \|$", card, re.M), f"{name}: {digest}"
    for key in ("data", "recipe", "version", "license"):
        assert re.search(rf"^\| {key} \| .+ \|$", card, re.M), key
    assert model.fingerprint in card


def test_a_folder_is_a_model(model_folder):
    model = Model.open(model_folder)
    assert (model.name, model.embedding, model.style_side) == ("tiny", 6, 256)


def test_unknown_name_gives_the_nearest():
    with pytest.raises(ModelError, match="did you mean default"):
        Model.open("defualt")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: (f / "transfer.onnx").unlink(), "transfer.onnx missing"),
        (lambda f: (f / "config.json").write_text("{"), "damaged"),
        (lambda f: (f / "config.json").write_text(json.dumps({"name": "x"})), "lacks network"),
    ],
)
def test_incomplete_folders_are_explained(tmp_path, harm, message):
    folder = shutil.copytree(SHIPPED / "default", tmp_path / "copy")
    harm(folder)
    with pytest.raises(ModelError, match=message):
        Model.open(folder)


def test_a_table_needs_no_predictor_but_a_name_for_every_style(table_folder, tmp_path):
    model = Model.open(table_folder)
    assert (model.table, list(model.styles), model.embedding) == (True, ["red", "blue"], 2)
    assert model.styles["blue"].embedding.tolist() == [0, 1]
    assert not model.predict.exists()
    folder = shutil.copytree(table_folder, tmp_path / "copy")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "styles": ["red"]}))
    with pytest.raises(ModelError, match="1 names for 2 styles"):
        Model.open(folder)
