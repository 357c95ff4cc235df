"""The methods compared: ours, and other people's models that we were given."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from contenders import adain_files
from PIL import Image
from torch import Tensor, nn

from pasticcio.baselines.descent import Descent
from pasticcio.baselines.objective import Objective
from pasticcio.baselines.settings import LOSS, Settings
from pasticcio.image.picture import Array, as_batch, to_pil
from pasticcio.image.read import open_image
from pasticcio.render.adapt import Sketch
from pasticcio.render.strength import at_strength
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.pretrained import load_vgg, read_state

MAGENTA_STYLE = 256
MAGENTA_SIZE = 384
MAGENTA = {"f16_384": "float16", "quantized_384": "8-bit", "quantized_dynamic": "8-bit weights, any size"}
THREADS = os.cpu_count() or 1


@dataclass(frozen=True)
class Method:
    """One way to stylize.

    Attributes:
        name: in the table.
        megabytes: of its files; 0 where it has none of its own.
        prepare: style picture to whatever `render` wants of it; done once a style, not timed.
        render: photo and that to the output, (H, W, 3) in [0, 1]; timed.
    """

    name: str
    megabytes: float
    prepare: Callable[[Array], Any]
    render: Callable[[Array, Any], Array]


def untouched() -> Method:
    """The photo itself."""
    return Method("untouched photo", 0.0, lambda style: None, lambda photo, style: photo)


def ours(stylizer: Stylizer, strength: float = 1.0, adapt: int = 0) -> Method:
    """A model of this project; below strength 1 the photo's own embedding is computed too.

    Args:
        stylizer: of the model.
        strength, adapt: see `Options`; the time of both is the renderings'.
    """
    graphs = (stylizer.model.predict, stylizer.model.transfer)

    def prepare(style: Array) -> tuple[Array, Array]:
        return stylizer.embed(style, side=min(style.shape[:2])).embedding, np.ascontiguousarray(as_batch(style))

    def render(photo: Array, prepared: tuple[Array, Array]) -> Array:
        row, view = prepared
        own = None if strength == 1.0 else prepare(photo)[0]
        if adapt:
            row = Sketch(stylizer, photo).fit(row, view, adapt, strength, own)
        elif own is not None:
            row = at_strength(stylizer, own, row, strength)
        return stylizer.render(photo, row)

    said = [f"adapt {adapt}"] * bool(adapt) + [f"strength {strength:g}"] * (strength != 1.0)
    return Method(", ".join([f"Pasticcio {stylizer.model.name}", *said]), files_size(*graphs), prepare, render)


def magenta(peers: Path, kind: str) -> Method:
    """Magenta's mobile network, one of `MAGENTA`: 256-pixel styles in, 384x384 pictures out, whatever the photo.

    Photos of another size are resized to 384 and the output back, but for the file that takes any size.
    """
    from ai_edge_litert.interpreter import Interpreter

    files = peers / "style_predict_quantized_256.tflite", peers / f"style_transfer_{kind}.tflite"
    predict, transfer = (Interpreter(str(file), num_threads=THREADS) for file in files)
    fixed = kind.endswith(str(MAGENTA_SIZE))

    def run(network: Any, *inputs: Array) -> Array:
        places = [
            next(d for d in network.get_input_details() if d["shape"][-1] == value.shape[-1])["index"]
            for value in inputs
        ]
        for place, value in zip(places, inputs, strict=True):
            network.resize_tensor_input(place, value.shape)
        network.allocate_tensors()
        for place, value in zip(places, inputs, strict=True):
            network.set_tensor(place, value.astype(np.float32))
        network.invoke()
        result: Array = network.get_tensor(network.get_output_details()[0]["index"])
        return result

    def prepare(style: Array) -> Array:
        return run(predict, resize(style, MAGENTA_STYLE)[None])

    def render(photo: Array, bottleneck: Array) -> Array:
        image = run(transfer, resize(photo, MAGENTA_SIZE if fixed else len(photo))[None], bottleneck)[0]
        return resize(np.clip(image, 0, 1), len(photo))

    return Method(f"Magenta {MAGENTA[kind]}", files_size(*files), prepare, render)


class Adain(nn.Module):
    """AdaIN (Huang and Belongie 2017): VGG-19 to relu4_1, channel statistics exchanged, a mirrored decoder.

    Args:
        files: of the encoder and of the decoder.
    """

    def __init__(self, files: tuple[Path, Path]) -> None:
        super().__init__()
        self.encoder = load_vgg("vgg19-normalised", ["relu4_1"], str(files[0]), padding="reflect")
        state = read_state(files[1])
        layers = sorted({key.rsplit(".", 1)[0] for key in state}, key=lambda name: int(name.split(".")[0]))
        self.decoder = nn.ModuleList()
        for layer in layers:
            weight = state[f"{layer}.weight"].float()
            conv = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2])
            conv.load_state_dict({"weight": weight, "bias": state[f"{layer}.bias"].float()})
            self.decoder.append(conv)
        self.requires_grad_(False)
        self.eval()

    def style(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """What `forward` wants of a style picture (B, 3, H, W)."""
        return statistics(self.encoder(picture)["relu4_1"])

    def forward(self, content: Tensor, mean: Tensor, deviation: Tensor, alpha: float = 1.0) -> Tensor:
        """(B, 3, H, W) in [0, 1] to about that; sides are multiples of 8."""
        features = self.encoder(content)["relu4_1"]
        x = alpha * exchanged(features, mean, deviation) + (1 - alpha) * features
        for number, conv in enumerate(self.decoder):
            x = conv(F.pad(x, (1, 1, 1, 1), mode="reflect"))
            x = F.relu(x) if number < len(self.decoder) - 1 else x
            x = F.interpolate(x, scale_factor=2.0) if number in (0, 4, 6) else x
        return x


def adain(shared: Path, alpha: float = 1.0) -> Method:
    """`Adain` as a method."""
    files = adain_files(shared)
    network = Adain(files).to(memory_format=torch.channels_last)

    @torch.no_grad()
    def prepare(style: Array) -> tuple[Tensor, Tensor]:
        return network.style(tensor(style))

    @torch.no_grad()
    def render(photo: Array, wanted: tuple[Tensor, Tensor]) -> Array:
        return array(network(tensor(photo), *wanted, alpha))

    name = "AdaIN" + ("" if alpha == 1.0 else f", alpha {alpha:g}")
    return Method(name, files_size(*files), prepare, render)


class MicroAst(nn.Module):
    """MicroAST (Wang et al. 2023, arXiv 2211.15313), of its published weights.

    Two encoders of four convolutions and two residual blocks, one for the photo and one for the style; a modulator that
    makes a scale and a shift per channel of the style's features; a decoder whose two residual blocks they steer.

    Args:
        file: of the weights.
    """

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.state = {name: value.float() for name, value in read_state(file).items()}

    def style(self, picture: Tensor) -> tuple[tuple[Tensor, Tensor], ...]:
        """What `forward` wants of a style picture (B, 3, H, W): of each of two levels the statistics and modulation."""
        levels = self._encode(picture, "style_encoder")
        return tuple(
            (*statistics(x), *(self._modulation(x, f"{kind}{number}") for kind in ("weight", "bias")))
            for number, x in enumerate(levels, start=1)
        )  # type: ignore[return-value]

    def forward(self, content: Tensor, style: tuple[tuple[Tensor, ...], ...]) -> Tensor:
        """(B, 3, H, W) in [0, 1] to about that; sides are multiples of 4."""
        shallow, deep = style
        x = self._encode(content, "content_encoder")[1]
        x = self._block(exchanged(x, *deep[:2]), "decoder.dec1", *deep[2:])
        x = self._block(exchanged(x, *shallow[:2]), "decoder.dec2", *shallow[2:])
        for first, second, groups in (("1", "3", 32), ("6", "8", 16)):
            x = F.interpolate(x, scale_factor=2.0, mode="bilinear", align_corners=False)
            x = F.relu(self._conv(x, f"decoder.dec3.{first}", groups=groups))
            x = F.relu(self._conv(x, f"decoder.dec3.{second}"))
        return self._conv(x, "decoder.dec3.10")

    def _encode(self, x: Tensor, part: str) -> tuple[Tensor, Tensor]:
        x = F.relu(self._conv(x, f"{part}.enc1.0"))
        for strided, plain, groups in (("2", "4", 16), ("6", "8", 32)):
            x = F.relu(self._conv(x, f"{part}.enc1.{strided}", stride=2, groups=groups))
            x = F.relu(self._conv(x, f"{part}.enc1.{plain}"))
        shallow = self._block(x, f"{part}.enc1.10")
        return shallow, self._block(shallow, f"{part}.enc2.0")

    def _block(self, x: Tensor, name: str, weight: Tensor | float = 1.0, bias: Tensor | float = 0.0) -> Tensor:
        y = F.relu(weight * self._conv(x, f"{name}.conv1") + bias * x)
        return x + weight * self._conv(y, f"{name}.conv2") + bias * y

    def _modulation(self, features: Tensor, name: str) -> Tensor:
        return self._conv(features, f"modulator.{name}.0", groups=64).mean((2, 3), keepdim=True)

    def _conv(self, x: Tensor, name: str, stride: int = 1, groups: int = 1) -> Tensor:
        weight = self.state[f"{name}.conv_layer.weight"]
        side = weight.shape[2] // 2
        padded = F.pad(x, (side, side, side, side), mode="reflect") if side else x
        return F.conv2d(padded, weight, self.state[f"{name}.conv_layer.bias"], stride, groups=groups)


def exchanged(features: Tensor, mean: Tensor, deviation: Tensor) -> Tensor:
    """Features with other channel statistics."""
    own_mean, own_deviation = statistics(features)
    return (features - own_mean) / own_deviation * deviation + mean


def microast(shared: Path) -> Method:
    """`MicroAst` as a method."""
    file = shared / "peers/microast.safetensors"
    network = MicroAst(file)

    @torch.no_grad()
    def prepare(style: Array) -> Any:
        return network.style(tensor(style))

    @torch.no_grad()
    def render(photo: Array, wanted: Any) -> Array:
        return array(network(tensor(photo), wanted))

    return Method("MicroAST", files_size(file), prepare, render)


def optimization(shared: Path, iterations: int, style_weight: float) -> Method:
    """Pixels themselves, from the photo, by L-BFGS, over the very loss that `fast` was trained with."""
    config = replace(LOSS, style=dict.fromkeys(LOSS.style, style_weight))
    path = shared / "weights/vgg19_normalised_conv4_1.safetensors"
    network = load_vgg("vgg19-normalised", config.layers(), str(path), padding="reflect")
    network = network.to(memory_format=torch.channels_last)

    def render(photo: Array, style: Array) -> Array:
        objective = Objective(network, photo, [(style, 1.0)], config)
        return array(Descent(objective, tensor(photo), Settings(iterations=iterations)).run())

    return Method(f"optimization, {iterations} iterations", files_size(path), lambda style: style, render)


def files_size(*paths: Path) -> float:
    """Megabytes."""
    return sum(path.stat().st_size for path in paths) / 1e6


def statistics(features: Tensor) -> tuple[Tensor, Tensor]:
    """Channel means and standard deviations, as in AdaIN's code."""
    return features.mean((2, 3), keepdim=True), (features.var((2, 3), keepdim=True) + 1e-5).sqrt()


def tensor(image: Array) -> Tensor:
    """(H, W, 3) to (1, 3, H, W)."""
    x = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
    return x.contiguous(memory_format=torch.channels_last)


def array(x: Tensor) -> Array:
    """(1, 3, H, W) to (H, W, 3) in [0, 1]."""
    return np.ascontiguousarray(x[0].clamp(0, 1).permute(1, 2, 0).numpy())


def resize(image: Array, side: int) -> Array:
    """A square picture at another size, by way of 8 bits."""
    if len(image) == side:
        return image
    return open_image(to_pil(image).resize((side, side), Image.Resampling.BICUBIC))
