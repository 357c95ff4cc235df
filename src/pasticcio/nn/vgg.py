"""The loss network: VGG-16 or VGG-19 (Simonyan and Zisserman 2015), stopped at the deepest layer used."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.transfer import reflect as mirrored
from pasticcio.nn.winograd.convolution import Kernel, conv_relu, suits

BLOCKS = {16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class VggConfig:
    """Architecture of a loss network.

    Attributes:
        depth: 16 or 19.
        pooling: "max" as trained, or "average" (Gatys et al. 2015, section 2; the authors' code).
        padding: "zero" as trained, or "reflect", with which borders do not change the statistics.
        widths: channels of the five blocks.
    """

    depth: Literal[16, 19] = 19
    pooling: Literal["max", "average"] = "max"
    padding: Literal["zero", "reflect"] = "zero"
    widths: tuple[int, ...] = WIDTHS

    def layers(self) -> list[str]:
        """Names of all activations, `relu1_1` to `relu5_4`, in order."""
        blocks = enumerate(BLOCKS[self.depth], start=1)
        return [f"relu{block}_{i}" for block, count in blocks for i in range(1, count + 1)]


class Vgg(nn.Module):
    """VGG's convolutions with frozen weights; returns the named activations.

    Args:
        config: which network.
        layers: activations wanted, such as "relu3_3". Nothing deeper than the last is built.

    Attributes:
        winograd: use Winograd's algorithm for the convolutions that it suits (`winograd.convolution.suits`).

    Raises:
        ValueError: a layer that this network does not have.
    """

    def __init__(self, config: VggConfig, layers: Sequence[str]) -> None:
        super().__init__()
        known = config.layers()
        unknown = [layer for layer in layers if layer not in known]
        if unknown or not layers:
            raise ValueError(f"layers {unknown or list(layers)} are not in VGG-{config.depth}: {', '.join(known)}")
        self.config = config
        self.wanted = tuple(layers)
        self.input = nn.Conv2d(3, 3, 1)  # pixel scaling: RGB in [0, 1] to what the network was trained on
        self.convs = nn.ModuleDict()
        self.maps = nn.ModuleDict()  # for a narrow copy: 1x1 maps to the features it was distilled from
        inputs = 3
        for name in known[: max(known.index(layer) for layer in layers) + 1]:
            outputs = config.widths[int(name[4]) - 1]
            self.convs[name] = nn.Conv2d(inputs, outputs, 3, padding=1 if config.padding == "zero" else 0)
            inputs = outputs
        self.winograd = True
        self._kernels: dict[str, Kernel] = {}  # for Winograd's algorithm, made of the weights when first used
        self.register_load_state_dict_post_hook(lambda *_: self._kernels.clear())  # type: ignore[no-untyped-call]
        self.requires_grad_(False)
        self.eval()

    def forward(self, images: Float[Tensor, "b 3 h w"]) -> dict[str, Tensor]:
        """Activations of `images` (RGB in [0, 1]) at the wanted layers, each (B, C, H', W')."""
        x = self.input(images)
        found = {}
        for name in self.convs:
            if name.endswith("_1") and name != "relu1_1":
                x = F.avg_pool2d(x, 2) if self.config.pooling == "average" else F.max_pool2d(x, 2)
            x = self._conv_relu(name, x)
            if name in self.wanted:
                found[name] = self.maps[name](x) if name in self.maps else x
        return found

    def _conv_relu(self, name: str, x: Tensor) -> Tensor:
        conv = self.convs[name]
        assert isinstance(conv, nn.Conv2d)
        reflect = self.config.padding == "reflect"
        if self.winograd and suits(x, conv.out_channels):
            if name not in self._kernels:
                self._kernels[name] = Kernel.of(conv, reflect)
            return conv_relu(x, self._kernels[name])
        return F.relu(conv(mirrored(x, 1, 1, 1, 1) if reflect else x))

    def randomize(self, seed: int) -> None:
        """Draw weights that keep the scale of activations (He et al. 2015), always the same for one seed."""
        generator = torch.Generator().manual_seed(seed)
        convs = {}
        for name, conv in self.convs.items():
            weight = torch.empty_like(conv.weight)  # type: ignore[arg-type]
            convs[f"convs.{name}.weight"] = nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
            convs[f"convs.{name}.bias"] = torch.zeros_like(conv.bias)  # type: ignore[arg-type]
        convs |= {f"maps.{name}": value for name, value in self.maps.state_dict().items()}
        self._load(convs, torch.eye(3), torch.zeros(3))

    def load_torchvision(self, state: Mapping[str, Tensor]) -> None:
        """Take the weights of torchvision's `vgg16` or `vgg19` state dict (`features.N.weight`).

        The N count convolutions, activations and poolings alike.
        """
        named: dict[str, Tensor] = {}
        index = 0
        for name in self.config.layers():
            if name.endswith("_1") and name != "relu1_1":
                index += 1  # the pooling before this block
            if name in self.convs:
                for part in ("weight", "bias"):
                    named[f"convs.{name}.{part}"] = state[f"features.{index}.{part}"]
            index += 2  # convolution and activation
        std = torch.tensor(IMAGENET_STD)
        self._load(named, torch.diag(1 / std), -torch.tensor(IMAGENET_MEAN) / std)

    def load_normalised(self, state: Mapping[str, Tensor]) -> None:
        """Take the normalised VGG-19 of Gatys et al. (`conv1_1.weight` ...; BGR, 0 to 255, mean removed)."""
        matrix = 255.0 * torch.eye(3).flip(0)
        self._load(self._named(state, "conv{0}_{1}"), matrix, -torch.tensor([103.939, 116.779, 123.68]))

    def load_small(self, state: Mapping[str, Tensor]) -> None:
        """Take the quarter-width VGG-19 of Collaborative-Distillation (`conv0`, `conv11` ...; RGB in [0, 1]).

        Where it has a linear map to the features of the full network (`conv41_aux`), distances are
        those of the mapped features. Without the maps its Gram matrices are dominated by a few channels, and Gram
        distances do not follow those of the full network.

        The map A f + b = [A b] [f 1] is not applied itself: with [A b] = Q R, the features R [f 1]
        have the same distances and as few channels as f, plus one. They are scaled so that means
        over channels (content) and over pairs of channels (Gram) are the mapped features' too.
        """
        named = self._named(state, "conv{0}{1}")
        for name in self.wanted:
            key = f"conv{name[4]}{name[6]}_aux"
            if f"{key}.weight" not in state:
                continue
            weight, bias = state[f"{key}.weight"][:, :, 0, 0].double(), state[f"{key}.bias"].double()
            outputs, inputs = weight.shape
            triangle = torch.linalg.qr(torch.cat([weight, bias[:, None]], 1)).R * ((inputs + 1) / outputs) ** 0.5
            self.maps[name] = nn.Conv2d(inputs, inputs + 1, 1).requires_grad_(False)
            named[f"maps.{name}.weight"] = triangle[:, :inputs, None, None]
            named[f"maps.{name}.bias"] = triangle[:, inputs]
        self._load(named, state["conv0.weight"][:, :, 0, 0], state["conv0.bias"])

    def _named(self, state: Mapping[str, Tensor], pattern: str) -> dict[str, Tensor]:
        return {
            f"convs.{name}.{part}": state[pattern.format(*name[4:].split("_")) + f".{part}"]
            for name in self.convs
            for part in ("weight", "bias")
        }

    def _load(self, convs: Mapping[str, Tensor], matrix: Tensor, bias: Tensor) -> None:
        values = {**convs, "input.weight": matrix[:, :, None, None], "input.bias": bias}
        self.load_state_dict({name: value.float() for name, value in values.items()})
