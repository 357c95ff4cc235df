import sys
from pathlib import Path

import onnx.parser
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from counts import onnx_multiply_adds, tflite_multiply_adds


def graph(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "graph.onnx"
    onnx.save(onnx.parser.parse_model('<ir_version: 9, opset_import: ["": 18]>' + text), path)
    return path


@pytest.mark.parametrize(
    ("node", "weights", "count"),
    [
        ("Conv<pads = [1,1,1,1]>(x, w)", "8,4,3,3", 2 * 8 * 10 * 6 * 4 * 9),
        ("Conv<strides = [2,2], pads = [1,1,1,1], group = 4>(x, w)", "8,1,3,3", 2 * 8 * 5 * 3 * 9),
        ("ConvTranspose<strides = [2,2]>(x, w)", "4,8,2,2", 2 * 4 * 10 * 6 * 8 * 4),
        ("MatMul(x, w)", "6,7", 2 * 4 * 10 * 6 * 7),
    ],
)
def test_each_kind_is_counted_by_hand(tmp_path, node, weights, count):
    path = graph(tmp_path, f"g (float[n,4,h,w0] x, float[{weights}] w) => (float[a,b,c,d] y) {{ y = {node} }}")
    assert onnx_multiply_adds(path, {"n": 2, "h": 10, "w0": 6}) == count


@pytest.mark.parametrize(("flags", "x", "w"), [("", "n,5", "5,7"), ("<transA = 1, transB = 1>", "5,n", "7,5")])
def test_gemm_is_counted_either_way_round(tmp_path, flags, x, w):
    path = graph(tmp_path, f"g (float[{x}] x, float[{w}] w) => (float[n,7] y) {{ y = Gemm{flags}(x, w) }}")
    assert onnx_multiply_adds(path, {"n": 3}) == 3 * 5 * 7


def test_a_padding_computed_from_the_size_is_followed(tmp_path):
    text = """g (float[1,1,h,w0] x, float[1,1,3,3] k) => (float[1,1,c,d] y) {
        eight = Constant <value_ints = [8]> ()
        zeros = Constant <value_ints = [0,0,0,0,0,0]> ()
        last = Constant <value_ints = [0]> ()
        size = Shape <start = 2, end = 3> (x)
        over = Mod (size, eight)
        pads = Concat <axis = 0> (zeros, over, last)
        padded = Pad (x, pads)
        y = Conv (padded, k)
    }"""
    assert onnx_multiply_adds(graph(tmp_path, text), {"h": 11, "w0": 8}) == (11 + 3 - 2) * (8 - 2) * 9


def test_a_shape_that_cannot_be_told_is_no_zero(tmp_path):
    text = """g (float[1,1,h,8] x, int64[8] pads, float[1,1,3,3] k) => (float[1,1,c,d] y) {
        padded = Pad (x, pads)
        y = Conv (padded, k)
    }"""
    with pytest.raises(ValueError, match="shapes of Conv"):
        onnx_multiply_adds(graph(tmp_path, text), {"h": 8})


def test_the_default_model_costs_what_its_layers_do(tmp_path):
    pytest.importorskip("torch")
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from pasticcio.model.folder import Model
    from pasticcio.training.model_folder import load_network

    model = Model.open()
    network = load_network(model.folder)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network.render(torch.rand(1, 3, 48, 72), torch.rand(1, model.embedding))
    found = onnx_multiply_adds(model.transfer, {"batch": 1, "styles": 1, "height": 48, "width": 72})
    assert found == pytest.approx(counter.get_total_flops() / 2, rel=0.02)


class Interpreter:
    """What `tflite_multiply_adds` asks of TFLite's."""

    def __init__(self, kind: str, *shapes: tuple[int, ...]) -> None:
        self.shapes = shapes
        self.kind = kind

    def get_tensor_details(self):
        return [{"index": index, "shape": shape} for index, shape in enumerate(self.shapes)]

    def _get_ops_details(self):
        last = len(self.shapes) - 1
        return [{"op_name": self.kind, "inputs": list(range(last)), "outputs": [last]}]


@pytest.mark.parametrize(
    ("kind", "shapes", "count"),
    [
        ("CONV_2D", [(2, 10, 6, 4), (8, 3, 3, 4), (8,), (2, 5, 3, 8)], 2 * 5 * 3 * 8 * 9 * 4),
        ("DEPTHWISE_CONV_2D", [(2, 10, 6, 8), (1, 3, 3, 8), (2, 10, 6, 8)], 2 * 10 * 6 * 8 * 9),
        ("TRANSPOSE_CONV", [(4,), (8, 2, 2, 4), (2, 10, 6, 4), (2, 20, 12, 8)], 2 * 10 * 6 * 4 * 4 * 8),
        ("FULLY_CONNECTED", [(2, 4), (8, 4), (2, 8)], 2 * 8 * 4),
        ("ADD", [(2, 4), (2, 4), (2, 4)], 0),
    ],
)
def test_tflite_is_counted_by_hand(kind, shapes, count):
    assert tflite_multiply_adds(Interpreter(kind, *shapes)) == count
