import onnx
import onnxruntime
import torch
from torch import nn

from pasticcio.training.graph_file import HALVED, halve, write_graph


def test_matrices_of_half_precision_lie_in_half_the_bytes_and_say_the_same(tmp_path):
    torch.manual_seed(0)
    width = int(HALVED**0.5)
    graph = nn.ModuleDict({name: nn.Linear(width, width) for name in ("kept", "vgg", "exact")})
    graph.forward = lambda x: graph["exact"](graph["vgg"](graph["kept"](x)))  # type: ignore[method-assign]
    with torch.no_grad():
        for name in ("vgg", "exact"):
            graph[name].weight.copy_(graph[name].weight.half())
    path, x = tmp_path / "graph.onnx", torch.rand(2, width)
    write_graph(graph, (x,), {"x": {0: "batch"}}, ["y"], path)

    def run():
        return onnxruntime.InferenceSession(path).run(None, {"x": x.numpy()})[0]

    before, size = run(), path.stat().st_size
    halve(path, lent="vgg")
    assert (run() == before).all()
    assert size - path.stat().st_size > 0.9 * 2 * width * width
    kinds = {weights.name: weights.data_type for weights in onnx.load(path).graph.initializer if len(weights.dims) == 2}
    assert sorted(kinds.values()) == [onnx.TensorProto.FLOAT] * 2 + [onnx.TensorProto.FLOAT16]
    assert next(name for name, kind in kinds.items() if kind == onnx.TensorProto.FLOAT16).startswith("exact")
