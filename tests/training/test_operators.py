import onnxruntime
import pytest
import torch
from torch import nn
from torch.nn import functional

from pasticcio.nn.encoded import enlarged
from pasticcio.nn.losses import grid_pattern
from pasticcio.nn.transfer import reflect
from pasticcio.training.graph_file import write_graph
from pasticcio.training.operators import REWRITTEN, WRITTEN, traced


class Layers(nn.Module):
    """Every kind of layer that is written anew, or whose backward pass is."""

    def __init__(self, stride=2):
        super().__init__()
        self.first = nn.Conv2d(3, 5, 3, stride=stride, padding=1)
        self.second = nn.Conv2d(5, 4, 3)

    def forward(self, x):
        x = functional.max_pool2d(torch.relu(self.first(x)), 2)
        x = torch.relu(self.second(reflect(x, 2, 1, 3, 0)))
        x = enlarged(functional.interpolate(x, scale_factor=2.0, mode="nearest"))
        return (x.square() * x).sum()


@pytest.mark.parametrize("function", [Layers(), lambda x: grid_pattern(x)], ids=["layers", "grid"])
def test_backward_passes_are_those_of_autograd(function):
    torch.manual_seed(0)
    if isinstance(function, nn.Module):
        function.requires_grad_(False)
    x = torch.rand(2, 3, 24, 32)
    gradient = traced(torch.func.grad(function), x)
    assert not {node.target for node in gradient.graph.nodes} & REWRITTEN.keys()
    assert not [node for node in gradient.graph.nodes if "index_put" in str(node.target)]  # threads add in any order
    leaf = x.clone().requires_grad_(True)
    function(leaf).backward()
    torch.testing.assert_close(gradient(x), leaf.grad)


def test_a_gradient_that_is_written_as_a_graph_is_that_of_autograd_at_any_size(tmp_path):
    torch.manual_seed(0)
    function = Layers(stride=1).requires_grad_(False)
    shapes = {"x": {2: "height", 3: "width"}}
    gradient = traced(torch.func.grad(function), example := torch.rand(1, 3, 40, 56))
    write_graph(gradient, (example,), shapes, ["gradient"], tmp_path / "x.onnx", folded=0, operators=WRITTEN)
    session = onnxruntime.InferenceSession(tmp_path / "x.onnx", providers=["CPUExecutionProvider"])
    for height, width in ((40, 56), (32, 24), (16, 72)):
        x = torch.rand(1, 3, height, width, requires_grad=True)
        function(x).backward()
        (found,) = session.run(None, {"x": x.detach().numpy()})
        torch.testing.assert_close(torch.from_numpy(found), x.grad, atol=1e-4, rtol=1e-4)
