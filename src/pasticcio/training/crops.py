"""Square crops of decoded pictures, and changes of their colors: on NumPy arrays, and on tensors of the device.

Every draw is from the generator given, so that a crop is a pure function of its state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from pasticcio.image.color import RGB_TO_YIQ
from pasticcio.image.crop import FLAT, TRIES, center_crop, random_crop, varied_crop
from pasticcio.training.config import DataConfig

Pixels = NDArray[np.uint8]


# -- of arrays ---------------------------------------------------------------------------------------------------------


def photo_crop(photo: Pixels, config: DataConfig, rng: np.random.Generator) -> Pixels:
    """A crop of a photo, (crop, crop, 3): see `varied_crop`, or the center at the smallest scale."""
    if config.fixed_photos:
        return center_crop(photo, config.crop, config.photo_short[0])
    crop = varied_crop(photo, config.crop, config.photo_short, rng)
    return crop[:, ::-1] if config.flip_photos and rng.random() < 0.5 else crop


def style_crop(style: Pixels, config: DataConfig, rng: np.random.Generator) -> Pixels:
    """A square crop of a style picture, (style_crop, style_crop, 3).

    Augmented as in the authors' code: brightness, saturation, hue, mirrored both ways, scale and
    place of the crop. Departure: saturation and hue are changed in YIQ, where both are linear, not
    in HSV. Without augmentation: the center, at the smallest scale.
    """
    if not config.augment:
        return center_crop(style, config.style_crop, config.style_short[0])
    low, high = _style_short(config, rng)
    crop = random_crop(style, config.style_crop, int(rng.integers(low, high + 1)), rng)
    if config.flips:
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        crop = crop[::-1] if rng.random() < 0.5 else crop
    crop = change_colors(crop, *draw_colors(config, rng))
    return np.subtract(255, crop) if draw_invert(config, rng) else crop


def _style_short(config: DataConfig, rng: np.random.Generator) -> tuple[int, int]:
    """The range of the short side to which a style is resized: where it is that of the crop, the crop is whole."""
    whole = config.whole and rng.random() < config.whole
    return (config.style_crop, config.style_crop) if whole else config.style_short


def resize_short(pixels: Pixels, short: int) -> Pixels:
    """The whole picture with its short side resized to `short` pixels."""
    image = Image.fromarray(pixels)
    scale = short / min(image.size)
    size = (max(short, round(image.width * scale)), max(short, round(image.height * scale)))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


# -- of tensors --------------------------------------------------------------------------------------------------------


def photo_tensor(photo: Tensor, config: DataConfig, rng: np.random.Generator) -> Float[Tensor, "3 s s"]:
    """As `photo_crop`, of a tensor (3, H, W) of bytes; floating point on [0, 255]."""
    for _ in range(TRIES):
        cut = _cut(photo, config.crop, short=config.photo_short, size=config.crop, center=config.fixed_photos, rng=rng)
        if config.fixed_photos or (cut.amax((1, 2)) - cut.amin((1, 2))).max() > FLAT:
            break
    mirrored = config.flip_photos and not config.fixed_photos and rng.random() < 0.5
    return cut.flip(2) if mirrored else cut


def style_tensor(style: Tensor, size: int, config: DataConfig, rng: np.random.Generator) -> Float[Tensor, "3 s s"]:
    """As `style_crop` before its colors are changed, resized to `size`; floating point on [0, 255]."""
    short = _style_short(config, rng) if config.augment else config.style_short
    cut = _cut(style, config.style_crop, short=short, size=size, center=not config.augment, rng=rng)
    if config.augment and config.flips:
        cut = cut.flip([axis for axis in (1, 2) if rng.random() < 0.5])
    return cut


def _cut(
    pixels: Tensor, side: int, *, short: tuple[int, int], size: int, center: bool, rng: np.random.Generator
) -> Float[Tensor, "3 s s"]:
    """A square of `side` pixels of the picture resized to a short side in `short`, itself resized to `size`."""
    height, width = pixels.shape[1:]
    scale = short[0] if center else int(rng.integers(short[0], short[1] + 1))
    window = max(1, round(side * min(height, width) / scale))
    left, top = (width - window) // 2, (height - window) // 2
    if not center:
        left, top = int(rng.integers(width - window + 1)), int(rng.integers(height - window + 1))
    cut = pixels[None, :, top : top + window, left : left + window].float()
    resized = torch.nn.functional.interpolate(cut, (size, size), mode="bicubic", antialias=True, align_corners=False)
    return resized[0].clamp(0, 255)


# -- colors ------------------------------------------------------------------------------------------------------------


def draw_colors(config: DataConfig, rng: np.random.Generator) -> tuple[float, float, float]:
    """A change of brightness, a factor on saturation and a turn of the hue, see `change_colors`."""
    gray = config.gray and rng.random() < config.gray
    return (
        rng.uniform(-config.brightness, config.brightness),
        0.0 if gray else rng.uniform(*config.saturation),
        rng.uniform(-config.hue, config.hue),
    )


def draw_invert(config: DataConfig, rng: np.random.Generator) -> bool:
    """Whether the colors of a style are inverted."""
    return bool(config.invert and rng.random() < config.invert)


def change_colors(pixels: Pixels, brightness: float, saturation: float, hue: float) -> Pixels:
    """Add `brightness` (on [0, 1]), multiply the chroma by `saturation`, turn it by `hue` turns."""
    changed = pixels.astype(np.float32) @ color_matrix(saturation, hue).T + np.float32(255 * brightness)
    return np.clip(changed + 0.5, 0, 255).astype(np.uint8)


def change_colors_of_batch(
    pixels: Float[Tensor, "b 3 h w"], changes: Sequence[tuple[float, float, float]]
) -> Float[Tensor, "b 3 h w"]:
    """`change_colors` of pictures in floating point on [0, 255], each by its own change; values are not clipped."""
    matrices = torch.from_numpy(np.stack([color_matrix(saturation, hue) for _, saturation, hue in changes]))
    light = torch.tensor([255 * brightness for brightness, _, _ in changes])
    turned = torch.einsum("bij,bjhw->bihw", matrices.to(pixels.device), pixels)
    return turned + light.to(pixels.device)[:, None, None, None]


def color_matrix(saturation: float, hue: float) -> NDArray[np.float32]:
    """The matrix (3, 3) that changes saturation and hue of RGB, see `change_colors`."""
    angle = 2 * np.pi * hue
    chroma = np.eye(3)
    chroma[1:, 1:] = saturation * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (np.linalg.inv(RGB_TO_YIQ) @ chroma @ RGB_TO_YIQ).astype(np.float32)
