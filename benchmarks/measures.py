"""What is measured of one output: losses on two networks, structure, variation, artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from skimage.metrics import structural_similarity
from torch import Tensor

from pasticcio.image.picture import Array
from pasticcio.nn.losses import content_loss, gram_matrix, style_loss
from pasticcio.training.pretrained import load_vgg, read_state

VGG_CONTENT = ("relu4_1", "relu3_3")
VGG_STYLE = ("relu1_1", "relu2_1", "relu3_1", "relu4_1")
SQUEEZE_CONTENT = "fire5"
SQUEEZE_STYLE = ("conv1", "fire3", "fire5", "fire8")
FRAME = 8
NEIGHBORS = 8  # frequency bins on either side, that a peak is compared with

Features = dict[str, Tensor]


@dataclass
class Seen:
    """A photo or a style with what the loss networks say of it."""

    image: Array
    vgg: Features
    squeeze: Features


class Measures:
    """The two loss networks.

    Args:
        weights: folder of `vgg19_normalised_conv4_1.safetensors` and `squeezenet_1_0.safetensors`.
    """

    def __init__(self, weights: Path) -> None:
        layers = sorted({*VGG_CONTENT, *VGG_STYLE})
        path = str(weights / "vgg19_normalised_conv4_1.safetensors")
        self.vgg = load_vgg("vgg19-normalised", layers, path, padding="reflect").to(memory_format=torch.channels_last)
        self.squeeze = read_state(weights / "squeezenet_1_0.safetensors")

    @torch.no_grad()
    def photo(self, image: Array) -> Seen:
        """A photo with its features at the content layers."""
        vgg, squeeze = self._features(image)
        return Seen(image, {k: vgg[k] for k in VGG_CONTENT}, {SQUEEZE_CONTENT: squeeze[SQUEEZE_CONTENT]})

    @torch.no_grad()
    def style(self, image: Array) -> Seen:
        """A style with its Gram matrices."""
        vgg, squeeze = self._features(image)
        return Seen(
            image, {k: gram_matrix(vgg[k]) for k in VGG_STYLE}, {k: gram_matrix(squeeze[k]) for k in SQUEEZE_STYLE}
        )

    @torch.no_grad()
    def __call__(self, output: Array, photo: Seen, style: Seen) -> dict[str, float]:
        """Every figure of one output."""
        vgg, squeeze = self._features(output)
        content = squeeze[SQUEEZE_CONTENT]
        size = photo.squeeze[SQUEEZE_CONTENT].square().mean()
        return {
            "content4": content_loss(vgg["relu4_1"], photo.vgg["relu4_1"]).item(),
            "content3": content_loss(vgg["relu3_3"], photo.vgg["relu3_3"]).item(),
            "style": gram_distance(vgg, style.vgg),
            "squeeze_content": (content_loss(content, photo.squeeze[SQUEEZE_CONTENT]) / size).item(),
            "squeeze_style": gram_distance(squeeze, style.squeeze),
            "ssim": ssim(output, photo.image),
            "variation": variation(output) / max(variation(style.image), 1e-9),
        }

    def _features(self, image: Array) -> tuple[Features, Features]:
        x = torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))[None]
        x = x.contiguous(memory_format=torch.channels_last)
        return self.vgg(x), squeezenet(x, self.squeeze)


def squeezenet(images: Tensor, state: dict[str, Tensor]) -> Features:
    """Activations of SqueezeNet 1.0 (Iandola et al. 2016) at the layers measured; RGB in [0, 1]."""

    def conv(x: Tensor, name: str, stride: int = 1, padding: int = 0) -> Tensor:
        return F.relu(F.conv2d(x, state[f"{name}.weight"].float(), state[f"{name}.bias"].float(), stride, padding))

    x = 255 * images.flip(1) - torch.tensor([104.0, 117.0, 123.0])[:, None, None]
    x = conv(x, "conv1", stride=2)
    found = {"conv1": x}
    for number in range(2, 9):
        if number in (2, 5):
            x = F.max_pool2d(x, 3, 2, ceil_mode=True)
        name = f"fire{number}"
        x = conv(x, f"{name}.s")
        x = torch.cat([conv(x, f"{name}.e1"), conv(x, f"{name}.e3", padding=1)], 1)
        if name in (*SQUEEZE_STYLE, SQUEEZE_CONTENT):
            found[name] = x
    return found


def gram_distance(features: Features, grams: Features) -> float:
    """|G(y) - G(s)|^2 / |G(s)|^2, averaged over the layers of `grams`."""
    return float(
        np.mean([style_loss(gram_matrix(features[k]), gram, relative=True).item() for k, gram in grams.items()])
    )


def luminance(image: Array) -> NDArray[np.float32]:
    """Rec. 601 luminance, (H, W)."""
    return image @ np.array([0.299, 0.587, 0.114], np.float32)


def ssim(a: Array, b: Array) -> float:
    """Structural similarity of luminance, Gaussian window (Wang et al. 2004)."""
    return float(
        structural_similarity(
            luminance(a), luminance(b), data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
        )
    )


def variation(image: Array) -> float:
    """Mean absolute difference of neighboring pixels, down plus across."""
    return float(np.abs(np.diff(image, axis=0)).mean() + np.abs(np.diff(image, axis=1)).mean())


def spectrum(image: Array) -> dict[str, float]:
    """Power of luminance at 1/4 and 1/2 of the sampling rate, along rows and columns together.

    "quarter" and "half" are the power itself; "quarter_peak" and "half_peak" that power over the mean
    of the bins around it, which is 1 without a pattern on the pixel grid.
    """
    gray = luminance(image)
    result = {"quarter": 0.0, "half": 0.0, "quarter_peak": 0.0, "half_peak": 0.0}
    for lines in (gray, gray.T):
        window = np.hanning(lines.shape[1])
        power = np.square(np.abs(np.fft.rfft((lines - lines.mean()) * window, axis=1))).mean(axis=0)
        for name, at in (("quarter", len(power) // 2), ("half", len(power) - 1)):
            around = np.r_[power[at - NEIGHBORS : at - 2], power[at + 3 : at + NEIGHBORS + 1]]
            result[name] += float(power[at] / lines.shape[1] / 2)
            result[f"{name}_peak"] += float(power[at] / max(around.mean(), 1e-12) / 2)
    return result


def frame(image: Array) -> float:
    """Mean of the outer `FRAME` pixels over the mean of the rest."""
    inner = image[FRAME:-FRAME, FRAME:-FRAME]
    outer = (image.sum() - inner.sum()) / (image.size - inner.size)
    return float(outer / max(float(inner.mean()), 1e-6))


def clipped(image: Array) -> float:
    """Share of pixels that are black, white or a pure primary or mix of two: every channel at its end."""
    ends = (image < 1.5 / 255) | (image > 253.5 / 255)
    return float(ends.all(axis=2).mean())
