"""What pictures are compared with; for pictures that never change, computed once and kept in memory-mapped files.

What is kept are the Gram matrices of styles that are not augmented, and the features of photos whose crop is fixed:
the loss network need not compute them at every step.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from pasticcio.errors import OutputError
from pasticcio.files import make_folder
from pasticcio.nn.losses import gram_targets
from pasticcio.training.batches import Batches, to_tensor, to_unit
from pasticcio.training.config import TrainConfig, to_json
from pasticcio.training.crops import photo_crop, style_crop
from pasticcio.training.pictures import Pictures

BATCH = 8
CPU = torch.device("cpu")
READING = "upright, in sRGB, over white"  # how pictures were opened; part of the key of what is kept

Features = Callable[[Tensor], dict[str, Tensor]]
Numbers = NDArray[np.int64]


class Targets(NamedTuple):
    """What the outputs are compared with, by layer of the loss network.

    Attributes:
        content: features of the photos.
        grams: Gram matrices of the styles.
        moments: mean and standard deviation of every channel of the styles' features, at the layers of `loss.restyled`.
    """

    content: dict[str, Tensor]
    grams: dict[str, Tensor]
    moments: dict[str, tuple[Tensor, Tensor]]


class Kept:
    """Rows of numbers, one for each picture, in half precision on disk.

    A row consists of parts. Each part is divided by its largest magnitude, so that half precision does not overflow.

    Args:
        folder: where the files lie.
        key: all that the rows depend on; every key has files of its own.
        count: number of rows.
        parts: length of each part.
    """

    def __init__(self, folder: Path, key: object, count: int, parts: Sequence[int]) -> None:
        make_folder(folder)
        name = hashlib.sha256(json.dumps(key).encode()).hexdigest()[:16]
        paths = [folder / f"{name}.{end}.memmap" for end in ("values", "scales", "done")]
        sizes = 2 * count * sum(parts), 4 * count * len(parts), count
        if not all(path.exists() and path.stat().st_size == size for path, size in zip(paths, sizes, strict=True)):
            for path, size in zip(paths, sizes, strict=True):
                _reserve(path, size)
        self.values = np.memmap(paths[0], np.float16, "r+", shape=(count, sum(parts)))
        self.scales = np.memmap(paths[1], np.float32, "r+", shape=(count, len(parts)))
        self.done = np.memmap(paths[2], np.uint8, "r+", shape=(count,))
        self.parts = list(parts)

    def fill(self, compute: Callable[[Numbers], Sequence[Tensor]]) -> None:
        """Compute the rows that are missing: all of a new file, and those after the last one of a broken run.

        Args:
            compute: gives the parts of the rows of some pictures, each (n, length), by the pictures' numbers.
        """
        missing = np.flatnonzero(self.done == 0)
        for first in range(0, len(missing), BATCH):
            numbers = missing[first : first + BATCH]
            for i, (where, part) in enumerate(zip(self._places(), compute(numbers), strict=True)):
                scale = part.abs().amax(dim=1).clamp_min(1e-12)
                self.scales[numbers, i] = scale.cpu().numpy()
                self.values[numbers, where] = (part / scale[:, None]).half().cpu().numpy()
            self.done[numbers] = 1
        self.values.flush()

    def at(self, numbers: Tensor, device: torch.device) -> list[Tensor]:
        """The parts of some rows, each (n, length), float32."""
        rows = torch.from_numpy(self.values[numbers.numpy()]).to(device).float()
        scales = torch.from_numpy(self.scales[numbers.numpy()]).to(device)
        return [rows[:, where] * scales[:, i, None] for i, where in enumerate(self._places())]

    def _places(self) -> Iterator[slice]:
        start = 0
        for length in self.parts:
            yield slice(start, start + length)
            start += length


def _reserve(path: Path, size: int) -> None:
    """Write a file of zeros. Its place on the disk is taken: a process that fills a map where there is none is killed.

    Raises:
        OutputError: it cannot be written, or the disk is full.
    """
    try:
        with path.open("wb") as file:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)
            else:
                file.truncate(size)
    except OSError as error:
        path.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


class StyleTargets:
    """The Gram matrices of every style. They are symmetric: one triangle of each is kept.

    Args:
        folder: where the files lie.
        batches: their styles are computed.
        vgg: the loss network, on `device`.
        config: the recipe.
    """

    def __init__(
        self, folder: Path, batches: Batches, vgg: Features, config: TrainConfig, device: torch.device = CPU
    ) -> None:
        data, styles = config.data, batches.styles
        side = data.style_size[0]
        rng = np.random.default_rng(0)  # without augmentation nothing is drawn from it
        self.channels = {layer: gram.shape[1] for layer, gram in _probe(vgg, side, config, device).items()}

        def compute(numbers: Numbers) -> list[Tensor]:
            pictures = to_unit(to_tensor([style_crop(_load(styles, n), data, rng) for n in numbers]))
            if side != data.style_crop:
                pictures = torch.nn.functional.interpolate(pictures, (side, side), mode="bilinear", antialias=True)
            with torch.no_grad():
                grams = gram_targets(vgg(pictures.to(device)), config.loss)
            return [_triangle(gram) for gram in grams.values()]

        key = [
            "styles",
            READING,
            _names(styles),
            data.style_short[0],
            data.style_crop,
            side,
            *_network(config),
            sorted(config.loss.style),
        ]
        self.kept = Kept(folder, key, len(styles), [c * (c + 1) // 2 for c in self.channels.values()])
        self.kept.fill(compute)

    def at(self, numbers: Tensor, device: torch.device) -> dict[str, Tensor]:
        """Gram matrices of some styles by layer, each (B, C, C), float32."""
        grams = {}
        for (layer, channels), triangle in zip(self.channels.items(), self.kept.at(numbers, device), strict=True):
            upper, right = torch.triu_indices(channels, channels, device=device)
            gram = triangle.new_zeros(len(triangle), channels, channels)
            gram[:, upper, right] = triangle
            gram[:, right, upper] = triangle
            grams[layer] = gram
        return grams


class ContentTargets:
    """The features of every photo, at the layers of `loss.content` and `loss.restyled`; see `StyleTargets`."""

    def __init__(
        self, folder: Path, batches: Batches, vgg: Features, config: TrainConfig, device: torch.device = CPU
    ) -> None:
        data, photos = config.data, batches.photos
        rng = np.random.default_rng(0)  # fixed crops draw nothing from it
        with torch.no_grad():
            found = vgg(torch.zeros(1, 3, data.crop, data.crop, device=device))
        self.shapes = {layer: found[layer].shape[1:] for layer in (*config.loss.content, *config.loss.restyled)}

        def compute(numbers: Numbers) -> list[Tensor]:
            pictures = to_unit(to_tensor([photo_crop(_load(photos, n), data, rng) for n in numbers]))
            with torch.no_grad():
                features = vgg(pictures.to(device))
            return [features[layer].flatten(1) for layer in self.shapes]

        key = [
            "photos",
            READING,
            _names(photos),
            data.photo_short[0],
            data.crop,
            *_network(config),
            sorted(self.shapes),
        ]
        self.kept = Kept(folder, key, len(photos), [shape.numel() for shape in self.shapes.values()])
        self.kept.fill(compute)

    def at(self, numbers: Tensor, device: torch.device) -> dict[str, Tensor]:
        """Features of some photos by layer, each (B, C, H, W), float32."""
        parts = self.kept.at(numbers, device)
        return {
            layer: part.reshape(-1, *shape) for (layer, shape), part in zip(self.shapes.items(), parts, strict=True)
        }


def _probe(vgg: Features, side: int, config: TrainConfig, device: torch.device) -> Mapping[str, Tensor]:
    with torch.no_grad():
        return gram_targets(vgg(torch.zeros(1, 3, side, side, device=device)), config.loss)


def _triangle(gram: Tensor) -> Tensor:
    upper, right = torch.triu_indices(gram.shape[1], gram.shape[1])
    return gram[:, upper, right]


def _load(pictures: Pictures, number: np.int64) -> NDArray[np.uint8]:
    return pictures.usable(int(number), [])[1]


def _names(pictures: Pictures) -> list[str]:
    return [entry.name for entry in pictures.entries]


def _network(config: TrainConfig) -> list[str]:
    return [to_json(config.loss_network)]
