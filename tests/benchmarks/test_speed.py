import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnx.numpy_helper
import onnx.parser
import pytest

from conftest import ROOT

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from contenders import PEAK, RENDER, Contender, check
from runners import Job, is_plain, onnx_count, onnxruntime_session
from speed import pixels, runs, too_slow
from speed_table import summary, table, times_as_fast

from pasticcio.model.folder import Model


def row(peer: bool, precision: str, milliseconds: list[float], **more) -> dict:
    measured = summary([[value / 1000] for value in milliseconds])
    return {"task": RENDER, "peer": peer, "precision": precision, "memory": 100.0, "idle": 0.0, **measured, **more}


def cells(text: str, name: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_ratios_are_to_the_fastest_peer_and_shares_to_the_best_library():
    peak = {"task": PEAK, "peer": False, "precision": "float32", "idle": 0.03, "memory": 1.0}
    text = table(
        "512x512, batch of 8",
        {
            "gemm a": peak | summary([[90e9, 100e9], [80e9]]),
            "gemm b": peak | summary([[50e9]]),
            "slow peer": row(True, "float32", [400.0] * 3),
            "quick peer": row(True, "int8", [200.0] * 3, count=10**9),
            "ours": row(False, "float32", [30.0, 50.0, 90.0], count=10**9),
            "absent": {"task": RENDER, "peer": True, "precision": "float32", "left_out": "it is not there"},
        },
    )
    assert "### 512x512, batch of 8" in text
    assert cells(text, "ours") == ["ours", "50.0 (3 runs)", "160", "4.00", "100", "1.00", "20%"]
    assert cells(text, "quick peer") == ["quick peer", "200 (3 runs)", "40.0", "1.00", "100", "1.00", ""]
    assert cells(text, "slow peer")[3] == "0.50"
    assert "100 G multiply-adds/s (median 90), gemm a." in text
    assert "at most 0.03 s" in text
    assert "Not timed (it is not there): absent." in text
    assert "| gemm a |" not in text


def test_a_slow_spell_of_the_machine_does_not_change_ratios():
    spell = (1.0, 1.0, 2.0, 2.5, 3.0)
    ours, other = (summary([[mean * slow] * 3 for slow in spell]) for mean in (0.05, 0.2))
    other["turns"][0] = [1.0, 0.2, 0.2]
    assert times_as_fast(ours, other) == pytest.approx(4.0)
    assert times_as_fast(ours, summary([[0.1], [0.1], [], [], []])) == pytest.approx(2.0)


def test_without_a_peer_there_is_no_ratio():
    text = table("256x256, batch of 1", {"ours": row(False, "float32", [50.0] * 15)})
    assert cells(text, "ours")[1:4] == ["50.0", "20.0", ""]


@pytest.mark.parametrize(
    ("own", "peer", "count"), [(0.1, 1.0, 15), (1.0, 1.0, 10), (4.0, 2.0, 5), (0.4, 0.1, 5), (0.4, float("inf"), 15)]
)
def test_slow_methods_are_timed_less_often(own, peer, count):
    assert runs(own, peer, repeats=15, seconds=10.0) == count


def test_what_took_long_on_a_small_picture_is_not_begun_on_a_large_one():
    slow = Contender("slow", RENDER, True, "float32", (), (), load=lambda job: lambda: None)
    before = {"256x256, batch of 1": {"slow": {"median": 1.0, "area": 256 * 256}}}
    assert too_slow(slow, Job(1024, 1024, 1, 2), before, limit=10.0) == "would take 16 s a run"
    assert too_slow(slow, Job(512, 512, 1, 2), before, limit=10.0) == ""
    assert too_slow(slow, Job(128, 128, 1, 2), before, limit=0.1) == ""


@pytest.mark.parametrize(("text", "size"), [("512", (512, 512)), ("1920x1080", (1080, 1920))])
def test_sizes_are_width_by_height(text, size):
    assert pixels(text) == size


@pytest.mark.slow
def test_processes_take_turns(tmp_path):
    results = tmp_path / "speed.json"
    command = [
        sys.executable, str(ROOT / "benchmarks" / "speed.py"), "--shared", str(tmp_path), "--cache", str(tmp_path),
        "--sizes", "64x48", "--batches", "1", "--repeats", "3", "--threads", "1", "--results", str(results),
        "--methods", "Pasticcio default, onnxruntime", "Magenta 8-bit",
    ]  # fmt: skip
    said = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200).stdout
    cell = json.loads(results.read_text())["cells"]["64x48, batch of 1"]
    ours = cell["Pasticcio default, onnxruntime"]
    assert ours["runs"] == 3
    assert ours["count"] > 1e6
    assert "is not there): Magenta 8-bit weights, LiteRT." in said
    assert "Peak (best matrix product)" in said
    again = subprocess.run(command, capture_output=True, text=True, check=True, timeout=200).stdout
    assert again == said


def test_graphs_of_8_bit_pictures_are_fed_and_counted_too(tmp_path):
    path = tmp_path / "bytes.onnx"
    text = """<ir_version: 9, opset_import: ["": 18]>
    g (uint8[batch,height,width,3] content, float[styles,6] embedding, float[3,3,1,1] w) => (uint8[a,b,c,d] image) {
        floats = Cast <to = 1> (content)
        planes = Transpose <perm = [0,3,1,2]> (floats)
        mixed = Conv (planes, w)
        pixels = Transpose <perm = [0,2,3,1]> (mixed)
        image = Cast <to = 2> (pixels)
    }"""
    model = onnx.parser.parse_model(text)
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.eye(3, dtype=np.float32)[:, :, None, None], "w"))
    del model.graph.input[2:]
    onnx.save(model, path)
    job = Job(24, 40, 2, 1)
    assert is_plain(path)
    assert onnx_count(path, job) == 2 * 24 * 40 * 3 * 3
    contender = Contender(
        "bytes", RENDER, False, "float32", (path,), (), load=lambda job: onnxruntime_session(path, job)
    )
    image = contender.load(job)()
    assert image.dtype == np.uint8
    check(image, contender, job)
    with pytest.raises(ValueError, match="shape"):
        check(image[:, 1:], contender, job)


def test_a_graph_that_wants_masks_is_no_plain_one():
    folder = Model.open().folder
    assert is_plain(folder / "transfer.onnx")
    assert not is_plain(folder / "regions.onnx")
