"""Forward and backward pass of a function as one graph, in operators that ONNX has and that runtimes compute fast.

Torch traces the gradients of some operators as sums of single pixels, or as operators that the exporter does not know.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from onnxscript import opset18 as opset
from torch import Tensor
from torch.fx import GraphModule
from torch.fx.experimental.proxy_tensor import make_fx
from torch.overrides import TorchFunctionMode

FAR = 2**31  # beyond the end of any axis
aten = torch.ops.aten


def traced(function: Callable[..., Any], *inputs: Tensor) -> GraphModule:
    """A function in operators that the exporter knows; weights are no inputs of the graph, and are not traced."""
    with _Enlarging():
        return make_fx(function, REWRITTEN, tracing_mode="symbolic", _allow_non_fake_inputs=True)(*inputs)


def _convolution(
    slope: Tensor, x: Tensor, weight: Tensor, _: Any, stride: list[int], padding: list[int], dilation: list[int],
    transposed: bool, __: Any, groups: int, wanted: list[bool],
) -> tuple[Tensor, None, None]:  # fmt: skip
    """The gradient of a convolution with respect to its input: a transposed convolution.

    Without a stride it is one with the kernel turned round, which runtimes compute faster.
    """
    assert not transposed
    assert wanted == [True, False, False]  # no weight learns
    if stride == dilation == [1, 1] and groups == 1:
        around = [side - 1 - pad for side, pad in zip(weight.shape[2:], padding, strict=True)]
        turned = weight.transpose(0, 1).flip(2, 3)
        return aten.convolution(slope, turned, None, [1, 1], around, [1, 1], False, [0, 0], 1), None, None
    left = [
        x.shape[2 + i] - ((slope.shape[2 + i] - 1) * stride[i] - 2 * padding[i] + weight.shape[2 + i]) for i in (0, 1)
    ]
    return aten.convolution(slope, weight, None, stride, padding, dilation, True, left, groups), None, None


def _power(x: Tensor, exponent: float) -> Tensor:
    """A square, or the first power in its gradient, without the general power that runtimes take for them."""
    if exponent == 1:
        return x
    return x * x if exponent == 2 else NotImplemented


def _max_pool(
    slope: Tensor, x: Tensor, kernel: list[int], stride: list[int], padding: list[int], dilation: list[int],
    ceil: bool, _: Tensor,
) -> Tensor:  # fmt: skip
    """The gradient of pooling by 2: it goes to the largest of four; to all of them where several are.

    Several are the largest where a ReLU made all of them 0, and it lets no gradient pass there.
    """
    pooled = aten.max_pool2d_with_indices(x, kernel, stride, padding, dilation, ceil)[0]
    every, largest = (_repeated(y, 2) for y in (slope, pooled))
    return every * (x == largest).float()


def _rectifier(slope: Tensor, x: Tensor, threshold: float) -> Tensor:
    """The gradient of a ReLU, as a product: runtimes take long for a choice between two pictures.

    Args:
        x: what came out of the ReLU.
    """
    assert threshold == 0
    return slope * (x > 0).float()


class _Enlarging(TorchFunctionMode):
    """Enlargements in operators of which the graph adds up nothing pixel by pixel.

    Torch traces them as sums of single pixels, which are slow, and which threads add up in any order.
    """

    def __torch_function__(
        self, function: Callable[..., Any], _: Any, given: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        named = named or {}
        return (_enlarged if function is F.interpolate else function)(*given, **named)


def _enlarged(x: Tensor, *, scale_factor: float, mode: str = "nearest", **other: Any) -> Tensor:
    """An enlargement to nearest neighbors by a whole number, or between them linearly by 2."""
    times = int(scale_factor)
    assert times == scale_factor
    assert not any(other.values())  # a size, corners that are aligned
    repeated: Tensor = _Repetition.apply(x, times)  # type: ignore[no-untyped-call]
    if mode == "nearest":
        return repeated
    assert (times, mode) == (2, "bilinear")
    around = F.pad(repeated, (1, 1, 1, 1), mode="reflect")
    return F.avg_pool2d(F.avg_pool2d(around, 2, stride=1), 2, stride=1)


@torch.library.custom_op("pasticcio::repeated", mutates_args=())
def _repeated(x: Tensor, times: int) -> Tensor:
    """An enlargement to nearest neighbors by a whole number.

    Torch writes its own as a lookup of single pixels, whose gradient adds them up one by one, in any order.
    """
    count, channels, height, width = x.shape
    every = x[:, :, :, None, :, None].expand(count, channels, height, times, width, times)
    return every.reshape(count, channels, times * height, times * width)


_repeated.register_fake(lambda x, times: x.new_empty(*x.shape[:2], times * x.shape[2], times * x.shape[3]))


class _Repetition(torch.autograd.Function):
    """`_repeated` with its gradient, sums over squares."""

    @staticmethod
    def forward(x: Tensor, times: int) -> Tensor:
        return _repeated(x, times)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, int], output: Tensor) -> None:
        ctx.times = inputs[1]

    @staticmethod
    def backward(ctx: Any, slope: Tensor) -> tuple[Tensor, None]:
        return F.avg_pool2d(slope, ctx.times) * ctx.times**2, None


def _as_resize(x: Any, times: int) -> Any:
    """`_repeated` in ONNX."""
    scales: Any = opset.Constant(value_floats=[1.0, 1.0, float(times), float(times)])
    return opset.Resize(
        x, None, scales, mode="nearest", coordinate_transformation_mode="asymmetric", nearest_mode="floor"
    )


def _average_pool(slope: Tensor, x: Tensor, kernel: list[int], *_: Any) -> Tensor:
    """The gradient of a mean over squares of every place: the mean over the same squares of the padded gradient."""
    side = kernel[0] - 1
    return F.avg_pool2d(F.pad(slope, (side, side, side, side)), kernel, stride=1)


def _reflection(slope: Tensor, x: Tensor, padding: list[int]) -> Tensor:
    """The gradient of padding by reflection: what fell on the border is added where it came from."""
    left, right, top, bottom = padding
    return _folded(_folded(slope, 2, top, bottom), 3, left, right)


@torch.library.custom_op("pasticcio::folded", mutates_args=())
def _folded(slope: Tensor, axis: int, before: int, after: int) -> Tensor:
    """Either border is turned round and added to the strip that it mirrors, next to the outermost line."""
    inside = slope.narrow(axis, before, slope.shape[axis] - before - after).clone()
    inside.narrow(axis, 1, before).add_(slope.narrow(axis, 0, before).flip(axis))
    strip = inside.narrow(axis, inside.shape[axis] - 1 - after, after)
    strip.add_(slope.narrow(axis, slope.shape[axis] - after, after).flip(axis))
    return inside


@_folded.register_fake
def _(slope: Tensor, axis: int, before: int, after: int) -> Tensor:
    return slope.new_empty([side - (before + after) * (i == axis) for i, side in enumerate(slope.shape)])


def _as_slices(x: Any, axis: int, before: int, after: int) -> Any:
    """`_folded` in ONNX, without the sizes of pictures, which each take an operator."""

    def part(first: int, end: int, step: int = 1) -> Any:
        where: list[Any] = [opset.Constant(value_ints=[place]) for place in (first, end, axis, step)]
        return opset.Slice(x, *where)

    if before:
        border = part(0, 1) if before == 1 else part(before - 1, -FAR, -1)
        strip = opset.Add(part(before + 1, 2 * before + 1), border)
        x = opset.Concat(part(before, before + 1), strip, part(2 * before + 1, FAR), axis=axis)
    if after:
        border = part(-1, FAR) if after == 1 else part(-1, -after - 1, -1)
        strip = opset.Add(part(-2 * after - 1, -after - 1), border)
        x = opset.Concat(part(0, -2 * after - 1), strip, part(-after - 1, -after), axis=axis)
    return x


REWRITTEN: dict[Any, Callable[..., Any]] = {
    aten.convolution_backward.default: _convolution,
    aten.pow.Tensor_Scalar: _power,
    aten.max_pool2d_with_indices_backward.default: _max_pool,
    aten.avg_pool2d_backward.default: _average_pool,
    aten.threshold_backward.default: _rectifier,
    aten.reflection_pad2d_backward.default: _reflection,
}
WRITTEN: dict[Any, Callable[..., Any]] = {
    torch.ops.pasticcio.repeated.default: _as_resize,
    torch.ops.pasticcio.folded.default: _as_slices,
}
