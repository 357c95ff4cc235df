"""Canvas: a scene, padded, and the regions graph that renders windows of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pasticcio.image.picture import Array, as_float
from pasticcio.model.config import RegionsConfig
from pasticcio.render.scene import Scene
from pasticcio.render.windows import Frame, Window

Measured = NDArray[np.float32]  # (2, channels): means and variances of all layers
Run = Callable[..., list[NDArray[np.float32]]]

LEAST_WEIGHT = 1e-6  # of a pixel outside the core or transparent: a sum of weights is never 0
ONE = np.ones((1, 1, 1, 1), np.float32)


class Canvas:
    """A scene, padded by reflection as the network pads it, and the graph that renders windows of it.

    Args:
        run: runs a graph on named arrays and returns its outputs.
        graph: `regions.onnx`.
        traits: of that graph.
        scene: what to render.
    """

    def __init__(self, run: Run, graph: Path, traits: RegionsConfig, scene: Scene) -> None:
        self.scene = scene
        self.layers = traits.layers
        self.frame = Frame(scene.size, traits.multiple, traits.margin, traits.reach)
        self._run, self._graph, self._traits = run, graph, traits

    def of(self, scene: Scene) -> Canvas:
        """A canvas of the same model for another scene."""
        return Canvas(self._run, self._graph, self._traits, scene)

    def whole(self) -> tuple[Array, Measured]:
        """All in one pass: the picture (H, W, 3) in [0, 1], and the statistics measured."""
        images, statistics = self.render([self.frame.whole()], None)
        (height, width), margin = self.scene.size, self.frame.margin
        return images[0, margin : margin + height, margin : margin + width], statistics

    def render(self, windows: Sequence[Window], given: Measured | None) -> tuple[NDArray[np.float32], Measured]:
        """Render windows as a batch.

        Args:
            windows: of one size.
            given: statistics; None for those of the batch itself.

        Returns:
            Pictures (B, h, w, 3) in [0, 1], and the statistics of the windows' cores.
        """
        channels = sum(self.layers)
        inputs: dict[str, NDArray[np.float32]] = {
            "content": np.concatenate([self._content(window) for window in windows]),
            "embeddings": self.scene.styles.astype(np.float32),
            "given": np.zeros((2, channels), np.float32) if given is None else given,
            "known": np.full(channels, float(given is not None), np.float32),
        }
        shares = [self._shares(window) for window in windows]
        weights = [self._weights(window) for window in windows]
        for scale in self._traits.scales:
            inputs[f"masks_{scale}"] = np.concatenate([averaged(share, scale) for share in shares])
            inputs[f"weights_{scale}"] = np.concatenate([averaged(weight, scale) for weight in weights])
        image, statistics = self._run(self._graph, **inputs)
        return image.transpose(0, 2, 3, 1), statistics

    def weight(self, window: Window) -> float:
        """The sum of the weights of a window's pixels in the statistics."""
        return float(self._weights(window).mean(dtype=np.float64) * window.height * window.width)

    def _content(self, window: Window) -> NDArray[np.float32]:
        """(1, 3, h, w) in [0, 1]."""
        image = as_float(self.frame.cut(self.scene.pixels, window))
        if self.scene.tone is not None:
            image = self.scene.tone(image)
        return np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)

    def _shares(self, window: Window) -> NDArray[np.float32]:
        """(1, S, h, w): shares of the styles, which sum to 1; (1, 1, 1, 1) for one style."""
        if not self.scene.masks:
            return ONE
        masks = np.stack([self.frame.cut(mask, window) for mask in self.scene.masks]).astype(np.float32) / 255
        masks /= np.maximum(masks.sum(0), 1.0)
        return np.concatenate([1.0 - masks.sum(0, keepdims=True), masks])[None]

    def _weights(self, window: Window) -> NDArray[np.float32]:
        """(1, 1, h, w): opacity in the core, about 0 outside; (1, 1, 1, 1) where all is opaque and in the core."""
        alpha = self.scene.alpha
        if alpha is None and window.whole_core:
            return ONE
        weight = np.full((window.height, window.width), LEAST_WEIGHT, np.float32)
        core = window.core
        weight[core] = 1.0 if alpha is None else np.maximum(as_float(self.frame.cut(alpha, window))[core], LEAST_WEIGHT)
        return weight[None, None]


def averaged(maps: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """(1, S, h, w) at 1/scale of the size, as means of blocks; (1, S, 1, 1), the same at every scale, as it is."""
    height, width = maps.shape[2:]
    if (height, width) == (1, 1) or scale == 1:
        return maps
    blocks = maps.reshape(1, -1, height // scale, scale, width // scale, scale)
    return np.ascontiguousarray(blocks.mean(axis=(3, 5)))
