"""Batches of photos and style pictures, drawn by a seed.

A batch is a pure function of the seed, its number, the process and the place where the run was begun or resumed, see
`order`: a run that is resumed sees the batches that an unbroken run would have seen, whatever the number of workers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pasticcio.errors import DataError
from pasticcio.image.texture import textured
from pasticcio.training.config import DataConfig
from pasticcio.training.crops import (
    change_colors_of_batch,
    draw_colors,
    draw_invert,
    photo_crop,
    photo_tensor,
    resize_short,
    style_crop,
    style_tensor,
)
from pasticcio.training.order import Order, Place
from pasticcio.training.pictures import UNREADABLE, Pictures
from pasticcio.training.procedural import draw_style

Pixels = NDArray[np.uint8]
TEXTURES = 0.5, 1.5  # range of the amount of texture; photos are stylized with 1


@dataclass
class Batch:
    """What one step sees.

    Attributes:
        photos: crops, (B, 3, crop, crop).
        shown: the same as they are rendered: some with a texture in even areas, see `DataConfig.texture`.
        styles: style pictures, (B, 3, S, S). The first `own` show their row's own photo.
        photo_index, style_index: number of each photo among all photos, of each style among all styles, (B,).
        own: how many rows, the first ones, show a photo as its own style.
        skipped: names of pictures that could not be used.
    """

    photos: UInt8[Tensor, "b 3 h w"]
    shown: UInt8[Tensor, "b 3 h w"]
    styles: UInt8[Tensor, "b 3 s s"]
    photo_index: Tensor
    style_index: Tensor
    own: int
    skipped: list[str]


class Batches(Dataset[Batch]):
    """Batches by number, made by the CPU.

    Args:
        config: where the pictures come from and how they are cut.
        batch: pictures in a batch.
        identity: share of each batch in which a photo is its own style.
        seed, process: what decides all draws; each process of a run draws its own batches.

    Attributes:
        place: where the run goes on; at first its beginning, in one process.
    """

    def __init__(self, config: DataConfig, batch: int, identity: float, seed: int, process: int = 0) -> None:
        self.config = config
        self.own = round(identity * batch)
        self.seed = seed
        self.process = process
        for_photos = config.keep_mb // 4
        self.photos = Pictures(config.photos, config.split, for_photos, config.photo_short[1])
        self.styles = Pictures(config.styles, config.split, config.keep_mb - for_photos, config.style_short[1])
        self.place = Place(batch, self.own)

    def order(self) -> Order:
        """Which pictures the batches show."""
        counts = len(self.photos), len(self.styles)
        return Order(*counts, self.place, epochs=self.config.epochs, seed=self.seed, process=self.process)

    def __getitem__(self, number: int) -> Batch:
        config = self.config
        rng, rows = self.order().batch(number)
        size = int(rng.integers(config.style_size[0], config.style_size[1] + 1))
        photos, shown, styles, skipped = [], [], [], list[str]()
        photo_numbers, style_numbers = [], []
        for row, (wanted, style_number, rng) in enumerate(rows):
            photo_number, photo = self.photos.usable(wanted, skipped)
            photos.append(photo_crop(photo, config, rng))
            if row < self.own:
                style = photo
            elif config.procedural and rng.random() < config.procedural:
                style = draw_style(config.style_short[1], rng)
            else:
                style_number, style = self.styles.usable(style_number, skipped)
            styles.append(style_crop(style, config, rng))
            woven = row >= self.own and config.texture and rng.random() < config.texture
            shown.append(textured(photos[-1], rng.uniform(*TEXTURES)) if woven else photos[-1])
            photo_numbers.append(photo_number)
            style_numbers.append(style_number)
        pixels = to_tensor(styles)
        if pixels.shape[2] != size:
            pixels = _to_bytes(
                torch.nn.functional.interpolate(pixels.float(), (size, size), mode="bilinear", antialias=True)
            )
        return Batch(
            photos=to_tensor(photos),
            shown=to_tensor(shown),
            styles=pixels,
            photo_index=torch.tensor(photo_numbers),
            style_index=torch.tensor(style_numbers),
            own=self.own,
            skipped=skipped,
        )

    def loader(self, first: int, end: int) -> DataLoader[Batch]:
        """The batches from `first` up to `end`, decoded ahead by worker processes."""
        workers = self.config.workers
        return DataLoader(
            self,
            batch_size=None,
            sampler=range(first, end),
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            worker_init_fn=_one_thread,
        )


class ResidentBatches(Batches):
    """Batches cut from pictures that all lie decoded on the training device.

    For accelerators, which are faster than any number of decoding processes. Crops are cut at whole
    pixels and resized by the device; which pictures, places and colors is drawn as in `Batches`.

    Args:
        config, batch, identity, seed, process: as of `Batches`.
        device: where the pictures lie and the batches are made.
    """

    def __init__(
        self, config: DataConfig, batch: int, identity: float, seed: int, process: int, device: torch.device
    ) -> None:
        super().__init__(config, batch, identity, seed, process)
        self.device = device
        self.skipped: list[str] = []
        self.on_device = [self._load(self.photos), self._load(self.styles)]

    def order(self) -> Order:
        """Which of the pictures that can be read the batches show."""
        photos, styles = (len(pictures) for pictures in self.on_device)
        return Order(photos, styles, self.place, epochs=self.config.epochs, seed=self.seed, process=self.process)

    def __getitem__(self, number: int) -> Batch:
        config = self.config
        rng, rows = self.order().batch(number)
        size = int(rng.integers(config.style_size[0], config.style_size[1] + 1))
        photos, styles, changes, inverted, numbers = [], [], [], [], []
        for row, (p, s, rng) in enumerate(rows):
            photo, style = self.on_device[0][p], self.on_device[1][s]
            photos.append(photo_tensor(photo, config, rng))
            styles.append(style_tensor(photo if row < self.own else style, size, config, rng))
            changes.append(draw_colors(config, rng))
            inverted.append(draw_invert(config, rng))
            numbers.append((p, s))
        pixels = torch.stack(styles)
        if config.augment:
            pixels = change_colors_of_batch(pixels, changes).clamp(0, 255)
            flip = torch.tensor(inverted, device=pixels.device)[:, None, None, None]
            pixels = torch.where(flip, 255 - pixels, pixels)
        skipped, self.skipped = self.skipped, []
        photo_index, style_index = torch.tensor(numbers).T
        crops = _to_bytes(torch.stack(photos))
        return Batch(
            photos=crops,
            shown=crops,
            styles=_to_bytes(pixels),
            photo_index=photo_index,
            style_index=style_index,
            own=self.own,
            skipped=skipped,
        )

    def loader(self, first: int, end: int) -> Iterator[Batch]:  # type: ignore[override]
        """The batches from `first` up to `end`."""
        return (self[number] for number in range(first, end))

    def _load(self, pictures: Pictures) -> list[Tensor]:
        """Every readable picture, (3, H, W) of bytes."""

        def load(index: int) -> Tensor | None:
            try:
                pixels = pictures.load(index)
            except UNREADABLE:
                return None
            if min(pixels.shape[:2]) > pictures.keep_short:
                pixels = resize_short(pixels, pictures.keep_short)
            return torch.from_numpy(np.array(pixels)).permute(2, 0, 1).contiguous()

        pictures.keep_bytes = 0  # they are kept here
        with ThreadPoolExecutor() as pool:
            loaded = list(pool.map(load, range(len(pictures))))
        self.skipped += [entry.name for entry, found in zip(pictures.entries, loaded, strict=True) if found is None]
        good = [found.to(self.device) for found in loaded if found is not None]
        if not good:
            raise DataError(f"none of {len(pictures)} pictures can be read, the first being {pictures.entries[0].name}")
        return good


def _to_bytes(pixels: Float[Tensor, "b 3 h w"]) -> UInt8[Tensor, "b 3 h w"]:
    return pixels.round().clamp(0, 255).to(torch.uint8)


def to_tensor(pictures: Sequence[Pixels]) -> UInt8[Tensor, "b 3 h w"]:
    """Pictures of one size as a tensor."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def to_unit(pixels: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """Bytes to [0, 1]."""
    return pixels.float() / 255.0


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)  # workers decode beside the training threads
