"""Gram matrices of the training styles, computed once and kept in a memory-mapped file.

Only where styles are not augmented: then the loss network need not see them again at every step.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pasticcio.nn.losses import gram_targets
from pasticcio.training.config import TrainConfig, to_json
from pasticcio.training.data import Batches, style_crop, to_tensor, to_unit

BATCH = 8


class StyleTargets:
    """The Gram matrices of every style, in half precision, on disk.

    Gram matrices are symmetric: one triangle is kept, divided by the style's largest entry, so that
    half precision does not overflow.
    """

    def __init__(self, values: NDArray[np.float16], scales: NDArray[np.float32], channels: Mapping[str, int]) -> None:
        self.values = values
        self.scales = scales
        self.channels = channels

    @classmethod
    def build(
        cls, folder: Path, batches: Batches, vgg: Callable[[Tensor], dict[str, Tensor]], config: TrainConfig
    ) -> StyleTargets:
        """Open the targets in `folder`, computing first what is not there yet (also after a break)."""
        styles, data = batches.styles, config.data
        key = json.dumps(
            [[entry.name for entry in styles.entries], data.style_short[0], data.style_crop, data.style_size,
             to_json(config.loss_network), sorted(config.loss.style)]
        )  # fmt: skip
        name = hashlib.sha256(key.encode()).hexdigest()[:16]
        rng = np.random.default_rng(0)  # unused: without augmentation nothing is random
        probe = torch.zeros(1, 3, data.style_size[0], data.style_size[0])
        with torch.no_grad():
            channels = {layer: gram.shape[1] for layer, gram in gram_targets(vgg(probe), config.loss).items()}
        length = sum(c * (c + 1) // 2 for c in channels.values())
        folder.mkdir(parents=True, exist_ok=True)
        path, scales_path, done_path = (folder / f"{name}.{end}" for end in ("memmap", "scales.memmap", "done.memmap"))
        mode: Literal["r+", "w+"] = "r+" if path.exists() and done_path.exists() and scales_path.exists() else "w+"
        values = np.memmap(path, np.float16, mode, shape=(len(styles), length))
        scales = np.memmap(scales_path, np.float32, mode, shape=(len(styles), len(channels)))
        done = np.memmap(done_path, np.uint8, mode, shape=(len(styles),))
        self = cls(values, scales, channels)
        missing = np.flatnonzero(done == 0)
        for start in range(0, len(missing), BATCH):
            numbers = missing[start : start + BATCH]
            crops = [style_crop(styles.usable(int(n), [])[1], data, rng) for n in numbers]
            pictures = to_unit(to_tensor(crops))
            if data.style_size[0] != data.style_crop:
                side = data.style_size[0]
                pictures = torch.nn.functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
            with torch.no_grad():
                self._store(numbers, gram_targets(vgg(pictures), config.loss))
            done[numbers] = 1
        values.flush()
        return self

    def _store(self, numbers: NDArray[np.int64], grams: Mapping[str, Tensor]) -> None:
        start = 0
        for i, (layer, channels) in enumerate(self.channels.items()):
            rows, columns = torch.triu_indices(channels, channels)
            triangle = grams[layer].cpu()[:, rows, columns]
            scale = triangle.abs().amax(dim=1).clamp_min(1e-12)
            self.scales[numbers, i] = scale.numpy()
            self.values[numbers, start : start + triangle.shape[1]] = (triangle / scale[:, None]).half().numpy()
            start += triangle.shape[1]

    def at(self, numbers: Tensor, device: torch.device) -> dict[str, Tensor]:
        """Gram matrices of some styles by layer, each (B, C, C), float32."""
        wanted = numbers.numpy()
        rows = torch.from_numpy(np.asarray(self.values[wanted])).to(device).float()
        scales = torch.from_numpy(np.asarray(self.scales[wanted])).to(device)
        grams, start = {}, 0
        for i, (layer, channels) in enumerate(self.channels.items()):
            length = channels * (channels + 1) // 2
            upper, right = torch.triu_indices(channels, channels, device=device)
            gram = rows.new_zeros(len(rows), channels, channels)
            triangle = rows[:, start : start + length] * scales[:, i, None]
            gram[:, upper, right] = triangle
            gram[:, right, upper] = triangle
            grams[layer] = gram
            start += length
        return grams
