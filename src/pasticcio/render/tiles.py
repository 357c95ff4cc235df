"""Pictures with several styles, with transparency, or larger than memory: the regions graph, whole or in tiles.

Instance normalization takes its statistics over the whole picture (Ghiasi et al. 2017, section 2), so tiles
must share them. They are measured first, and given to every tile:

- "reduced": of the whole picture, made smaller. Its fine texture is another, and so are its statistics.
- "sample": the same, corrected by what making smaller changes in a sample of crops. The default.
- "exact": of all tiles, once for every layer, since the statistics of a layer depend on those before it.

With the statistics given the network reaches a known number of pixels far; tiles overlap by it, and what they
give is then what one pass with the same statistics would give.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.image.picture import Array, Pixels, as_depth, as_float
from pasticcio.render.options import Statistics

NAMES = {"sample": "of a sample", "reduced": "of the picture made smaller", "exact": "exact"}
Measured = NDArray[np.float32]  # (2, channels): means and variances
Run = Callable[..., list[NDArray[np.float32]]]
Report = Callable[["Progress"], None]

REDUCED_PIXELS = 3_000_000
CROPS, CROP_SIDE, CROP_MARGIN = 20, 384, 48  # pixels; what lies in the margin is rendered and not counted
MOST_CHANGE = 4.0  # of a variance, by a correction
NOTHING = 1e-6  # weight of a place that does not count: a sum of weights is never 0
ONE = np.ones((1, 1, 1, 1), np.float32)


@dataclass(frozen=True)
class Progress:
    """How far a picture is.

    Attributes:
        done, total: tiles, those rendered for their statistics alone counted in.
        text: how it is rendered, for people.
    """

    done: int
    total: int
    text: str


@dataclass(frozen=True)
class Scene:
    """A picture and all that steers its rendering.

    Attributes:
        pixels: (H, W, 3), uint8, uint16 or float32 in [0, 1].
        styles: (S, E): embeddings; the first is for what the masks leave over.
        masks: S - 1 arrays (H, W), uint8: the share of each further style; where they sum to more than
            255 they are brought down to it. With one style none.
        alpha: (H, W), of the kind of `pixels`: transparent pixels do not count in the statistics.
        tone: what is done to pixels, as float32 (h, w, 3), before the network sees them.
    """

    pixels: NDArray[Any]
    styles: NDArray[np.float32]
    masks: tuple[NDArray[np.uint8], ...] = ()
    alpha: NDArray[Any] | None = None
    tone: Callable[[Array], Array] = lambda image: image


@dataclass(frozen=True)
class Window:
    """A piece of the padded picture: where it lies, and the part of it that is its own and not its neighbors'."""

    top: int
    left: int
    height: int
    width: int
    rows: tuple[int, int]
    columns: tuple[int, int]


class Canvas:
    """A scene, padded by reflection as the network pads it, and the graph that renders it.

    Args:
        run: runs a graph on named arrays and returns its outputs.
        graph: `regions.onnx`.
        traits: "regions" of the model's configuration.
        scene: what to render.
    """

    def __init__(self, run: Run, graph: Path, traits: dict[str, Any], scene: Scene) -> None:
        self.scene = scene
        self._run, self._graph = run, graph
        self.multiple, self.margin, self.reach = (int(traits[name]) for name in ("multiple", "margin", "reach"))
        self.scales: list[int] = traits["scales"]
        self.layers: list[int] = traits["layers"]
        height, width = scene.pixels.shape[:2]
        self.height = -(-height // self.multiple) * self.multiple + 2 * self.margin
        self.width = -(-width // self.multiple) * self.multiple + 2 * self.margin
        self._rows = reflected(height, self.margin, self.height)
        self._columns = reflected(width, self.margin, self.width)

    def whole(self) -> tuple[Array, Measured]:
        """All in one pass: the picture (H, W, 3) in [0, 1], and the statistics found."""
        images, statistics = self.render([self._whole_window()], None)
        height, width = self.scene.pixels.shape[:2]
        return images[0, self.margin : self.margin + height, self.margin : self.margin + width], statistics

    def tiled(self, side: int, how: Statistics, report: Report, why: str = "") -> Pixels:
        """In tiles: the picture (H, W, 3), in the depth of the scene.

        Args:
            side: of a tile without what it overlaps.
            how: statistics.
            report: told of every tile.
            why: for people.
        """
        out = np.empty(self.scene.pixels.shape, self.scene.pixels.dtype)
        windows = list(self.tiles(side))
        rounds = len(self.layers) if how == "exact" and self._reduced()[1] < 1.0 else 0
        text = f"{len(windows)} tiles, statistics {NAMES[how]}{why}"
        total = len(windows) * (1 + rounds)
        report(Progress(0, total, text))
        given = self.measure(how, side, lambda done: report(Progress(done, total, text)))
        for number, window in enumerate(windows, start=1):
            rows, columns, inner_rows, inner_columns = self.place(window)
            image = self.render([window], given)[0][0]
            out[rows, columns] = as_depth(image[inner_rows, inner_columns], out.dtype)
            report(Progress(rounds * len(windows) + number, total, text))
        return out

    def measure(self, how: Statistics, side: int, report: Callable[[int], None] = lambda done: None) -> Measured:
        """The statistics of all layers, see the head of this module.

        Args:
            how: which way.
            side: of the tiles, where all of them are rendered.
            report: called with the number of tiles rendered so far.
        """
        small, factor = self._reduced()
        found = small.whole()[1]
        if how == "reduced" or factor == 1.0:
            return found
        crops = self._crops()
        places = [(round(top * factor), round(left * factor)) for top, left in crops]
        large = self.render(self._around(crops, CROP_SIDE), None)[1]
        same = small.render(small._around(places, round(CROP_SIDE * factor)), None)[1]
        change = np.clip(large[1] / same[1], 1 / MOST_CHANGE, MOST_CHANGE)
        found = np.stack([found[0] + large[0] - same[0], found[1] * change])
        if how == "sample":
            return found
        done, first = 0, 0
        for channels in self.layers:
            parts = []
            for window in self.tiles(side):
                parts.append((self.render([window], found)[1], self._weight(window)))
                done += 1
                report(done)
            found[:, first : first + channels] = pooled(parts)[:, first : first + channels]
            first += channels
        return found

    def render(self, windows: Sequence[Window], given: Measured | None) -> tuple[NDArray[np.float32], Measured]:
        """Windows of one size as a batch: pictures (B, h, w, 3), and the statistics of what is their own.

        Args:
            windows: of one size.
            given: statistics; None where those of the batch itself are to be used.
        """
        channels = sum(self.layers)
        inputs: dict[str, NDArray[np.float32]] = {
            "content": np.concatenate([self._content(window) for window in windows]),
            "embeddings": self.scene.styles.astype(np.float32),
            "given": np.zeros((2, channels), np.float32) if given is None else given,
            "known": np.full(channels, float(given is not None), np.float32),
        }
        shares, weights = [self._shares(w) for w in windows], [self._counted(w) for w in windows]
        for scale in self.scales:
            inputs[f"masks_{scale}"] = np.concatenate([averaged(share, scale) for share in shares])
            inputs[f"weights_{scale}"] = np.concatenate([averaged(weight, scale) for weight in weights])
        image, statistics = self._run(self._graph, **inputs)
        return image.transpose(0, 2, 3, 1), statistics

    def tiles(self, side: int) -> Iterator[Window]:
        """Windows of one size whose own parts, about `side` pixels wide, cover the padded picture once."""
        rows, columns = cuts(self.height, side, self.multiple), cuts(self.width, side, self.multiple)
        reach = -(-self.reach // self.multiple) * self.multiple
        height = min(self.height, max(b - a for a, b in rows) + 2 * reach)
        width = min(self.width, max(b - a for a, b in columns) + 2 * reach)
        for first, last in rows:
            top = min(max(0, first - reach), self.height - height)
            for start, end in columns:
                left = min(max(0, start - reach), self.width - width)
                yield Window(top, left, height, width, (first - top, last - top), (start - left, end - left))

    def place(self, window: Window) -> tuple[slice, slice, slice, slice]:
        """Rows and columns of the picture that are the window's own, and where they lie in the window."""
        height, width = self.scene.pixels.shape[:2]
        top = max(window.top + window.rows[0] - self.margin, 0)
        bottom = min(window.top + window.rows[1] - self.margin, height)
        left = max(window.left + window.columns[0] - self.margin, 0)
        right = min(window.left + window.columns[1] - self.margin, width)
        down, across = self.margin - window.top, self.margin - window.left
        return (
            slice(top, max(top, bottom)),
            slice(left, max(left, right)),
            slice(top + down, max(top, bottom) + down),
            slice(left + across, max(left, right) + across),
        )

    def _whole_window(self) -> Window:
        return Window(0, 0, self.height, self.width, (0, self.height), (0, self.width))

    def _crops(self) -> list[tuple[int, int]]:
        """Upper left corners, in the picture, of crops from all over: a random one in each cell of a grid."""
        height, width = self.scene.pixels.shape[:2]
        down = min(CROPS, max(1, round(math.sqrt(CROPS * height / width))))
        across = max(1, CROPS // down)
        rooms = max(0, height - CROP_SIDE) / down, max(0, width - CROP_SIDE) / across
        random = np.random.default_rng(0)
        cells = np.stack(np.meshgrid(np.arange(down), np.arange(across), indexing="ij"), 2)
        places = random.random((down, across, 2)) + cells
        return [(int(row), int(column)) for row, column in (places * rooms).reshape(-1, 2)]

    def _around(self, corners: Sequence[tuple[int, int]], side: int) -> list[Window]:
        """Windows around squares of the picture, which alone count."""
        full = (-(-(side + 2 * CROP_MARGIN) // self.multiple) + 1) * self.multiple
        height, width = min(full, self.height), min(full, self.width)
        windows = []
        for row, column in corners:
            row, column = row + self.margin, column + self.margin
            top = min(max(0, row - CROP_MARGIN) // self.multiple * self.multiple, self.height - height)
            left = min(max(0, column - CROP_MARGIN) // self.multiple * self.multiple, self.width - width)
            rows = row - top, min(row - top + side, height)
            windows.append(Window(top, left, height, width, rows, (column - left, min(column - left + side, width))))
        return windows

    def _reduced(self) -> tuple[Canvas, float]:
        """The scene made smaller, and how much; as it is where it is small."""
        height, width = self.scene.pixels.shape[:2]
        factor = math.sqrt(REDUCED_PIXELS / (height * width))
        if factor >= 1.0:
            return self, 1.0
        size = max(1, round(width * factor)), max(1, round(height * factor))
        scene = self.scene
        small = replace(
            scene,
            pixels=reduced(scene.pixels, size),
            masks=tuple(reduced(mask, size) for mask in scene.masks),
            alpha=None if scene.alpha is None else reduced(scene.alpha, size),
        )
        traits = {name: getattr(self, name) for name in ("multiple", "margin", "reach", "scales", "layers")}
        return Canvas(self._run, self._graph, traits, small), factor

    def _cut(self, values: NDArray[Any], window: Window) -> NDArray[Any]:
        rows = self._rows[window.top : window.top + window.height]
        columns = self._columns[window.left : window.left + window.width]
        first, last = columns.min(), columns.max() + 1
        return values[rows, first:last][:, columns - first]

    def _content(self, window: Window) -> NDArray[np.float32]:
        image = self.scene.tone(as_float(self._cut(self.scene.pixels, window)))
        return np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)

    def _shares(self, window: Window) -> NDArray[np.float32]:
        """(1, S, h, w), or (1, 1, 1, 1) of one style."""
        if not self.scene.masks:
            return ONE
        masks = np.stack([self._cut(mask, window) for mask in self.scene.masks]).astype(np.float32) / 255
        masks /= np.maximum(masks.sum(0), 1.0)
        return np.concatenate([1.0 - masks.sum(0, keepdims=True), masks])[None]

    def _counted(self, window: Window) -> NDArray[np.float32]:
        """(1, 1, h, w): opacity of what is the window's own; (1, 1, 1, 1) where that is all."""
        alpha = self.scene.alpha
        if alpha is None and window.rows == (0, window.height) and window.columns == (0, window.width):
            return ONE
        weight = np.full((window.height, window.width), NOTHING, np.float32)
        own = slice(*window.rows), slice(*window.columns)
        weight[own] = 1.0 if alpha is None else np.maximum(as_float(self._cut(alpha, window))[own], NOTHING)
        return weight[None, None]

    def _weight(self, window: Window) -> float:
        return float(self._counted(window).mean(dtype=np.float64) * window.height * window.width)


def reflected(length: int, before: int, total: int) -> NDArray[np.intp]:
    """Indices into a row of `length` pixels, padded by reflection to `total`, `before` of them in front."""
    places = np.arange(-before, total - before)
    if length == 1:
        return np.zeros(total, np.intp)
    places = np.abs(places) % (2 * (length - 1))
    return np.minimum(places, 2 * (length - 1) - places)


def cuts(length: int, side: int, multiple: int) -> list[tuple[int, int]]:
    """A length in equal parts of about `side` or less, their ends on multiples."""
    parts = max(1, -(-length // max(side, multiple)))
    ends = [round(length * part / parts / multiple) * multiple for part in range(parts)] + [length]
    return [(a, b) for a, b in itertools.pairwise(ends) if b > a]


def averaged(maps: NDArray[np.float32], scale: int) -> NDArray[np.float32]:
    """(1, S, h, w) at 1/scale of the size: means of blocks; (1, S, 1, 1) is the same at every scale."""
    height, width = maps.shape[2:]
    if (height, width) == (1, 1) or scale == 1:
        return maps
    blocks = maps.reshape(1, -1, height // scale, scale, width // scale, scale)
    return np.ascontiguousarray(blocks.mean(axis=(3, 5)))


def pooled(parts: Sequence[tuple[Measured, float]]) -> Measured:
    """The statistics of a whole from those of its parts and their weights."""
    weights = np.array([weight for _, weight in parts], np.float64)
    weights /= weights.sum()
    means = np.stack([part[0] for part, _ in parts]).astype(np.float64)
    variances = np.stack([part[1] for part, _ in parts]).astype(np.float64)
    mean = np.tensordot(weights, means, 1)
    variance = np.tensordot(weights, variances + (means - mean) ** 2, 1)
    return np.stack([mean, variance]).astype(np.float32)


def reduced(values: NDArray[Any], size: tuple[int, int]) -> NDArray[Any]:
    """(H, W) or (H, W, 3) of any kind at another size (width, height), by area, as uint8."""
    if values.dtype != np.uint8:
        slabs = [np.round(as_float(slab) * 255).astype(np.uint8) for slab in np.array_split(values, len(values))]
        values = np.concatenate(slabs)
    return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.BOX))
