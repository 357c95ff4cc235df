"""Content, style and total variation losses (Gatys et al. 2015; Ghiasi et al. 2017, section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor


@dataclass(frozen=True)
class LossConfig:
    """Layers and weights of the training objective.

    Attributes:
        content: weight of every content layer.
        style: weight of every style layer.
        relative: divide each style layer's error by the squared norm of the style's own Gram
            matrix, so that no style dominates a batch. A departure from the paper, whose plain
            errors are heavy-tailed over paintings.
        logarithmic: use log(1 + error) of every style layer and picture, so that one style with a large error does
            not dominate the gradient of its batch. Not in the paper.
        restyled: weight of every layer whose features should be the photo's with the style's mean and deviation in
            every channel (the content loss of Huang and Belongie 2017, "Arbitrary style transfer in real-time with
            adaptive instance normalization", section 5, equation 12). Unlike `content`, it does not oppose the
            style loss. Not in the paper.
        relative_content: divide each content layer's error by the mean square of the photo's own features, so
            that the weights do not depend on the scale of a network's features.
        total_variation: weight of the total variation.
        grid: weight of `grid_pattern`.
        pixel: weight of the mean squared difference from the photo where a photo is its own style.
        shift: weight of the mean squared difference between the picture of a shifted photo and the shifted picture, on
            a quarter of each batch.
    """

    content: dict[str, float] = field(default_factory=lambda: {"relu3_3": 1.0})
    style: dict[str, float] = field(
        default_factory=lambda: dict.fromkeys(("relu1_2", "relu2_2", "relu3_3", "relu4_3"), 0.5e-3)
    )
    restyled: dict[str, float] = field(default_factory=dict)
    relative: bool = False
    logarithmic: bool = False
    relative_content: bool = False
    total_variation: float = 0.0
    grid: float = 0.0
    pixel: float = 0.0
    shift: float = 0.0

    def layers(self) -> list[str]:
        """Every layer named, in order, once."""
        return sorted({*self.content, *self.style, *self.restyled})


def gram_matrix(
    features: Float[Tensor, "b c h w"], mask: Float[Tensor, "#b 1 h w"] | None = None
) -> Float[Tensor, "b c c"]:
    """Gram matrices of `features` over positions, divided by the number of positions.

    A mask gives every position a weight of 0 to 1 (Gatys et al. 2017, "Controlling perceptual factors", equation 6):
    the sum is then weighted, and divided by the sum of the weights.

    Computed in float32, even inside autocast: half-precision sums overflow. Features that are bfloat16
    already are multiplied as they are; their sums, in float32 too, are rounded once, to bfloat16. As in the authors'
    code, and unlike Gatys et al. 2015 (equation 3), there is no division by the channels.
    """
    height, width = features.shape[2:]
    with torch.autocast(features.device.type, enabled=False):
        if features.dtype == torch.bfloat16 and mask is None:
            rows = features.permute(0, 2, 3, 1).flatten(1, 2)
            return torch.bmm(rows.transpose(1, 2), rows).float() / (height * width)
        values = features.float()
        if mask is not None:
            flat, weights = values.flatten(2), mask.float().flatten(2)
            total = weights.sum(dim=2, keepdim=True).clamp_min(1e-8)
            return torch.bmm(flat * weights, flat.transpose(1, 2)) / total
        if values.is_contiguous(memory_format=torch.channels_last):  # positions as rows need no copy
            rows = values.permute(0, 2, 3, 1).flatten(1, 2)
            return torch.bmm(rows.transpose(1, 2), rows) / (height * width)
        flat = values.flatten(2)
        return torch.bmm(flat, flat.transpose(1, 2)) / (height * width)


def restyled_features(
    content: Float[Tensor, "b c h w"], style: tuple[Float[Tensor, "b c 1 1"], Float[Tensor, "b c 1 1"]]
) -> Float[Tensor, "b c h w"]:
    """A photo's features with a style's mean and deviation in every channel (Huang and Belongie 2017, equation 8)."""
    mean, deviation = channel_moments(content)
    return (content.float() - mean) * (style[1] / deviation) + style[0]


def channel_moments(features: Float[Tensor, "b c h w"]) -> tuple[Float[Tensor, "b c 1 1"], Float[Tensor, "b c 1 1"]]:
    """Mean and standard deviation of every channel, in float32."""
    values = features.float()
    mean = values.mean(dim=(2, 3), keepdim=True)
    variance = (values - mean).square().mean(dim=(2, 3), keepdim=True)
    return mean, torch.sqrt(variance + 1e-5)


def content_loss(
    features: Float[Tensor, "b c h w"], target: Float[Tensor, "b c h w"], relative: bool = False
) -> Float[Tensor, "b"]:
    """Mean squared difference of features, per picture (Johnson et al. 2016, equation 2).

    Relative: over the mean square of the target.
    """
    error = (features.float() - target.float()).square().mean(dim=(1, 2, 3))
    return error / target.float().square().mean(dim=(1, 2, 3)).clamp_min(1e-8) if relative else error


def style_loss(
    gram: Float[Tensor, "b c c"], target: Float[Tensor, "b c c"], relative: bool = False
) -> Float[Tensor, "b"]:
    """Squared difference of Gram matrices, per picture.

    Plain: the mean over the matrix, as in the authors' code. Relative: the squared Frobenius norm
    of the difference over that of the target, ``|G(y) - G(s)|^2 / |G(s)|^2``.
    """
    squares = (gram - target).square()
    if not relative:
        return squares.mean(dim=(1, 2))
    size = target.square().sum(dim=(1, 2))
    return squares.sum(dim=(1, 2)) / size.clamp_min(1e-8)


def total_variation(images: Float[Tensor, "b 3 h w"]) -> Float[Tensor, ""]:
    """Half the mean squared difference of neighboring pixels, down plus across, as in the authors' code."""
    down = (images[:, :, 1:] - images[:, :, :-1]).float().square().mean()
    across = (images[:, :, :, 1:] - images[:, :, :, :-1]).float().square().mean()
    return 0.5 * (down + across)


def grid_pattern(images: Float[Tensor, "b 3 h w"], period: int = 8) -> Float[Tensor, ""]:
    """Strength of fine detail that repeats on the pixel grid, as the pattern that sub-pixel kernels leave does.

    A picture minus its 5x5 mean is averaged over all blocks of `period` x `period` pixels: detail of the picture
    averages out, detail of the grid does not. Returns the mean square of the average block. Not in the paper, whose
    network has no sub-pixel kernels.
    """
    height, width = (side // period * period for side in images.shape[2:])
    values = images[:, :, :height, :width].float()
    smooth = F.avg_pool2d(F.pad(values, (2, 2, 2, 2), mode="reflect"), 5, stride=1)
    blocks = (values - smooth).reshape(len(images), 3, height // period, period, width // period, period)
    return blocks.mean(dim=(2, 4)).square().mean()


def gram_targets(features: Mapping[str, Tensor], config: LossConfig) -> dict[str, Tensor]:
    """Gram matrices of a style at the style layers, each (B, C, C)."""
    return {layer: gram_matrix(features[layer]) for layer in config.style}


def perceptual_loss(
    features: Mapping[str, Tensor],
    content: Mapping[str, Tensor],
    grams: Mapping[str, Tensor],
    config: LossConfig,
    masks: Mapping[str, Tensor] | None = None,
) -> dict[str, Float[Tensor, "b"]]:
    """Content and style loss of every picture of a batch, summed over layers by their weights.

    Args:
        features: activations of the stylized pictures.
        content: activations of the photos at the content layers.
        grams: Gram matrices of the styles at the style layers.
        config: layers and weights.
        masks: by style layer, the weight of every position, see `gram_matrix`; by default 1 everywhere.

    Returns:
        "content" and "style", each (B,).
    """
    c = [
        weight * content_loss(features[layer], content[layer], config.relative_content)
        for layer, weight in config.content.items()
    ]
    s = []
    for layer, weight in config.style.items():
        gram = gram_matrix(features[layer], masks[layer] if masks else None)
        error = style_loss(gram, grams[layer], config.relative)
        s.append(weight * (error.log1p() if config.logarithmic else error))
    return {"content": torch.stack(c).sum(0), "style": torch.stack(s).sum(0)}
