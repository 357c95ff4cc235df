"""Time of the loss network forward and backward on the CPU, with Winograd's convolutions and with torch's, in turns.

python benchmarks/loss_network.py --rounds 9
"""

from __future__ import annotations

import argparse
import os
import statistics
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as in `pasticcio train`

import torch

from pasticcio.baselines.settings import LOSS
from pasticcio.nn.winograd import convolution as winograd
from pasticcio.training.pretrained import load_vgg

SHAPES = ((1, 256, 256), (1, 512, 512), (8, 128, 128), (8, 144, 144))  # pictures, height, width


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="the table has the medians over so many rounds")
    rounds = parser.parse_args().rounds
    winograd.pays = lambda: True  # whatever the processor
    vgg = load_vgg("vgg19-normalised", LOSS.layers(), "random", padding="reflect").to(memory_format=torch.channels_last)
    print(
        "| pictures | torch, ms | Winograd, ms | times as fast | gradient, relative difference |\n|---|---|---|---|---|"
    )
    for count, height, width in SHAPES:
        images = torch.rand(count, 3, height, width).contiguous(memory_format=torch.channels_last)
        times: dict[bool, list[float]] = {False: [], True: []}
        gradients = {}
        for number in range(rounds + 2):  # the first two are not counted
            for tiled in (False, True):
                vgg.winograd = tiled
                begun = time.perf_counter()
                gradients[tiled] = gradient(vgg, images)
                if number > 1:
                    times[tiled].append(1e3 * (time.perf_counter() - begun))
        before, after = (statistics.median(times[tiled]) for tiled in (False, True))
        ratio = statistics.median(a / b for a, b in zip(times[False], times[True], strict=True))
        off = (gradients[True] - gradients[False]).norm() / gradients[False].norm()
        print(f"| {count} of {height}x{width} | {before:.0f} | {after:.0f} | {ratio:.2f} | {off:.1e} |", flush=True)


def gradient(vgg: torch.nn.Module, images: torch.Tensor) -> torch.Tensor:
    """The gradient of the sum of all features with respect to the pixels."""
    pixels = images.clone().requires_grad_()
    torch.autograd.backward(sum(features.sum() for features in vgg(pixels).values()))
    assert pixels.grad is not None
    return pixels.grad


if __name__ == "__main__":
    main()
