"""Optimization from coarse to fine: the sizes, and the pictures at each of them."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch.nn.functional as F

from pasticcio.baselines.settings import MIN_SIDE, Settings
from pasticcio.errors import ImageError
from pasticcio.image.picture import Array
from pasticcio.image.resize import style_view
from pasticcio.nn.tensors import to_array, to_batch
from pasticcio.render.options import Options
from pasticcio.render.recolor import Recolor
from pasticcio.render.stylizer import Stylizer

COARSEST = 512  # pixels: a long side up to this needs no coarser scale before it


class Scale:
    """The pictures of an optimization at one size.

    Args:
        settings: of the optimization.
        photo: (H, W, 3) in [0, 1] at this scale.
        paintings: pairs of style picture, (h, w, 3) in [0, 1], and weight.
        last: height and width of the last scale.
        mask: (h, w) in [0, 1], of any size, or None.

    Attributes:
        content: the picture whose content is kept, (H, W, 3).
        styles: the style pictures at the size of this scale, and their weights.
        mask: (H, W), or None.
    """

    def __init__(
        self,
        settings: Settings,
        photo: Array,
        paintings: Sequence[tuple[Array, float]],
        last: tuple[int, int],
        mask: Array | None = None,
    ) -> None:
        self.settings, self.photo = settings, photo
        self.recolor = Recolor(settings.colors, photo)
        self.content = self.recolor.content(photo)
        short = min(photo.shape[:2])
        side = max(MIN_SIDE, round((settings.style_size or min(last)) * short / min(last)))
        self.styles = [(style_view(self.recolor.style(painting), side), weight) for painting, weight in paintings]
        self.mask = None if mask is None else resize(mask[:, :, None], photo.shape[:2])[:, :, 0]

    def start(self, stylizer: Stylizer | None) -> Array:
        """The picture that the first scale starts from, (H, W, 3) in [0, 1]."""
        if self.settings.start == "photo":
            return self.content
        if self.settings.start == "noise":
            return np.random.default_rng(self.settings.seed).random(self.content.shape, dtype=np.float32)
        image = (stylizer or Stylizer()).stylize(self.content, list(self.styles), Options())
        return np.asarray(image, dtype=np.float32)

    def finish(self, image: Array) -> Array:
        """An optimized picture as it is shown: with "luminance", in the photo's colors."""
        return self.recolor.output(image, self.photo, recolored=True)


def sizes(shape: tuple[int, ...], settings: Settings) -> list[tuple[int, int]]:
    """Heights and widths from coarse to fine, for a photo of some height and width.

    Raises:
        ImageError: a side of the coarsest is shorter than 32 pixels.
    """
    height, width = shape
    long = min(settings.size, max(height, width))
    count = settings.scales or 1 + max(0, math.ceil(math.log2(long / COARSEST)))
    found = []
    for step in reversed(range(count)):
        factor = long / max(height, width) / 2**step
        found.append((max(1, round(height * factor)), max(1, round(width * factor))))
    if min(found[0]) < MIN_SIDE:
        raise ImageError(
            f"a photo of {width}x{height} is {found[0][1]}x{found[0][0]} at the coarsest of {count} scales; sides "
            f"must be {MIN_SIDE} or more there: choose a larger size or fewer scales"
        )
    return found


def resize(image: Array, size: tuple[int, ...]) -> Array:
    """(H, W, C) in [0, 1] at another height and width."""
    if image.shape[:2] == tuple(size):
        return image
    x = F.interpolate(to_batch(image), tuple(size), mode="bicubic", antialias=True, align_corners=False)
    return to_array(x.clamp(0, 1))
