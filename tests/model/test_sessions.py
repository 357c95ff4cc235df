import json
import os
import shutil
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import onnx
import onnx.numpy_helper
import pytest
import torch
from skimage import data

from pasticcio.errors import ModelError
from pasticcio.image.picture import as_depth, as_float
from pasticcio.model.folder import SHIPPED, Model
from pasticcio.model.machine import precisions
from pasticcio.model.sessions import Sessions, open_graph
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.named import list_styles
from pasticcio.training.model_folder import load_network

LARGEST, MEAN = 1e-3, 1e-5  # difference from torch in float32, on [0, 1]
LARGEST_BF16, MEAN_BF16 = 0.15, 0.02


def needs(runtime):
    """Skips, with the reason, where a runtime is not here."""
    if runtime.startswith("openvino"):
        pytest.importorskip("openvino", reason="needs OpenVINO: pip install 'pasticcio[openvino]'")
    if runtime == "openvino-bf16" and "BF16" not in precisions():
        pytest.skip("needs a CPU with bfloat16 instructions")


every_runtime = pytest.mark.parametrize("runtime", ["onnxruntime", "openvino", "openvino-bf16"])


def photos():
    """Real pictures of several shapes, in a row."""
    return [
        as_float(picture)
        for picture in (data.chelsea()[60:188, 80:280], data.coffee()[100:260, 200:360], data.astronaut()[:97, 150:281])
    ]


@torch.no_grad()
def from_torch(folder: Path, content, style):
    network = load_network(folder)
    picture, painting = (torch.from_numpy(image.transpose(2, 0, 1)[None].copy()) for image in (content, style))
    return network.render(picture, network.predictor(painting))[0].permute(1, 2, 0).numpy()


@every_runtime
@pytest.mark.parametrize("model", ["tiny", "default"])
def test_every_runtime_renders_what_torch_renders(model, runtime, model_folder):
    needs(runtime)
    folder = model_folder if model == "tiny" else SHIPPED / "default"
    stylizer = Stylizer(folder, runtime=runtime)
    style = as_float(data.rocket()[100:200, 100:260])
    batch = np.ascontiguousarray(style.transpose(2, 0, 1)[None])
    embedding = stylizer.run(stylizer.model.predict, style=batch)[0]
    largest, mean = (LARGEST_BF16, MEAN_BF16) if runtime == "openvino-bf16" else (LARGEST, MEAN)
    for photo in photos():
        difference = np.abs(stylizer.render(photo, embedding) - from_torch(folder, photo, style))
        assert difference.max() <= largest
        assert difference.mean() <= mean
    assert stylizer.choice.runtime == runtime


@every_runtime
def test_bytes_are_what_torch_renders_rounded(runtime, model_folder):
    needs(runtime)
    stylizer = Stylizer(model_folder, runtime=runtime)
    style = as_float(data.rocket()[100:200, 100:260])
    batch = np.ascontiguousarray(style.transpose(2, 0, 1)[None])
    embedding = stylizer.run(stylizer.model.predict, style=batch)[0]
    for photo in photos():
        found = stylizer.render(as_depth(photo, np.uint8), embedding)
        wanted = from_torch(model_folder, photo, style)
        assert found.dtype == np.uint8
        limit = LARGEST_BF16 if runtime == "openvino-bf16" else LARGEST
        assert np.abs(as_float(found) - wanted).max() <= 0.5 / 255 + limit


@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
def test_one_changed_weight_differs_by_more_than_the_limits(runtime, tmp_path):
    """Else the limits of the tests above would say nothing."""
    needs(runtime)
    folder = shutil.copytree(SHIPPED / "default", tmp_path / "changed")
    graph = onnx.load(folder / "transfer.onnx")
    (kernel,) = (one for one in graph.graph.initializer if one.name.endswith("at_half.conv.weight"))
    values = onnx.numpy_helper.to_array(kernel).copy()
    values[np.unravel_index(np.abs(values).argmax(), values.shape)] *= 0.5
    kernel.CopyFrom(onnx.numpy_helper.from_array(values, kernel.name))
    onnx.save(graph, folder / "transfer.onnx")
    config = json.loads((folder / "config.json").read_text())
    del config["sha256"]  # else the graph would be refused
    (folder / "config.json").write_text(json.dumps(config))
    photo = photos()[0]
    whole, changed = (
        Stylizer(model, runtime=runtime).render(photo, list_styles()["dance"].embedding)
        for model in ("default", folder)
    )
    assert np.abs(whole - changed).max() > LARGEST
    assert np.abs(whole - changed).mean() > MEAN


@every_runtime
def test_many_threads_use_one_stylizer(runtime, model_folder):
    needs(runtime)
    stylizer = Stylizer(model_folder, threads=1, runtime=runtime)
    contents = [photo[: 40 + 8 * place, : 90 - 8 * place] for place, photo in enumerate(photos() * 2)]
    embeddings = np.random.default_rng(0).normal(size=(len(contents), 6)).astype(np.float32)
    alone = Stylizer(model_folder, threads=1, runtime=runtime)
    wanted = [alone.render(content, row) for content, row in zip(contents, embeddings, strict=True)]
    found: dict[tuple[int, int], np.ndarray] = {}

    def work(place):
        for turn in range(4):
            found[place, turn] = stylizer.render(contents[place], embeddings[place])

    threads = [threading.Thread(target=work, args=(place,)) for place in range(len(contents))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 * len(contents)
    for (place, _), image in found.items():
        difference = np.abs(image - wanted[place])
        if runtime == "openvino-bf16":  # the graph compiled for a size that comes again rounds differently
            assert difference.max() <= LARGEST_BF16
            assert difference.mean() <= MEAN_BF16
        else:
            assert difference.max() <= 1e-5


@every_runtime
def test_outputs_are_the_callers_own(runtime, model_folder):
    needs(runtime)
    model = Model.open(model_folder)
    run = open_graph(model.transfer, runtime, 1)
    content = np.ascontiguousarray(photos()[0].transpose(2, 0, 1)[None])
    first = run({"content": content, "embedding": np.zeros((1, 6), np.float32)})[0]
    kept = first.copy()
    run({"content": content[:, ::-1], "embedding": np.ones((1, 6), np.float32)})
    np.testing.assert_array_equal(first, kept)


def test_masks_and_tiles_work_whatever_the_runtime(photo, style_file, model_folder):
    needs("openvino")
    mask = np.tile(np.linspace(0, 1, 90, dtype=np.float32), (60, 1))
    options = Options(mask=mask, tile=128)
    one, other = (
        Stylizer(model_folder, runtime=runtime).stylize(photo, style_file, options).astype(int)
        for runtime in ("onnxruntime", "openvino")
    )
    assert np.abs(one - other).max() <= 1


def test_graphs_are_loaded_once_whoever_asks(model_folder):
    asked = []

    def count(graph, runtime, threads, large):
        asked.append((graph.name, runtime, threads))
        return lambda inputs: [np.zeros(1)]

    model = Model.open(model_folder)
    sessions = Sessions(lambda: "openvino", 3, count)
    sessions.load(model.predict)
    graphs = [model.transfer, model.predict] * 4
    threads = [threading.Thread(target=sessions.run, args=(graph, {})) for graph in graphs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sessions.run(model.regions, {})
    assert sorted(asked) == [
        ("predict.onnx", "onnxruntime", 3),
        ("regions.onnx", "onnxruntime", 3),
        ("transfer.onnx", "openvino", 3),
    ]


@every_runtime
def test_a_damaged_graph_is_a_model_error(runtime, tmp_path):
    needs(runtime)
    graph = tmp_path / "transfer.onnx"
    graph.write_bytes(b"no graph")
    with pytest.raises(ModelError, match=r"transfer\.onnx is damaged or not of this model: it is no ONNX file"):
        open_graph(graph, runtime)
    # The header is well, but the runtime knows no such operator.
    values = [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [1]) for name in ("content", "image")]
    node = onnx.helper.make_node("NoSuchOperator", ["content"], ["image"])
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph([node], "graph", values[:1], values[1:])), graph)
    with pytest.raises(ModelError, match=r"cannot load .*transfer\.onnx: ") as caught:
        open_graph(graph, runtime)
    assert "\n" not in str(caught.value)
    sessions = Sessions(lambda: runtime)
    sessions.load(graph)  # says nothing
    with pytest.raises(ModelError, match="cannot load"):
        sessions.run(graph, {})


FORKED = """
import gc, os, sys, time
import numpy as np
from pasticcio.render.stylizer import Stylizer

stylizer = Stylizer(sys.argv[1], threads=2, runtime=sys.argv[2])
picture, style = np.zeros((40, 40, 3), np.uint8), np.zeros(stylizer.model.embedding, np.float32)
before = stylizer.render(picture, style)
time.sleep(0.5)  # until the threads wait
pid = os.fork()
if not pid:
    if sys.argv[3] == "render":
        os._exit(3 if (stylizer.render(picture, style) == before).all() else 4)
    del stylizer
    gc.collect()
    sys.exit(3)  # frees whatever is left
print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="nothing forks here")
@pytest.mark.parametrize("runtime", ["onnxruntime", "openvino"])
@pytest.mark.parametrize("what", ["render", "free"])
def test_a_forked_process_has_graphs_of_its_own(what, runtime, model_folder):
    """Freed in a process without their threads, the parent's would wait for them forever."""
    needs(runtime)
    command = [sys.executable, "-c", FORKED, str(model_folder), runtime, what]
    assert subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=300).stdout == "3\n"


def test_threads_of_a_graph_rest_after_a_run(model_folder):
    run = open_graph(model_folder / "transfer.onnx", "onnxruntime", threads=2)
    inputs = {"content": np.zeros((1, 3, 128, 128), np.float32), "embedding": np.zeros((1, 6), np.float32)}
    used = []
    for _ in range(5):  # other threads of the process may work meanwhile
        run(inputs)
        begun = time.process_time()
        time.sleep(0.02)
        used.append(time.process_time() - begun)
    assert min(used) < 0.01


def test_a_stylizer_that_nobody_uses_is_freed(model_folder):
    stylizer = Stylizer(model_folder)
    stylizer.render(np.zeros((16, 16, 3), np.uint8), np.zeros(6, np.float32))
    sessions = weakref.ref(stylizer._sessions)
    del stylizer
    assert sessions() is None
