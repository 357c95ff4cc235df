"""Inception-v3 (Szegedy et al. 2016) up to Mixed_6e, the trunk of the paper's style prediction network.

Block names are torchvision's: Mixed_5b to Mixed_6e.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

BATCH_EPS = 1e-3
CHANNELS = 768  # of Mixed_6e

Size = int | tuple[int, int]


class Inception(nn.Module):
    """RGB in [0, 1] to the 768 channels of Mixed_6e at 1/16 of the size.

    Pixels are scaled to [-1, 1], as the public weights were trained. (The authors' code feeds
    [0, 1] and lets fine-tuning absorb the mismatch.)
    """

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Conv(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Conv(32, 32, 3)
        self.Conv2d_2b_3x3 = Conv(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Conv(64, 80, 1)
        self.Conv2d_4a_3x3 = Conv(80, 192, 3)
        self.Mixed_5b = BlockA(192, pooled=32)
        self.Mixed_5c = BlockA(256, pooled=64)
        self.Mixed_5d = BlockA(288, pooled=64)
        self.Mixed_6a = Reduction(288)
        self.Mixed_6b = BlockC(128)
        self.Mixed_6c = BlockC(160)
        self.Mixed_6d = BlockC(160)
        self.Mixed_6e = BlockC(192)

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b 768 i j"]:
        x = 2.0 * images - 1.0
        x = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(x)))
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(x))
        x = F.max_pool2d(x, 3, stride=2)
        x = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(x)))
        x = self.Mixed_6a(x)
        return self.Mixed_6e(self.Mixed_6d(self.Mixed_6c(self.Mixed_6b(x))))

    def train(self, mode: bool = True) -> Inception:
        """Stay in evaluation mode: the batch normalizations keep their running statistics.

        Departure from the authors' code, which normalizes by the statistics of a batch of eight;
        here training and use see the same network, and folded weights stay what they are.
        """
        return super().train(False)

    def load_torchvision(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of torchvision's `inception_v3` state dict; later blocks are left out.

        Raises:
            KeyError: a weight is missing.
        """
        counters = {name for name in self.state_dict() if name.endswith("num_batches_tracked")}
        wanted = [name for name in self.state_dict() if name in state or name not in counters]
        self.load_state_dict({name: state[name].float() for name in wanted}, strict=False)

    def load_folded(self, state: Mapping[str, Tensor]) -> None:
        """Take weights whose batch normalization was folded into the convolutions (2015 names).

        Each batch normalization becomes the identity with the folded bias as its shift: running
        mean 0, running variance 1 - eps, scale 1.
        """
        for ours, theirs in folded_names().items():
            block = self.get_submodule(ours)
            assert isinstance(block, Conv)
            block.conv.weight.data.copy_(state[f"{theirs}.weight"].float())
            block.bn.bias.data.copy_(state[f"{theirs}.bias"].float())
            block.bn.weight.data.fill_(1.0)
            running_mean, running_var = block.bn.running_mean, block.bn.running_var
            assert running_mean is not None
            assert running_var is not None
            running_mean.zero_()
            running_var.fill_(1.0 - BATCH_EPS)


class Conv(nn.Module):
    """Convolution without bias, batch normalization, ReLU."""

    def __init__(self, inputs: int, outputs: int, kernel: Size, stride: int = 1, padding: Size = 0) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=BATCH_EPS)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        return F.relu(self.bn(self.conv(x)))


class BlockA(nn.Module):
    """The block at 1/8: 1x1, 5x5, two 3x3, pooling."""

    def __init__(self, inputs: int, pooled: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(inputs, 64, 1)
        self.branch5x5_1 = Conv(inputs, 48, 1)
        self.branch5x5_2 = Conv(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Conv(inputs, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, padding=1)
        self.branch_pool = Conv(inputs, pooled, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        branches = [
            self.branch1x1(x),
            self.branch5x5_2(self.branch5x5_1(x)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            self.branch_pool(average(x)),
        ]
        return torch.cat(branches, 1)


class Reduction(nn.Module):
    """The block from 1/8 to 1/16."""

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.branch3x3 = Conv(inputs, 384, 3, stride=2)
        self.branch3x3dbl_1 = Conv(inputs, 64, 1)
        self.branch3x3dbl_2 = Conv(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Conv(96, 96, 3, stride=2)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d i j"]:
        branches = [
            self.branch3x3(x),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x))),
            F.max_pool2d(x, 3, stride=2),
        ]
        return torch.cat(branches, 1)


class BlockC(nn.Module):
    """The block at 1/16: 1x1, 7x7 as 1x7 and 7x1, the same twice, pooling."""

    def __init__(self, inner: int) -> None:
        super().__init__()
        self.branch1x1 = Conv(CHANNELS, 192, 1)
        self.branch7x7_1 = Conv(CHANNELS, inner, 1)
        self.branch7x7_2 = Conv(inner, inner, (1, 7), padding=(0, 3))
        self.branch7x7_3 = Conv(inner, 192, (7, 1), padding=(3, 0))
        self.branch7x7dbl_1 = Conv(CHANNELS, inner, 1)
        self.branch7x7dbl_2 = Conv(inner, inner, (7, 1), padding=(3, 0))
        self.branch7x7dbl_3 = Conv(inner, inner, (1, 7), padding=(0, 3))
        self.branch7x7dbl_4 = Conv(inner, inner, (7, 1), padding=(3, 0))
        self.branch7x7dbl_5 = Conv(inner, 192, (1, 7), padding=(0, 3))
        self.branch_pool = Conv(CHANNELS, 192, 1)

    def forward(self, x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b d h w"]:
        twice = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        branches = [
            self.branch1x1(x),
            self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x))),
            self.branch7x7dbl_5(self.branch7x7dbl_4(twice)),
            self.branch_pool(average(x)),
        ]
        return torch.cat(branches, 1)


def average(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c h w"]:
    """3x3 average at stride 1 that leaves the padding out of the count, as TensorFlow's does."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def folded_names() -> dict[str, str]:
    """Our names to those of the 2015 graph, in which `mixed` to `mixed_7` are Mixed_5b to Mixed_6e."""
    stem = ["Conv2d_1a_3x3", "Conv2d_2a_3x3", "Conv2d_2b_3x3", "Conv2d_3b_1x1", "Conv2d_4a_3x3"]
    names = {ours: "conv" if i == 0 else f"conv_{i}" for i, ours in enumerate(stem)}
    blocks = ["5b", "5c", "5d", "6a", "6b", "6c", "6d", "6e"]
    for i, block in enumerate(blocks):
        theirs = "mixed" if i == 0 else f"mixed_{i}"
        if block == "6a":
            branches = {"branch3x3": "conv", **_tower("branch3x3dbl", "tower", 3)}
        elif block.startswith("5"):
            branches = {
                "branch1x1": "conv",
                **_tower("branch5x5", "tower", 2),
                **_tower("branch3x3dbl", "tower_1", 3),
                "branch_pool": "tower_2_conv",
            }
        else:
            branches = {
                "branch1x1": "conv",
                **_tower("branch7x7", "tower", 3),
                **_tower("branch7x7dbl", "tower_1", 5),
                "branch_pool": "tower_2_conv",
            }
        names |= {f"Mixed_{block}.{ours}": f"{theirs}_{branch}" for ours, branch in branches.items()}
    return names


def _tower(ours: str, theirs: str, count: int) -> dict[str, str]:
    return {f"{ours}_{i + 1}": f"{theirs}_conv" + (f"_{i}" if i else "") for i in range(count)}
