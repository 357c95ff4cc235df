import json
import os
import shutil

import onnx
import pytest

from pasticcio.errors import ModelError
from pasticcio.model import checks
from pasticcio.model.checks import check_graph, hashes
from pasticcio.model.folder import GRAPHS, SHIPPED, Model, list_models
from pasticcio.model.sessions import open_graph

DEFAULT = SHIPPED / "default"


@pytest.fixture
def folder(tmp_path):
    return shutil.copytree(DEFAULT, tmp_path / "model")


def without_hashes(folder):
    change(folder, lambda config: config.pop("sha256"))


def change(folder, edit):
    config = json.loads((folder / "config.json").read_text())
    edit(config)
    (folder / "config.json").write_text(json.dumps(config))


def rewrite(folder, edit, name="pixels.onnx"):
    """Change a graph of a folder, which then has no hashes."""
    without_hashes(folder)
    graph = onnx.load(folder / name, load_external_data=False)
    edit(graph)
    (folder / name).write_bytes(graph.SerializeToString())
    return folder / name


def locate(place, key="location"):
    def edit(graph):
        weights = next(one for one in graph.graph.initializer if one.external_data)
        next(entry for entry in weights.external_data if entry.key == key).value = place

    return edit


@pytest.mark.parametrize("model", list_models(), ids=lambda model: model.name)
def test_a_shipped_model_has_the_hash_of_every_file(model):
    assert model.config["sha256"] == hashes(model.folder)
    for name in GRAPHS:
        check_graph(model.folder / name)


def test_a_folder_of_an_earlier_version_has_no_hashes(folder):
    without_hashes(folder)
    for name in GRAPHS:
        check_graph(folder / name)


@pytest.mark.parametrize("name", ["pixels.onnx", "transfer.onnx"])  # transfer.onnx has the weights of pixels.onnx
def test_a_changed_byte_is_refused_by_name(folder, name):
    data = bytearray((folder / name).read_bytes())
    data[len(data) // 2] ^= 1
    (folder / name).write_bytes(data)
    with pytest.raises(ModelError, match=f"{name} is damaged.*sha256"):
        open_graph(folder / "pixels.onnx", "onnxruntime", 1)


def test_swapped_and_unlisted_files_are_refused(folder):
    shutil.copy(folder / "transfer.onnx", folder / "predict.onnx")
    with pytest.raises(ModelError, match=r"predict\.onnx is damaged.*sha256"):
        check_graph(folder / "predict.onnx")
    change(folder, lambda config: config["sha256"].pop("regions.onnx"))
    with pytest.raises(ModelError, match=r"regions\.onnx.*none of this one"):
        check_graph(folder / "regions.onnx")


@pytest.mark.parametrize("size", [0, 1, 100, 30_000])
def test_a_graph_that_is_cut_off_is_refused_without_hashes_too(folder, size):
    without_hashes(folder)
    (folder / "pixels.onnx").write_bytes((folder / "pixels.onnx").read_bytes()[:size])
    with pytest.raises(ModelError, match=r"pixels\.onnx is damaged"):
        check_graph(folder / "pixels.onnx")


@pytest.mark.parametrize("place", ["../secret", "/etc/passwd", "a/b", "..", "", "c:\\x", "../model/transfer.onnx"])
def test_weights_outside_the_folder_never_reach_the_runtime(folder, monkeypatch, place):
    (folder.parent / "secret").write_bytes(bytes(10_000_000))
    graph = rewrite(folder, locate(place))
    monkeypatch.setattr("pasticcio.model.sessions._open_onnxruntime", lambda *_, **__: pytest.fail("it was loaded"))
    with pytest.raises(ModelError, match="outside its folder"):
        open_graph(graph, "onnxruntime", 1)


def test_weights_in_subgraphs_are_found(folder):
    def edit(graph):
        inner = onnx.GraphProto(name="inner")
        inner.initializer.add(name="w", data_location=1, data_type=1).external_data.add(key="location", value="../x")
        graph.graph.node[0].attribute.add(name="body", type=onnx.AttributeProto.GRAPH).g.CopyFrom(inner)

    with pytest.raises(ModelError, match="outside its folder"):
        check_graph(rewrite(folder, edit))


def test_a_link_out_of_the_folder_is_outside_and_a_store_of_links_is_not(folder, tmp_path):
    graph = rewrite(folder, locate("link"))
    (tmp_path / "secret").write_bytes(bytes(10_000_000))
    os.symlink(tmp_path / "secret", folder / "link")
    with pytest.raises(ModelError, match="outside its folder"):
        check_graph(graph)
    links = tmp_path / "links"
    links.mkdir()
    for path in DEFAULT.iterdir():
        os.symlink(path, links / path.name)
    check_graph(links / "pixels.onnx")


@pytest.mark.parametrize(("key", "value"), [("offset", "99999999"), ("offset", "-1"), ("length", "x")])
def test_weights_beyond_the_end_of_their_file_are_refused(folder, key, value):
    with pytest.raises(ModelError, match=r"pixels\.onnx is damaged"):
        check_graph(rewrite(folder, locate(value, key)))


def test_operators_of_another_domain_are_refused(folder):
    with pytest.raises(ModelError, match=r"domain 'evil\.ops'"):
        check_graph(rewrite(folder, lambda graph: setattr(graph.graph.node[3], "domain", "evil.ops")))


def test_a_configuration_that_lies_about_the_graph_is_refused(folder):
    change(folder, lambda config: config["network"].update(embedding=64))
    with pytest.raises(ModelError, match=r"embedding has 100 numbers, and config\.json says 64"):
        check_graph(folder / "pixels.onnx")
    change(
        folder, lambda config: (config["network"].update(embedding=100), config["inputs"]["pixels.onnx"].pop("content"))
    )
    with pytest.raises(ModelError, match=r"its inputs are content, embedding; config\.json has embedding"):
        check_graph(folder / "pixels.onnx")


@pytest.mark.parametrize(
    ("name", "other", "what"),
    [
        (
            "pixels.onnx",
            "transfer.onnx",
            r"its input content is float32 \(\?, 3, \?, \?\); config\.json has uint8 \(batch",
        ),
        ("transfer.onnx", "pixels.onnx", r"its input content is uint8"),
        ("predict.onnx", "transfer.onnx", r"its inputs are content, embedding; config\.json has style"),
        ("transfer.onnx", "regions.onnx", r"its inputs are content, embeddings, given"),
        ("regions.onnx", "transfer.onnx", r"its inputs are content, embedding; config\.json has content, embeddings"),
        ("pixels-int8.onnx", "predict.onnx", r"its inputs are style"),
    ],
)
def test_a_graph_in_the_place_of_another_is_refused_without_hashes_too(folder, name, other, what):
    without_hashes(folder)
    shutil.copy(DEFAULT / other, folder / name)
    with pytest.raises(ModelError, match=rf"{name} is damaged or not of this model: {what}"):
        check_graph(folder / name)


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (lambda value: setattr(value, "name", "picture"), r"its outputs are picture; config\.json has image"),
        (lambda value: setattr(value.type.tensor_type, "elem_type", 1), r"its output image is float32"),
        (lambda value: value.type.tensor_type.shape.dim.pop(), r"its output image is uint8 \(\?, \?, \?\)"),
        (
            lambda value: setattr(value.type.tensor_type.shape.dim[3], "dim_value", 4),
            r"image is uint8 \(\?, \?, \?, 4\)",
        ),
    ],
)
def test_another_output_is_refused(folder, edit, what):
    with pytest.raises(ModelError, match=what):
        check_graph(rewrite(folder, lambda graph: edit(graph.graph.output[0])))


@pytest.mark.parametrize("value", [[], "x", 3])
def test_hashes_of_another_kind_are_refused(folder, value):
    change(folder, lambda config: config.update(sha256=value))
    with pytest.raises(ModelError, match="sha256 is no JSON object"):
        check_graph(folder / "pixels.onnx")


def test_a_configuration_of_very_deep_brackets_is_damaged(folder):
    (folder / "config.json").write_text("[" * 200_000)
    with pytest.raises(ModelError, match=r"config\.json"):
        Model.open(folder)
    with pytest.raises(ModelError, match=r"config\.json"):
        checks.check_graph(folder / "pixels.onnx")
