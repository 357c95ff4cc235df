"""A meter for the losses of outputs over pairs of photos and styles."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path

import torch

from pasticcio.baselines.settings import PLAIN
from pasticcio.experiments.material import read_square
from pasticcio.experiments.measures import Features, content_and_style
from pasticcio.image.picture import Array
from pasticcio.nn.losses import gram_targets
from pasticcio.nn.tensors import to_batch
from pasticcio.nn.vgg import Vgg

SIDE = 192  # side in pixels at which losses are measured
PAIRS = 60  # over which means are taken
KEPT = 200  # pictures

Losses = dict[str, list[float]]  # "content" and "style", one value a pair
Render = Callable[[Array, Array], Array]  # photo and style to output


class LossMeter:
    """Measures the content and style losses of outputs, see `content_and_style`.

    The features of the latest pictures are kept.

    Args:
        vgg: the normalized VGG-19, with the layers of `PLAIN`.
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
        """Losses of the outputs for pairs of picture files.

        Args:
            render: makes an output, (side, side, 3), of a photo and a style of that shape, all in [0, 1].
            photos, styles: files, one each for every pair.
            step: called after every pair.
        """
        found: Losses = {"content": [], "style": []}
        for photo_path, style_path in zip(photos, styles, strict=True):
            (photo, features), (style, grams) = self._photo(photo_path), self._style(style_path)
            content_loss, style_loss = content_and_style(self._features(render(photo, style)), features, grams)
            found["content"].append(content_loss)
            found["style"].append(style_loss)
            if step:
                step()
        return found

    def measure(self, output: Array, photo: Array, style: Array) -> tuple[float, float]:
        """Content and style loss of one output; all are (H, W, 3) in [0, 1]."""
        grams = gram_targets(self._features(style), PLAIN)
        return content_and_style(self._features(output), self._features(photo), grams)

    @torch.no_grad()
    def _features(self, image: Array) -> Features:
        found: Features = self.vgg(to_batch(image))
        return found

    def _read_photo(self, path: Path) -> tuple[Array, Features]:
        photo = read_square(path, self.side)
        features = self._features(photo)
        return photo, {layer: features[layer] for layer in PLAIN.content}

    def _read_style(self, path: Path) -> tuple[Array, Features]:
        style = read_square(path, self.side)
        return style, gram_targets(self._features(style), PLAIN)
