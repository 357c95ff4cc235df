import shutil
from dataclasses import replace

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from conftest import exporting
from pasticcio.errors import ModelError, TrainingError
from pasticcio.model.folder import PIXELS_INT8, STRENGTH, Model
from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.nn.norm import Steering
from pasticcio.nn.paper import PaperTransfer
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.export import TOLERANCE, compare, export
from pasticcio.training.model_folder import load_network, load_weights, save_model


def test_graphs_equal_torch(model_folder):
    assert compare(load_network(model_folder), Model.open(model_folder)) <= TOLERANCE


def test_a_difference_is_an_error(model_folder, tmp_path):
    network = load_network(model_folder)
    with torch.no_grad():
        network.heads.bias += 0.05
    with pytest.raises(TrainingError, match="differ from torch"):
        compare(network, Model.open(model_folder))


def test_any_height_width_and_batch(model_folder):
    network, stylizer = load_network(model_folder), Stylizer(model_folder)
    rng = np.random.default_rng(0)
    for batch, styles, height, width in ((1, 1, 16, 16), (3, 1, 50, 34), (2, 2, 33, 129)):
        content = rng.random((batch, 3, height, width), dtype=np.float32)
        embedding = rng.standard_normal((styles, 6), dtype=np.float32)
        found = stylizer.run(stylizer.model.transfer, content=content, embedding=embedding)
        with torch.no_grad():
            expected = network.render(torch.from_numpy(content), torch.from_numpy(embedding))
        np.testing.assert_allclose(found, expected.numpy(), atol=TOLERANCE)


def test_graph_inputs_are_those_of_the_configuration(model_folder):
    model = Model.open(model_folder)
    for path in (model.predict, model.transfer, model.pixels):
        graph = onnx.load(path).graph
        assert [i.name for i in graph.input] == list(model.config["inputs"][path.name])
        assert [o.name for o in graph.output] == list(model.config["outputs"][path.name])


def test_pixels_of_any_height_width_and_batch(model_folder):
    network, stylizer = load_network(model_folder), Stylizer(model_folder)
    rng = np.random.default_rng(0)
    for batch, styles, height, width in ((1, 1, 16, 16), (3, 1, 50, 33), (2, 2, 33, 129)):
        content = rng.integers(0, 256, (batch, height, width, 3), dtype=np.uint8)
        embedding = rng.standard_normal((styles, 6), dtype=np.float32)
        found = stylizer.run(stylizer.model.pixels, content=content, embedding=embedding)
        with torch.no_grad():
            expected = network.transfer.paint(torch.from_numpy(content), network.heads(torch.from_numpy(embedding)))
        assert found.dtype == np.uint8
        assert np.abs(found.astype(int) - expected.numpy()).max() <= 1


def test_graphs_move_no_floats_between_channels_and_pixels(model_folder):
    """What made a fifth of the time: blocks of pixels become channels inside convolutions, and come out as bytes."""
    model = Model.open(model_folder)
    for path, moves in ((model.transfer, 1), (model.pixels, 0)):
        operators = [node.op_type for node in onnx.load(path).graph.node]
        assert operators.count("DepthToSpace") == moves
        assert operators.count("ConvTranspose") == 2
        assert operators.count("Transpose") == (0 if path == model.transfer else 3)


@pytest.mark.slow
def test_the_network_of_the_paper_exports_and_so_do_a_branch_and_bent_heads(tmp_path, monkeypatch):
    monkeypatch.setattr(PaperTransfer, "blocks", 1)  # all five are alike, and tracing them takes half a minute
    config = NetworkConfig(
        transfer="paper",
        predictor="compact",
        width=0.125,
        predictor_widths=(4, 4, 4),
        predictor_hidden=8,
        predictor_directions=5,
        predictor_forms=2,
        heads_hidden=3,
    )
    torch.manual_seed(0)
    network = StyleNetwork(config).eval()
    torch.nn.init.normal_(network.heads.bend[2].weight)
    network.predictor.branch.vgg.randomize(0)
    torch.nn.init.normal_(network.predictor.branch.out.weight)
    torch.nn.init.normal_(network.predictor.branch.forms.out.weight, std=0.3)
    save_model(tmp_path, network, "paper", {})
    with exporting():
        assert export(tmp_path) <= TOLERANCE


def test_fingerprint_follows_the_weights(tiny, model_folder, tmp_path):
    torch.manual_seed(1)
    save_model(tmp_path, StyleNetwork(tiny), "other", {})
    shutil.copy(model_folder / "predict.onnx", tmp_path)
    shutil.copy(model_folder / "transfer.onnx", tmp_path)
    assert Model.open(tmp_path).fingerprint != Model.open(model_folder).fingerprint


def test_weights_of_another_network_are_refused(model_folder, tmp_path):
    with pytest.raises(ModelError, match="does not fit"):
        load_weights(StyleNetwork(NetworkConfig()), model_folder)
    with pytest.raises(ModelError, match="no model folder"):
        load_network(tmp_path)


def test_parts_that_are_new_may_be_missing_and_no_others(tiny, tmp_path):
    torch.manual_seed(0)
    known = StyleNetwork(replace(tiny, predictor_directions=4))
    save_model(tmp_path, known, "first", {})
    network = StyleNetwork(replace(tiny, predictor_directions=4, predictor_forms=2, heads_hidden=3))
    own = {name: value.clone() for name, value in network.state_dict().items()}
    parts = ("heads.bend", "predictor.branch.forms")
    assert load_weights(network, tmp_path, new=parts) == set(parts)
    loaded, saved = network.state_dict(), load_network(tmp_path).state_dict()
    for name, value in loaded.items():
        assert torch.equal(value, own[name] if name.startswith(parts) else saved[name]), name
    for new in ((), parts[:1]):
        with pytest.raises(ModelError, match="forms"):
            load_weights(network, tmp_path, new=new)
    assert load_weights(StyleNetwork(known.config), tmp_path, new=parts) == set()


def test_other_graphs_borrow_the_weights(model_folder):
    model = Model.open(model_folder)
    for path in (model.regions, model.pixels):
        graph = onnx.load(path, load_external_data=False).graph
        borrowed = [w for w in graph.initializer if w.data_location == onnx.TensorProto.EXTERNAL]
        assert borrowed
        places = {entry.value for w in borrowed for entry in w.external_data if entry.key == "location"}
        assert places == {"transfer.onnx"}
        assert max(len(w.raw_data) for w in graph.initializer) < 1024
    graph = onnx.load(model.regions, load_external_data=False).graph
    names = [
        name.replace("K", str(k))
        for name in model.config["regions"]["inputs"]
        for k in model.config["regions"]["scales"]
    ]
    assert {i.name for i in graph.input} == set(names)


def test_the_regions_graph_equals_torch(model_folder):
    """Two styles in one picture, a batch, weights, some statistics given."""
    network, model = load_network(model_folder), Model.open(model_folder)
    transfer, channels = network.transfer, network.transfer.style_parameters // 2
    torch.manual_seed(0)
    content, embeddings = torch.rand(2, 3, 48, 64), torch.randn(2, 6)
    share = {k: torch.rand(2, 1, 48 // k, 64 // k) for k in transfer.scales}
    masks = {k: torch.cat([m, 1 - m], 1) for k, m in share.items()}
    weights = {k: torch.rand(1, 1, 48 // k, 64 // k) for k in transfer.scales}
    given, known = torch.rand(2, channels), (torch.arange(channels) % 3 == 0).float()
    inputs = {"content": content, "embeddings": embeddings, "given": given, "known": known}
    inputs |= {f"masks_{k}": m for k, m in masks.items()} | {f"weights_{k}": w for k, w in weights.items()}
    session = onnxruntime.InferenceSession(str(model.regions))
    image, statistics = session.run(None, {name: value.numpy() for name, value in inputs.items()})
    with torch.no_grad():
        steering = Steering(network.heads(embeddings), masks, weights, given, known)
        expected = transfer.render(content, steering)
    np.testing.assert_allclose(image, expected.numpy(), atol=TOLERANCE)
    np.testing.assert_allclose(statistics, steering.statistics().numpy(), atol=1e-3, rtol=1e-3)


def test_a_folder_without_the_regions_graph_says_so(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "old")
    (folder / "regions.onnx").unlink()
    stylizer = Stylizer(folder)
    photo = np.zeros((32, 32, 3), np.uint8)
    stylizer.stylize(photo, photo)
    with pytest.raises(ModelError, match=r"no regions.onnx for masks, transparency and tiles; export it anew"):
        stylizer.stylize(photo, photo, Options(tile=64))


def test_what_was_measured_on_other_weights_is_taken_away(model_folder, tmp_path):
    folder = shutil.copytree(model_folder, tmp_path / "again")
    for name in (PIXELS_INT8, STRENGTH):
        (folder / name).write_bytes(b"of the weights before")
    network = load_network(folder)
    with torch.no_grad():
        network.heads.bias += 0.05
    save_model(folder, network, "again", {})
    with exporting():
        export(folder)
    assert not (folder / PIXELS_INT8).exists()
    assert not (folder / STRENGTH).exists()
    assert Model.open(folder).strength is None
