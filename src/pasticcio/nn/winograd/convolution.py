"""3x3 convolutions with ReLU at a quarter of the multiplications, for the frozen loss networks on CPUs.

Winograd's minimal filtering F(4x4, 3x3) (Lavin and Gray 2016, arXiv 1509.09308): 36 products make a tile of 4x4
outputs that take 144 directly. Tiles are transformed by compiled code (extra `train`: numba), the products are matrix
products over the channels. Padding, bias and ReLU are part of it, and so is the gradient at the input.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

FEWEST = 64  # channels: with fewer, tiles cost more to transform than the products save
SMALLEST = 8  # pixels of a side
CHUNK = 1 << 22  # numbers of transformed tiles held at once: they should stay in a cache
G = torch.tensor(
    [
        [1 / 4, 0, 0],
        [-1 / 6, -1 / 6, -1 / 6],
        [-1 / 6, 1 / 6, -1 / 6],
        [1 / 24, 1 / 12, 1 / 6],
        [1 / 24, -1 / 12, 1 / 6],
        [0, 0, 1],
    ],
    dtype=torch.float64,
)


@functools.cache
def available() -> bool:
    """Whether tiles can be transformed: numba is there, and works with this numpy."""
    try:
        import pasticcio.nn.winograd.tiles  # noqa: F401
    except ImportError:
        return False
    return True


@functools.cache
def pays() -> bool:
    """Whether it is faster on this processor: with AVX2, but not with AVX-512 (`benchmarks/loss_network.py`)."""
    return torch.backends.cpu.get_cpu_capability() != "AVX512"


def suits(x: Tensor, outputs: int) -> bool:
    """Whether a convolution of `x` to so many channels is done faster this way, and can be."""
    return (
        x.device.type == "cpu"
        and x.dtype == torch.float32
        and min(x.shape[1], outputs) >= FEWEST
        and min(x.shape[2:]) >= SMALLEST
        and not torch.compiler.is_compiling()
        and not torch.is_autocast_enabled("cpu")
        and pays()
        and available()
    )


@dataclass(frozen=True)
class Kernel:
    """A 3x3 kernel, transformed.

    Attributes:
        weight: (36, O, I).
        bias: (O,).
        reflect: pictures are padded by reflection, not with zeros.
    """

    weight: Tensor
    bias: Tensor
    reflect: bool

    @classmethod
    def of(cls, conv: torch.nn.Conv2d, reflect: bool) -> Kernel:
        """That of a convolution with bias."""
        assert conv.bias is not None
        weight = conv.weight.detach().double()
        outputs, inputs = weight.shape[:2]
        transformed = torch.einsum("ik,jl,oukl->ijou", G, G, weight).reshape(36, outputs, inputs)
        return cls(transformed.float().contiguous(), conv.bias.detach().contiguous(), reflect)


def conv_relu(x: Float[Tensor, "b c h w"], kernel: Kernel, chunk: int = CHUNK) -> Float[Tensor, "b d h w"]:
    """ReLU of the convolution of a picture padded by one pixel; largest error some 1e-5 of the largest output.

    Args:
        x: the picture.
        kernel: see `Kernel.of`.
        chunk: numbers of transformed tiles held at once.
    """
    result: Tensor = _ConvRelu.apply(x, kernel, chunk)  # type: ignore[no-untyped-call]
    return result


class _ConvRelu(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, kernel: Kernel, chunk: int) -> Tensor:
        from pasticcio.nn.winograd.tiles import gather, place

        batch, inputs, height, width = x.shape
        outputs = kernel.weight.shape[1]
        pixels = _pixels(x)
        y = torch.empty(batch, height, width, outputs)
        source, target, bias = pixels.numpy(), y.numpy(), kernel.bias.numpy()
        across = -(-width // 4)
        for first, rows, before, after in _chunks(batch * -(-height // 4), across, inputs, outputs, chunk):
            into, out = before.numpy(), after.numpy()
            _share(rows, gather, source, into, kernel.reflect, first)
            torch.bmm(before, kernel.weight.transpose(1, 2), out=after)
            _share(rows, place, out, target, bias, first)
        y = y.permute(0, 3, 1, 2)
        ctx.kernel, ctx.chunk = kernel, chunk
        ctx.save_for_backward(y)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        from pasticcio.nn.winograd.tiles import fold, spread

        kernel: Kernel = ctx.kernel
        (y,) = ctx.saved_tensors
        batch, outputs, height, width = y.shape
        inputs = kernel.weight.shape[2]
        down, across = -(-height // 4), -(-width // 4)
        padded = torch.zeros(batch, 4 * down + 2, 4 * across + 2, inputs)
        given, out, target = _pixels(gradient).numpy(), _pixels(y).numpy(), padded.numpy()
        for first, rows, before, after in _chunks(batch * down, across, inputs, outputs, ctx.chunk):
            into, of = before.numpy(), after.numpy()
            _share(rows, spread, given, out, of, first)
            torch.bmm(after, kernel.weight, out=before)
            for odd in (0, 1):
                _share(rows, fold, into, target, odd, first)
        if kernel.reflect:
            padded[:, 2] += padded[:, 0]
            padded[:, height - 1] += padded[:, height + 1]
            padded[:, :, 2] += padded[:, :, 0]
            padded[:, :, width - 1] += padded[:, :, width + 1]
        return padded[:, 1 : height + 1, 1 : width + 1].permute(0, 3, 1, 2), None, None


def _pixels(x: Tensor) -> Tensor:
    """(B, C, H, W) in any order as contiguous (B, H, W, C)."""
    return x.detach().permute(0, 2, 3, 1).contiguous()


def _chunks(rows: int, across: int, inputs: int, outputs: int, chunk: int) -> Iterator[tuple[int, int, Tensor, Tensor]]:
    """Rows of tiles in groups: number of the first, how many, and room for their tiles before and after."""
    most = min(rows, max(4, chunk // (36 * across * max(inputs, outputs))))
    room = torch.empty(36 * most * across * inputs), torch.empty(36 * most * across * outputs)
    for first in range(0, rows, most):
        count = min(most, rows - first)
        n = 36 * count * across
        yield (
            first,
            count,
            room[0][: n * inputs].view(36, count * across, inputs),
            room[1][: n * outputs].view(36, count * across, outputs),
        )


def _share(count: int, task: Callable[..., None], *arguments: Any) -> None:
    """Do the parts [low, high) of a task, its last two arguments, on as many threads as torch has."""
    threads = min(torch.get_num_threads(), count)
    bounds = [count * i // threads for i in range(threads + 1)]
    others = [_pool(os.getpid()).submit(task, *arguments, *bounds[i : i + 2]) for i in range(1, threads)]
    task(*arguments, *bounds[:2])
    for other in others:
        other.result()


@functools.lru_cache(1)
def _pool(process: int) -> ThreadPoolExecutor:
    """Threads of this process: a fork has none of its parent's."""
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "winograd")
