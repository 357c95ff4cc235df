import pytest
import torch
import torch.nn.functional as F
from torch import nn

from pasticcio.nn.winograd import convolution as winograd
from pasticcio.nn.winograd.convolution import Kernel, conv_relu, suits

pytest.importorskip("numba")


def layer(inputs, outputs, seed=0):
    torch.manual_seed(seed)
    conv = nn.Conv2d(inputs, outputs, 3).requires_grad_(False)
    nn.init.normal_(conv.weight, std=(2 / (9 * inputs)) ** 0.5)
    return conv


def direct(x, conv, reflect):
    padded = F.pad(x, (1, 1, 1, 1), mode="reflect") if reflect else F.pad(x, (1, 1, 1, 1))
    return F.relu(F.conv2d(padded, conv.weight, conv.bias))


@pytest.mark.parametrize("reflect", [True, False])
@pytest.mark.parametrize("shape", [(2, 16, 20), (1, 17, 9), (1, 8, 11), (3, 9, 14)])
def test_output_and_gradient_are_those_of_the_convolution(shape, reflect):
    batch, height, width = shape
    conv = layer(72, 130)
    x = torch.randn(batch, 72, height, width)
    weight = torch.randn(batch, 130, height, width)
    found = {}
    for name, function in (
        ("winograd", lambda x: conv_relu(x, Kernel.of(conv, reflect))),
        ("direct", lambda x: direct(x.double(), conv.double(), reflect)),
    ):
        leaf = x.clone().requires_grad_()
        y = function(leaf)
        (y * weight).sum().backward()
        found[name] = y.detach(), leaf.grad
        conv.float()
    for ours, theirs in zip(found["winograd"], found["direct"], strict=True):
        assert ours.shape == theirs.shape
        assert (ours - theirs).abs().max() < 5e-5 * theirs.abs().max()


def test_chunks_and_threads_change_nothing():
    conv = layer(64, 64)
    x = torch.randn(2, 64, 37, 21)
    kernel = Kernel.of(conv, True)

    def both(chunk):
        leaf = x.clone().requires_grad_()
        y = conv_relu(leaf, kernel, chunk)
        y.square().sum().backward()
        return y.detach(), leaf.grad

    whole = both(winograd.CHUNK)
    threads = torch.get_num_threads()
    try:
        for count in (1, 3):
            torch.set_num_threads(count)
            for one, other in zip(both(1), whole, strict=True):
                torch.testing.assert_close(one, other, rtol=0, atol=2e-5)
    finally:
        torch.set_num_threads(threads)


@pytest.mark.parametrize(("capability", "wanted"), [("AVX2", True), ("AVX512", False)])
def test_only_on_processors_that_gain_by_it(monkeypatch, capability, wanted):
    winograd.pays.cache_clear()
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: capability)
    assert suits(torch.zeros(1, 64, 16, 16), 64) == wanted
    winograd.pays.cache_clear()


def test_only_where_it_suits(monkeypatch):
    monkeypatch.setattr(winograd, "pays", lambda: True)
    x = torch.zeros(1, 64, 16, 16)
    assert suits(x, 64)
    assert not suits(x, 32)
    assert not suits(x[:, :32], 64)
    assert not suits(x[:, :, :, :7], 64)
    assert not suits(x.double(), 64)
    with torch.autocast("cpu", torch.bfloat16):
        assert not suits(x, 64)
