"""Measures outputs over pairs of photos and styles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pasticcio.experiments.evaluate import CONTENT, STYLE
from pasticcio.experiments.smoothness import square
from pasticcio.image.picture import Array
from pasticcio.nn.losses import content_loss, gram_matrix, style_loss
from pasticcio.nn.vgg import Vgg

SIDE = 192  # side in pixels at which losses are measured
PAIRS = 60  # over which means are taken
KEPT = 200  # pictures

Losses = dict[str, list[float]]  # "content" (relu4_1) and "style", one value a pair
Render = Callable[[Array, Array], Array]  # photo and style to output


class Ruler:
    """Measures outputs: content loss (relu4_1) and relative squared Gram distance. What the latest pictures are
    measured against is kept.

    Args:
        vgg: the normalised VGG-19.
        side: of photos and styles, in pixels.
    """

    def __init__(self, vgg: Vgg, side: int = SIDE) -> None:
        self.vgg, self.side = vgg, side
        self._photo, self._style = lru_cache(KEPT)(self._read_photo), lru_cache(KEPT)(self._read_style)

    def losses(
        self,
        render: Render,
        photos: Sequence[Path],
        styles: Sequence[Path],
        step: Callable[[], None] | None = None,
    ) -> Losses:
        """Losses of photo after photo in the manner of style after style."""
        found: Losses = {"content": [], "style": []}
        for photo_path, style_path in zip(photos, styles, strict=True):
            (photo, content), (style, grams) = self._photo(photo_path), self._style(style_path)
            loss, distance = self._compare(render(photo, style), content, grams)
            found["content"].append(loss)
            found["style"].append(distance)
            if step:
                step()
        return found

    def measure(self, output: Array, photo: Array, style: Array) -> tuple[float, float]:
        """Content loss and style distance of one output."""
        return self._compare(output, self._content(photo), self._grams(style))

    @torch.no_grad()
    def _compare(self, output: Array, content: Tensor, grams: dict[str, Tensor]) -> tuple[float, float]:
        features = self.vgg(tensor(output))
        distances = [style_loss(gram_matrix(features[k]), grams[k], relative=True).item() for k in STYLE]
        return content_loss(features[CONTENT[-1]], content).item(), float(np.mean(distances))

    def _read_photo(self, path: Path) -> tuple[Array, Tensor]:
        photo = square(path, self.side)
        return photo, self._content(photo)

    def _read_style(self, path: Path) -> tuple[Array, dict[str, Tensor]]:
        style = square(path, self.side)
        return style, self._grams(style)

    @torch.no_grad()
    def _content(self, photo: Array) -> Tensor:
        target: Tensor = self.vgg(tensor(photo))[CONTENT[-1]]
        return target

    @torch.no_grad()
    def _grams(self, style: Array) -> dict[str, Tensor]:
        features = self.vgg(tensor(style))
        return {layer: gram_matrix(features[layer]) for layer in STYLE}


def tensor(image: Array) -> Tensor:
    """(H, W, 3) in [0, 1] as a batch of one, (1, 3, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32))
