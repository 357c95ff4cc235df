"""Training data: folders, lists, tables and tar shards of pictures -> batches.

A batch is a pure function of the seed, its number and the process, so a run that is resumed sees the
very batches an unbroken run would have seen, whatever the number of workers.
"""

from __future__ import annotations

import csv
import io
import tarfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from pasticcio.errors import DataError
from pasticcio.image.color import RGB_TO_YIQ
from pasticcio.training.config import DataConfig
from pasticcio.training.procedural import draw_style

SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
MIN_SIDE = 32  # smaller pictures are no use to either network
FLAT = 2  # of 255: a crop that varies no more than this is of one color
TRIES = 8  # at a crop of a photo that is not

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class Entry:
    """Where one picture lies: a file, or a stretch of a tar shard (`size` bytes at `offset`)."""

    name: str
    path: Path
    offset: int = 0
    size: int = -1


@dataclass
class Batch:
    """What one step sees.

    Attributes:
        photos: crops, (B, 3, crop, crop).
        styles: style pictures, (B, 3, S, S). The first `own` show their row's own photo.
        photo_index, style_index: number of each photo among all photos, and so on, (B,).
        own: how many photos at the front are their own style.
        skipped: names of pictures that could not be used.
    """

    photos: UInt8[Tensor, "b 3 h w"]
    styles: UInt8[Tensor, "b 3 s s"]
    photo_index: Tensor
    style_index: Tensor
    own: int
    skipped: list[str]


class Pictures:
    """All pictures of some sources, by number.

    Args:
        sources: pictures, folders (searched through), `.txt` lists (a path a line), `.csv` tables (column
            `file`) or `.tar` shards. Paths in a list or table are relative to it, or to the folder
            beside it that has its name.
        split: rows of a table used, where it has a column `split`; empty for all.
        keep_mb: memory for decoded pictures, in MB.
        keep_short: short side, in pixels, beyond which kept pictures are reduced.

    Raises:
        DataError: a source that does not exist, or no picture in any of them.
    """

    def __init__(self, sources: Sequence[str], split: str = "train", keep_mb: int = 0, keep_short: int = 512) -> None:
        self.entries = [entry for source in sources for entry in find_pictures(Path(source), split)]
        if not self.entries:
            raise DataError(
                f"no pictures in {', '.join(sources) or 'no sources'}; name folders, lists or tar shards with some"
            )
        self.keep_bytes = keep_mb * 1_000_000
        self.keep_short = keep_short
        self._kept: OrderedDict[int, Pixels] = OrderedDict()
        self._kept_bytes = 0

    def __len__(self) -> int:
        return len(self.entries)

    def load(self, index: int) -> Pixels:
        """Picture `index` as (H, W, 3).

        Raises:
            OSError, ValueError: it cannot be decoded, or is smaller than `MIN_SIDE`.
        """
        if index in self._kept:
            return self._kept[index]
        entry = self.entries[index]
        with entry.path.open("rb") as file:
            file.seek(entry.offset)
            data = file.read(entry.size)
        with Image.open(io.BytesIO(data)) as image:
            if min(image.size) < MIN_SIDE:
                raise ValueError(f"{entry.name} is {image.width}x{image.height}; sides must be {MIN_SIDE} or more")
            pixels = np.asarray(image.convert("RGB"))
        if self.keep_bytes:
            pixels = self._keep(index, pixels)
        return pixels

    def usable(self, index: int, skipped: list[str]) -> tuple[int, Pixels]:
        """Picture `index`, or the next one after it that can be read; adds the names passed over."""
        for step in range(len(self)):
            at = (index + step) % len(self)
            try:
                return at, self.load(at)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                skipped.append(self.entries[at].name)
        raise DataError(f"none of {len(self)} pictures can be read, the first being {self.entries[0].name}")

    def _keep(self, index: int, pixels: Pixels) -> Pixels:
        if min(pixels.shape[:2]) > self.keep_short:
            pixels = resize_short(pixels, self.keep_short)
        self._kept[index] = pixels
        self._kept_bytes += pixels.nbytes
        while self._kept_bytes > self.keep_bytes:
            _, dropped = self._kept.popitem(last=False)
            self._kept_bytes -= dropped.nbytes
        return pixels


def find_pictures(source: Path, split: str) -> list[Entry]:
    """The pictures of one source, in a fixed order.

    Raises:
        DataError: the source does not exist or is of no known kind.
    """
    if source.is_dir():
        paths = sorted(p for p in source.rglob("*") if p.suffix.lower() in SUFFIXES)
        return [Entry(str(path), path) for path in paths]
    if not source.exists():
        raise DataError(f"no such file or folder: {source}")
    if source.suffix.lower() in SUFFIXES:
        return [Entry(str(source), source)]
    if source.suffix == ".tar":
        with tarfile.open(source, "r:") as tar:
            members = [m for m in tar if m.isfile() and Path(m.name).suffix.lower() in SUFFIXES]
        return [Entry(f"{source}:{m.name}", source, m.offset_data, m.size) for m in members]
    if source.suffix == ".csv":
        with source.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if rows and "file" not in rows[0]:
            raise DataError(f"table {source} has no column 'file'; it has {', '.join(rows[0])}")
        names = [row["file"] for row in rows if not split or row.get("split", split) == split]
    elif source.suffix == ".txt":
        names = [line.strip() for line in source.read_text(encoding="utf-8").splitlines() if line.strip()]
    else:
        raise DataError(f"{source} is no picture, folder, .txt list, .csv table or .tar shard")
    beside = source.with_suffix("")
    base = beside if beside.is_dir() else source.parent
    return [Entry(name, base / name) for name in names]


class Batches(Dataset[Batch]):
    """Batches by number; see the module's first lines."""

    def __init__(self, config: DataConfig, batch: int, identity: float, seed: int, process: int = 0) -> None:
        self.config = config
        self.batch = batch
        self.own = round(identity * batch)
        self.seed = seed
        self.process = process
        self.photos = Pictures(config.photos, config.split, config.keep_mb // 4, config.photo_short[1])
        self.styles = Pictures(config.styles, config.split, config.keep_mb - config.keep_mb // 4, config.style_short[1])

    def __getitem__(self, number: int) -> Batch:
        rng = np.random.default_rng((self.seed, number, self.process))
        size = int(rng.integers(self.config.style_size[0], self.config.style_size[1] + 1))
        photos, styles, skipped = [], [], list[str]()
        photo_numbers, style_numbers = [], []
        for row in range(self.batch):
            photo_number, photo = self.photos.usable(int(rng.integers(len(self.photos))), skipped)
            style_number, style = self.styles.usable(int(rng.integers(len(self.styles))), skipped)
            photos.append(photo_crop(photo, self.config, rng))
            if row >= self.own and self.config.procedural and rng.random() < self.config.procedural:
                style = draw_style(self.config.style_short[1], rng)
            styles.append(style_crop(photo if row < self.own else style, self.config, rng))
            photo_numbers.append(photo_number)
            style_numbers.append(style_number)
        style_tensor = to_tensor(styles)
        if style_tensor.shape[2] != size:
            resized = torch.nn.functional.interpolate(
                style_tensor.float(), (size, size), mode="bilinear", antialias=True
            )
            style_tensor = resized.round().clamp(0, 255).to(torch.uint8)
        numbers = torch.tensor(photo_numbers), torch.tensor(style_numbers)
        return Batch(to_tensor(photos), style_tensor, *numbers, self.own, skipped)

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
        device: where the pictures lie and the batches are made.
    """

    def __init__(
        self, config: DataConfig, batch: int, identity: float, seed: int, process: int, device: torch.device
    ) -> None:
        super().__init__(config, batch, identity, seed, process)
        self.device = device
        self.skipped: list[str] = []
        self.on_device = [self._load(self.photos), self._load(self.styles)]

    def __getitem__(self, number: int) -> Batch:
        config = self.config
        rng = np.random.default_rng((self.seed, number, self.process))
        size = int(rng.integers(config.style_size[0], config.style_size[1] + 1))
        photos, styles, changes, numbers = [], [], [], []
        for row in range(self.batch):
            p, s = (int(rng.integers(len(pictures))) for pictures in self.on_device)
            photo, style = self.on_device[0][p], self.on_device[1][s]
            for _ in range(TRIES):  # as in `photo_crop`
                cut = _cut_tensor(photo, config.crop, config.photo_short, config.crop, rng, config.fixed_photos)
                if config.fixed_photos or (cut.amax((1, 2)) - cut.amin((1, 2))).max() > FLAT:
                    break
            mirrored = config.flip_photos and not config.fixed_photos and rng.random() < 0.5
            photos.append(cut.flip(2) if mirrored else cut)
            shown = photo if row < self.own else style
            cut = _cut_tensor(shown, config.style_crop, config.style_short, size, rng, not config.augment)
            if config.augment and config.flips:
                cut = cut.flip([axis for axis in (1, 2) if rng.random() < 0.5])
            styles.append(cut)
            changes.append(draw_colors(config, rng))
            numbers.append((p, s))
        pixels = torch.stack(styles)
        if config.augment:
            pixels = _change_colors(pixels, changes)
        skipped, self.skipped = self.skipped, []
        index = torch.tensor(numbers).T
        return Batch(_to_bytes(torch.stack(photos)), _to_bytes(pixels), index[0], index[1], self.own, skipped)

    def loader(self, first: int, end: int) -> Iterator[Batch]:  # type: ignore[override]
        """The batches from `first` up to `end`."""
        return (self[number] for number in range(first, end))

    def _load(self, pictures: Pictures) -> list[Tensor]:
        """Every readable picture, (3, H, W) of bytes."""

        def load(index: int) -> Tensor | None:
            try:
                pixels = pictures.load(index)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
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


def photo_crop(photo: Pixels, config: DataConfig, rng: np.random.Generator) -> Pixels:
    """A square crop of a photo, (crop, crop, 3): at a random place and scale, or the center at the smallest.

    A crop of one color is cut again elsewhere, up to `TRIES` times: nothing of it can be told from noise, which
    every instance normalization magnifies, and the paper's network has thirteen of them.
    """
    if config.fixed_photos:
        return center_crop(photo, config.crop, config.photo_short[0])
    for _ in range(TRIES):
        short = int(rng.integers(config.photo_short[0], config.photo_short[1] + 1))
        crop = random_crop(photo, config.crop, short, rng)
        if np.ptp(crop.reshape(-1, 3), axis=0).max() > FLAT:
            break
    return crop[:, ::-1] if config.flip_photos and rng.random() < 0.5 else crop


def style_crop(style: Pixels, config: DataConfig, rng: np.random.Generator) -> Pixels:
    """A square crop of a style picture, (style_crop, style_crop, 3).

    Augmented as in the authors' code: brightness, saturation, hue, mirrored both ways, scale and
    place of the crop. Departure: saturation and hue are changed in YIQ, where both are linear, not
    in HSV. Without augmentation: the center, at the smallest scale.
    """
    if not config.augment:
        return center_crop(style, config.style_crop, config.style_short[0])
    short = int(rng.integers(config.style_short[0], config.style_short[1] + 1))
    crop = random_crop(style, config.style_crop, short, rng)
    if config.flips:
        crop = crop[:, ::-1] if rng.random() < 0.5 else crop
        crop = crop[::-1] if rng.random() < 0.5 else crop
    crop = change_colors(crop, *draw_colors(config, rng))
    return np.subtract(255, crop) if config.invert and rng.random() < config.invert else crop


def draw_colors(config: DataConfig, rng: np.random.Generator) -> tuple[float, float, float]:
    """A change of brightness, a factor on saturation and a turn of the hue."""
    gray = config.gray and rng.random() < config.gray
    return (
        rng.uniform(-config.brightness, config.brightness),
        0.0 if gray else rng.uniform(*config.saturation),
        rng.uniform(-config.hue, config.hue),
    )


def change_colors(pixels: Pixels, brightness: float, saturation: float, hue: float) -> Pixels:
    """Add `brightness` (of 1), multiply the chroma by `saturation`, turn it by `hue` turns."""
    changed = pixels.astype(np.float32) @ color_matrix(saturation, hue).T + np.float32(255 * brightness)
    return np.clip(changed + 0.5, 0, 255).astype(np.uint8)


def color_matrix(saturation: float, hue: float) -> NDArray[np.float32]:
    """What does that to RGB, (3, 3)."""
    angle = 2 * np.pi * hue
    chroma = np.eye(3)
    chroma[1:, 1:] = saturation * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (np.linalg.inv(RGB_TO_YIQ) @ chroma @ RGB_TO_YIQ).astype(np.float32)


def _change_colors(pixels: Tensor, changes: Sequence[tuple[float, float, float]]) -> Tensor:
    """The same for a batch of floating-point pictures on [0, 255]."""
    matrices = torch.from_numpy(np.stack([color_matrix(saturation, hue) for _, saturation, hue in changes]))
    light = torch.tensor([255 * brightness for brightness, _, _ in changes])
    turned = torch.einsum("bij,bjhw->bihw", matrices.to(pixels.device), pixels)
    return turned + light.to(pixels.device)[:, None, None, None]


def random_crop(pixels: Pixels, side: int, short: int, rng: np.random.Generator) -> Pixels:
    """A square of `side` pixels at a random place, as if the short side were `short`."""
    height, width = pixels.shape[:2]
    window = side * min(height, width) / short
    left, top = rng.uniform(0, width - window), rng.uniform(0, height - window)
    return _cut(pixels, left, top, window, side)


def center_crop(pixels: Pixels, side: int, short: int) -> Pixels:
    """The middle square of `side` pixels, as if the short side were `short`."""
    height, width = pixels.shape[:2]
    window = side * min(height, width) / short
    return _cut(pixels, (width - window) / 2, (height - window) / 2, window, side)


def _cut(pixels: Pixels, left: float, top: float, window: float, side: int) -> Pixels:
    image = Image.fromarray(pixels)
    box = (left, top, left + window, top + window)
    return np.asarray(image.resize((side, side), Image.Resampling.BICUBIC, box=box))


def _cut_tensor(
    pixels: Tensor, side: int, short: tuple[int, int], size: int, rng: np.random.Generator, center: bool
) -> Float[Tensor, "3 s s"]:
    """A square of `side` pixels as if the short side were in `short`, resized to `size`; floating point on [0, 255]."""
    height, width = pixels.shape[1:]
    scale = short[0] if center else int(rng.integers(short[0], short[1] + 1))
    window = max(1, round(side * min(height, width) / scale))
    left, top = (width - window) // 2, (height - window) // 2
    if not center:
        left, top = int(rng.integers(width - window + 1)), int(rng.integers(height - window + 1))
    cut = pixels[None, :, top : top + window, left : left + window].float()
    resized = torch.nn.functional.interpolate(cut, (size, size), mode="bicubic", antialias=True, align_corners=False)
    return resized[0].clamp(0, 255)


def _to_bytes(pixels: Float[Tensor, "b 3 h w"]) -> UInt8[Tensor, "b 3 h w"]:
    return pixels.round().clamp(0, 255).to(torch.uint8)


def resize_short(pixels: Pixels, short: int) -> Pixels:
    """The whole picture with its short side brought to `short` pixels."""
    image = Image.fromarray(pixels)
    scale = short / min(image.size)
    size = (max(short, round(image.width * scale)), max(short, round(image.height * scale)))
    return np.asarray(image.resize(size, Image.Resampling.BICUBIC))


def to_tensor(pictures: Sequence[Pixels]) -> UInt8[Tensor, "b 3 h w"]:
    """Pictures of one size as a tensor."""
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()


def to_unit(pixels: UInt8[Tensor, "b 3 h w"]) -> Float[Tensor, "b 3 h w"]:
    """Bytes to [0, 1]."""
    return pixels.float() / 255.0


def _one_thread(worker: int) -> None:
    torch.set_num_threads(1)  # workers decode beside the training threads
