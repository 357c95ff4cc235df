"""Work: one item rendered in its style, as the bytes of a picture file."""

from __future__ import annotations

import io
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from pasticcio.dataset.source import Item
from pasticcio.errors import ImageError, ModelError, OptionError, PasticcioError
from pasticcio.image.listing import Entry
from pasticcio.image.picture import Picture, as_depth, over_white
from pasticcio.image.read import MAX_MEGAPIXELS, read_picture
from pasticcio.image.resize import resized
from pasticcio.image.write import FORMATS, QUALITY, encode
from pasticcio.model.names import ONNXRUNTIME
from pasticcio.render.declare import check_value
from pasticcio.render.options import Options
from pasticcio.render.stylizer import MIN_SIDE, Stylizer
from pasticcio.style.style import Style

LARGE = 16_000_000  # pixels: larger pictures are rendered in tiles, whatever memory there is
TILE = 1024


@dataclass(frozen=True)
class Look:
    """What an output looks like, apart from its style.

    Attributes:
        size: short side, in pixels, to which pictures are resized before they are rendered; 0 leaves them as they are.
        crop: side, in pixels, of the square that is cut from the middle then; 0 for none.
        format: suffix of the outputs, such as ".jpg".
        quality: of JPEG, WebP and AVIF, from 1 to 100.
        max_megapixels: larger pictures are refused, see `read_picture`.

    Raises:
        OptionError: a value outside its range, a crop larger than the size, or a format that is not written.
    """

    size: int = 256
    crop: int = 0
    format: str = ".jpg"
    quality: int = QUALITY
    max_megapixels: float = MAX_MEGAPIXELS

    def __post_init__(self) -> None:
        check_value("size", self.size, type=int, range=(MIN_SIDE, None), besides=(0, "as it is"), unit="pixels")
        check_value("crop", self.crop, type=int, range=(MIN_SIDE, None), besides=(0, "none"), unit="pixels")
        check_value("quality", self.quality, type=int, range=(1, 100))
        if self.crop > self.size > 0:
            raise OptionError(f"crop is {self.crop}; it must be at most the size, {self.size} pixels")
        if self.format not in FORMATS:
            raise OptionError(f"cannot write {self.format!r}; choose one of {', '.join(FORMATS)}")
        if not self.max_megapixels > 0:
            raise OptionError(f"max_megapixels is {self.max_megapixels:g}; it must be above 0")


@dataclass(frozen=True)
class Task:
    """One output to make.

    Attributes:
        number: tasks of one run have rising numbers.
        group: number of the shard, or of the group of files, that the output belongs to.
        name: of the output within the data set, without suffix.
        item: the picture.
        style, embedding, strength, seed: see `Choice`.
    """

    number: int
    group: int
    name: str
    item: Item
    style: str
    embedding: NDArray[np.float32] = field(repr=False, compare=False)
    strength: float
    seed: int


@dataclass(frozen=True)
class Result:
    """What became of a task.

    Attributes:
        task: the task.
        data: bytes of the output's file; empty where there is none.
        members: of the item, suffix and bytes.
        error: why there is no output; empty where there is one.
    """

    task: Task
    data: bytes = field(default=b"", repr=False)
    members: tuple[tuple[str, bytes], ...] = field(default=(), repr=False)
    error: str = ""


class Renderer:
    """Renders tasks, with one thread: sums then have one order, and outputs the same bits, on any number of cores.

    Args:
        model: name of a shipped model, or a model folder.
        look: of all outputs.

    Raises:
        ModelError: see `Stylizer`.
    """

    def __init__(self, model: str, look: Look) -> None:
        self._look = look
        self._stylizer = Stylizer(model, threads=1, runtime=ONNXRUNTIME)
        self._stylizer.render(
            np.zeros((MIN_SIDE, MIN_SIDE, 3), np.uint8), np.zeros(self._stylizer.model.embedding, np.float32)
        )
        self._latest: tuple[Entry, Picture] | None = None

    def __call__(self, task: Task) -> Result:
        """Render a task; a picture that cannot be rendered is a result with an error.

        Raises:
            ModelError: the model's other graphs cannot be loaded.
        """
        try:
            picture = self._picture(task.item.picture)
            members = tuple((suffix, entry.read()) for suffix, entry in task.item.members)
            large = picture.pixels.shape[0] * picture.pixels.shape[1] > LARGE
            options = Options(strength=task.strength, tile=TILE if large else 0)
            style = Style(task.embedding, self._stylizer.model.fingerprint, task.style)
            painted = self._stylizer.paint(picture, style, options)
            return Result(task, encode(painted, self._look.format, quality=self._look.quality), members)
        except ModelError:
            raise
        except PasticcioError as error:
            return Result(task, error=str(error))
        except MemoryError:
            return Result(task, error=f"{task.item.picture.name} does not fit into the memory that is free")

    def _picture(self, entry: Entry) -> Picture:
        """A picture as it is rendered, see `prepared`; the latest is kept for its next style."""
        if self._latest is None or self._latest[0] != entry:
            self._latest = None
            self._latest = (
                entry,
                prepared(read_picture(_Named(entry), max_megapixels=self._look.max_megapixels), self._look),
            )
        return self._latest[1]


class _Named(io.BytesIO):
    """The bytes of an entry, with its name for messages."""

    def __init__(self, entry: Entry) -> None:
        super().__init__(entry.read())
        self.name = entry.name


def prepared(picture: Picture, look: Look) -> Picture:
    """A picture laid over white, in 8 bits and without EXIF data, resized and cropped.

    Raises:
        ImageError: it is smaller than the crop, or so narrow that it would have too many pixels.
    """
    pixels = as_depth(picture.pixels if picture.alpha is None else over_white(picture), np.uint8)
    height, width = pixels.shape[:2]
    if look.size and look.size != min(height, width):
        factor = look.size / min(height, width)
        across, down = (max(look.size, round(side * factor)) for side in (width, height))
        if across * down > look.max_megapixels * 1e6:
            raise ImageError(
                f"{picture.name} is {width} x {height} and would become {across} x {down}; the limit is "
                f"{look.max_megapixels:g} million pixels: leave it out, or lower the size"
            )
        pixels = resized(pixels, (across, down))
        height, width = pixels.shape[:2]
    if look.crop:
        if min(height, width) < look.crop:
            raise ImageError(f"{picture.name} is {width} x {height}, smaller than the crop of {look.crop} pixels")
        top, left = (height - look.crop) // 2, (width - look.crop) // 2
        pixels = np.ascontiguousarray(pixels[top : top + look.crop, left : left + look.crop])
    return replace(picture, pixels=pixels, alpha=None, exif=None)
