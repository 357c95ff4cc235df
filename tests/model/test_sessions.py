import os
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
from skimage import data

from pasticcio.errors import MissingExtraError, ModelError, OptionError
from pasticcio.image.picture import as_depth, as_float
from pasticcio.model import sessions as runtimes
from pasticcio.model.folder import SHIPPED, Model
from pasticcio.model.sessions import Sessions, open_graph, precisions, resolve
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.export import load_network

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


@every_runtime
def test_a_changed_weight_would_be_seen(runtime, model_folder):
    needs(runtime)
    stylizer = Stylizer(model_folder, runtime=runtime)
    photo = photos()[0]
    one, other = (stylizer.render(photo, np.full(6, value, np.float32)) for value in (0.0, 0.5))
    assert np.abs(one - other).mean() > MEAN_BF16


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


def test_a_size_that_comes_again_is_compiled_for(model_folder, monkeypatch):
    """And the picture stays the same; sizes that came long ago are forgotten."""
    needs("openvino")
    monkeypatch.setattr(runtimes, "MOST_SIZES", 1)
    graph = runtimes._OpenVino(Model.open(model_folder).pixels, "openvino", 1)
    style = np.zeros((1, 6), np.float32)
    for side in (48, 64):
        content = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
        images = [graph({"content": content, "embedding": style})[0] for _ in range(runtimes.REPEATED + 1)]
        assert [sizes[0][1][1] for sizes in graph._own] == [side]
        assert graph._own[next(iter(graph._own))] is not graph._any
        for image in images[1:]:
            assert np.abs(image.astype(int) - images[0]).max() <= 1


def test_masks_and_tiles_work_whatever_the_runtime(photo, style_file, model_folder):
    needs("openvino")
    mask = np.tile(np.linspace(0, 1, 90, dtype=np.float32), (60, 1))
    options = Options(mask=mask, tile=128)
    one, other = (
        Stylizer(model_folder, runtime=runtime).stylize(photo, style_file, options).astype(int)
        for runtime in ("onnxruntime", "openvino")
    )
    assert np.abs(one - other).max() <= 1


def test_graphs_are_loaded_once_whoever_asks(model_folder, monkeypatch):
    asked = []

    def count(graph, runtime, threads, large):
        asked.append((graph.name, runtime, threads))
        return lambda inputs: [np.zeros(1)]

    monkeypatch.setattr(runtimes, "open_graph", count)
    model = Model.open(model_folder)
    sessions = Sessions(lambda: "openvino", 3)
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
    with pytest.raises(ModelError, match=r"cannot load .*transfer\.onnx: ") as caught:
        open_graph(graph, runtime)
    assert "\n" not in str(caught.value)
    sessions = Sessions(lambda: runtime)
    sessions.load(graph)  # says nothing
    with pytest.raises(ModelError, match="cannot load"):
        sessions.run(graph, {})


@every_runtime
def test_nothing_is_written_beside_our_own_cache(runtime, tmp_path, model_folder):
    """Both runtimes would keep an identifier, and onnxruntime events, to send to their makers."""
    needs(runtime)
    code = (
        "import numpy as np; from pasticcio import Stylizer; "
        f"Stylizer({str(model_folder)!r}, runtime={runtime!r})"
        ".stylize(np.zeros((32, 32, 3), np.uint8), np.zeros((64, 64, 3), np.uint8))"
    )
    home = {"HOME": str(tmp_path), "XDG_CACHE_HOME": str(tmp_path), "PASTICCIO_CACHE": "0"}
    environment = {**os.environ, **home}
    environment.pop("ORT_DISABLE_TELEMETRY", None)
    subprocess.run([sys.executable, "-c", code], env=environment, check=True)
    assert list(tmp_path.rglob("*")) == []


def test_unknown_runtimes_are_refused(monkeypatch, model_folder):
    with pytest.raises(OptionError, match="runtime is 'opnvino'; did you mean openvino"):
        Stylizer(model_folder, runtime="opnvino")
    monkeypatch.setenv("PASTICCIO_RUNTIME", "tensorrt")
    with pytest.raises(OptionError, match="PASTICCIO_RUNTIME is 'tensorrt'; known: auto, onnxruntime, onnx"):
        Stylizer(model_folder)
    assert resolve("onnxruntime") == "onnxruntime"  # what is asked for goes before the environment


def test_the_environment_names_the_runtime(monkeypatch, model_folder):
    monkeypatch.setenv("PASTICCIO_RUNTIME", "onnxruntime")
    assert Stylizer(model_folder).choice.runtime == "onnxruntime"
    monkeypatch.setenv("PASTICCIO_RUNTIME", "")
    assert resolve("auto") == "auto"


def test_a_missing_extra_is_named(monkeypatch, model_folder):
    monkeypatch.setattr(runtimes.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"runtime openvino needs .*pip install 'pasticcio\[openvino\]'"):
        Stylizer(model_folder, runtime="openvino")
    assert precisions() == ()


def test_bfloat16_needs_the_instructions(monkeypatch, model_folder):
    needs("openvino")
    monkeypatch.setattr(runtimes, "precisions", lambda: ("FP32",))
    with pytest.raises(OptionError, match="this CPU has no bfloat16 instructions; choose 'openvino'"):
        Stylizer(model_folder, runtime="openvino-bf16")


@pytest.mark.parametrize("damage", ["absent", "unwritable", "garbage"])
def test_compiled_graphs_are_kept_and_never_fail(damage, monkeypatch, tmp_path, model_folder):
    needs("openvino")
    monkeypatch.setenv("PASTICCIO_CACHE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "pasticcio" / "openvino"
    photo, embedding = photos()[0], np.ones(6, np.float32)
    wanted = Stylizer(model_folder, runtime="onnxruntime").render(photo, embedding)
    if damage == "unwritable":
        folder.parent.mkdir()
        folder.write_text("a file where the folder would be")
    else:
        Stylizer(model_folder, runtime="openvino").render(photo, embedding)
        (kept,) = folder.glob("*.blob")
        if damage == "garbage":
            kept.write_bytes(kept.read_bytes()[:500])
        else:
            kept.unlink()
    found = Stylizer(model_folder, runtime="openvino").render(photo, embedding)
    assert np.abs(found - wanted).max() <= LARGEST


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
    assert subprocess.run(command, stdout=subprocess.PIPE, text=True, timeout=60).stdout == "3\n"


def test_a_stylizer_that_nobody_uses_is_freed(model_folder):
    stylizer = Stylizer(model_folder)
    stylizer.render(np.zeros((16, 16, 3), np.uint8), np.zeros(6, np.float32))
    sessions = weakref.ref(stylizer._sessions)
    del stylizer
    assert sessions() is None
