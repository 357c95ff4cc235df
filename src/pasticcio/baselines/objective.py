"""The loss of one picture: the content of a photo, the style of one or several paintings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from pasticcio.baselines.settings import LOSS, Precision
from pasticcio.image.picture import Array
from pasticcio.nn.losses import LossConfig, gram_matrix, perceptual_loss, total_variation
from pasticcio.nn.tensors import to_batch
from pasticcio.nn.vgg import Vgg

# Mean squares of the features of the normalized VGG-19, over four photos. Content errors in another network, divided
# by the mean square of its own features and multiplied by these, have the same scale.
MEAN_SQUARES = {"relu3_3": 1.6, "relu4_1": 3.0}
OUTSIDE = 1.0  # weight of the mean square by which pixels leave [0, 1]
Losses = Mapping[str, float]


class Objective:
    """The loss of one picture (Gatys et al. 2015, equation 7), with the losses of training.

    Args:
        vgg: the loss network, with the layers of `config`.
        photo: (H, W, 3) in [0, 1].
        styles: pairs of style picture, (h, w, 3) in [0, 1] and of any size, and weight; the weights sum to 1. The
            target is the weighted mean of their Gram matrices. A weighted sum of losses would not do: with the
            logarithm in them, the style that is nearer already would win.
        config: layers and weights.
        mask: (H, W) in [0, 1]: the weight of every pixel in the style loss. Pixels where it is 0 stay as they are in
            the photo.
        precision: of the loss network.
    """

    def __init__(
        self,
        vgg: Vgg,
        photo: Array,
        styles: Sequence[tuple[Array, float]],
        config: LossConfig = LOSS,
        mask: Array | None = None,
        precision: Precision = "float32",
    ) -> None:
        self.vgg, self.config, self.precision = vgg, config, precision
        self.device = vgg.input.weight.device
        self.photo = to_batch(photo, device=self.device)
        self.masks: dict[str, Tensor] | None = None
        with torch.no_grad():
            self.content = {layer: x for layer, x in self.features(self.photo).items() if layer in config.content}
            self.grams = dict.fromkeys(config.style, torch.zeros((), device=self.device))
            for picture, weight in styles:
                found = self.features(to_batch(picture, device=self.device))
                self.grams = {layer: gram + weight * gram_matrix(found[layer]) for layer, gram in self.grams.items()}
            self.free = torch.ones((), dtype=torch.bool, device=self.device)
            if mask is not None:
                weights = to_batch(mask[:, :, None], device=self.device)
                self.free = weights > 0
                # layer "reluN_M" comes after N - 1 poolings
                self.masks = {layer: pooled(weights, int(layer[4]) - 1) for layer in config.style}

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """Activations of a picture, (1, 3, H, W), at the layers of the loss."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            found: dict[str, Tensor] = self.vgg(image.contiguous(memory_format=torch.channels_last))
        return found

    def shown(self, pixels: Tensor) -> Tensor:
        """The picture made of free pixels: clipped to [0, 1], and the photo's own where the mask is 0."""
        return torch.where(self.free, pixels.clamp(0, 1), self.photo)

    def __call__(self, pixels: Tensor) -> dict[str, Tensor]:
        """Losses of free pixels, (1, 3, H, W): "total" and its weighted parts.

        The total includes a penalty for pixels outside [0, 1], which have no other gradient.
        """
        image = self.shown(pixels)
        parts = perceptual_loss(self.features(image), self.content, self.grams, self.config, self.masks)
        losses = {name: value.sum() for name, value in parts.items()}
        if self.config.total_variation:
            losses["total_variation"] = self.config.total_variation * total_variation(image)
        outside = (pixels - pixels.clamp(0, 1)).square().mean()
        return {"total": sum(losses.values(), OUTSIDE * outside), **losses}

    @torch.no_grad()
    def measure(self, image: Array) -> dict[str, float]:
        """Losses of a picture, (H, W, 3) in [0, 1]."""
        return {name: value.item() for name, value in self(to_batch(image, device=self.device)).items()}


def loss_for(network: str, loss: LossConfig) -> LossConfig:
    """A loss as it is used with a loss network of a kind that `guess_vgg` names.

    With torchvision's networks, whose features have another scale than those of the normalized VGG-19, content errors
    are relative to the photo's features, and the weights are those of `loss` times `MEAN_SQUARES`: so content and style
    are in the same balance.
    """
    if network in ("vgg19-normalised", "vgg19-small") or loss.relative_content:
        return loss
    content = {layer: weight * MEAN_SQUARES.get(layer, 1.0) for layer, weight in loss.content.items()}
    return replace(loss, content=content, relative_content=True)


def pooled(mask: Tensor, times: int) -> Tensor:
    """A mask, (1, 1, H, W), at the size of the layers after so many poolings.

    Poolings of 2 leave out an odd last row or column, as those of VGG do.
    """
    for _ in range(times):
        mask = F.avg_pool2d(mask, 2)
    return mask
