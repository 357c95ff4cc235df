"""Keeping the photo's colors (Gatys et al. 2016, "Preserving color in neural artistic style transfer")."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pasticcio.image.picture import Array

RGB_TO_YIQ = np.array(
    [[0.299, 0.587, 0.114], [0.595716, -0.274453, -0.321263], [0.211456, -0.522591, 0.311135]], np.float32
)
YIQ_TO_RGB = np.linalg.inv(RGB_TO_YIQ).astype(np.float32)
LEAST_VARIANCE = 1e-5  # of colors in [0, 1]; smaller variances are raised to it, as they cannot be stretched


@dataclass(frozen=True)
class ColorMap:
    """A linear map of colors, clipped to [0, 1]: picture @ matrix + shift."""

    matrix: NDArray[np.float32]
    shift: NDArray[np.float32]

    def __call__(self, picture: Array) -> Array:
        result: Array = np.clip(picture @ self.matrix + self.shift, 0.0, 1.0)
        return result


def color_map(picture: Array, to: Array) -> ColorMap:
    """The map that gives a picture the mean and covariance of another's colors (section 4.1, equations 1 to 5).

    Of all such maps the symmetric one is taken, from the eigenvalues: it changes the colors least.

    Args:
        picture: (H, W, 3) in [0, 1].
        to: (h, w, 3) in [0, 1], the picture whose colors are wanted.
    """
    pixels, target = picture.reshape(-1, 3).astype(np.float64), to.reshape(-1, 3).astype(np.float64)
    matrix = (_root(_covariance(target)) @ _root(_covariance(pixels), inverse=True)).T
    return ColorMap(matrix.astype(np.float32), (target.mean(0) - pixels.mean(0) @ matrix).astype(np.float32))


def match_colors(picture: Array, to: Array) -> Array:
    """A picture, (H, W, 3), with the mean and covariance of another's colors, see `color_map`."""
    return color_map(picture, to)(picture)


def match_luminance(picture: Array, to: Array) -> Array:
    """A gray picture with the mean and standard deviation of another's luminance (section 4.2, equation 8)."""
    own, wanted = luminance(picture), luminance(to)
    scale = wanted.std() / max(float(own.std()), LEAST_VARIANCE**0.5)
    return gray(np.clip((own - own.mean()) * scale + wanted.mean(), 0.0, 1.0))


def with_luminance(photo: Array, light: Array) -> Array:
    """The colors of `photo` with the luminance of `light`, both (H, W, 3) in [0, 1] (section 4.2)."""
    yiq = photo @ RGB_TO_YIQ.T
    yiq[..., 0] = luminance(light)
    result: Array = np.clip(yiq @ YIQ_TO_RGB.T, 0.0, 1.0)
    return result


def luminance(picture: Array) -> NDArray[np.float32]:
    """Luminance, (H, W), of RGB colors, (H, W, 3): the Y of YIQ."""
    result: NDArray[np.float32] = picture @ RGB_TO_YIQ[0]
    return result


def gray(values: NDArray[np.float32]) -> Array:
    """Luminance, (H, W), as gray RGB colors, (H, W, 3)."""
    return np.repeat(values[:, :, None], 3, axis=2).astype(np.float32)


def _covariance(pixels: NDArray[np.float64]) -> NDArray[np.float64]:
    centered = pixels - pixels.mean(0)
    result: NDArray[np.float64] = centered.T @ centered / len(pixels)
    return result


def _root(matrix: NDArray[np.float64], inverse: bool = False) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(matrix)
    scale = np.sqrt(np.maximum(values, LEAST_VARIANCE))
    result: NDArray[np.float64] = (vectors * (1.0 / scale if inverse else scale)) @ vectors.T
    return result
