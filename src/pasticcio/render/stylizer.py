"""The Stylizer: styles in, embeddings out; photos in, pictures out."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache
from numbers import Real
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.errors import ModelError, OptionError, StyleError
from pasticcio.image.color import (
    color_map,
    gray,
    luminance,
    match_colors,
    match_luminance,
    with_luminance,
)
from pasticcio.image.detail import enlarge
from pasticcio.image.mask import Mask, product, read_mask
from pasticcio.image.picture import (
    Array,
    FileOrImage,
    Picture,
    Pixels,
    Source,
    as_depth,
    as_float,
    give_back,
    read_picture,
)
from pasticcio.image.resize import as_batch, at_least, in_slabs, scaled, scaled_floats
from pasticcio.model.auto import Choice, choose
from pasticcio.model.folder import PIXELS_INT8, Model
from pasticcio.model.machine import available
from pasticcio.model.sessions import AUTO, INT8, Sessions, resolve
from pasticcio.render.embedder import STYLE_RANGE, Embedder, unchanged
from pasticcio.render.options import Options
from pasticcio.render.tiles import Canvas, Progress, Report, Scene
from pasticcio.style.style import Style, mix, towards

MIN_SIDE = 16  # the graphs' smallest height and width
TILES = (1536, 768, 384, 192)  # sides of tiles, the largest that memory holds is taken
ONE_PASS, IN_REGIONS, PER_MASK = 16, 60, 30  # bytes that a pixel takes for each number at the widest layer
BESIDE = 50  # bytes a pixel takes beside the network
SPARE = 0.8  # of the memory there is, what may be used
LOOK = 2_000_000  # pixels: larger photos are looked at smaller, for their own style and their colors
TRIAL = 256  # side of the picture by which runtimes are compared

Weighted = Sequence[tuple[Source | Style, "float | Source"]]


class Stylizer:
    """A loaded model; several threads may use one.

    >>> import numpy as np
    >>> stylizer = Stylizer()
    >>> style = stylizer.embed("dance")
    >>> photo = np.zeros((48, 64, 3), np.uint8)
    >>> stylizer.stylize(photo, style, strength=0.8).shape
    (48, 64, 3)
    >>> stylizer.stylize(photo, [("dance", 0.7), ("wheat-field-with-cypresses", 0.3)]).dtype
    dtype('uint8')

    Args:
        model: name of a shipped model, or a model folder.
        threads: threads for the networks; by default one per core.
        runtime: what runs them, see `runtime`; "auto" is the environment variable PASTICCIO_RUNTIME where that is
            set, and else the fastest that is installed, by a measurement on first use (see `choice`).
        sessions: the model's graphs where they are being loaded already, for the same threads and runtime.

    Raises:
        ModelError: unknown, incomplete or damaged model.
        OptionError: no runtime of that name.
        MissingExtraError: the runtime is not installed.
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | Model = "default",
        threads: int | None = None,
        runtime: str = AUTO,
        sessions: Sessions | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise OptionError(f"threads is {threads}; it must be 1 or more")
        self.model = model if isinstance(model, Model) else Model.open(model)
        asked = resolve(runtime)
        self._bytes_graph = self.model.pixels_int8 if asked in INT8 else self.model.pixels
        if asked in INT8 and not self._bytes_graph:
            raise ModelError(
                f"runtime {asked} needs {PIXELS_INT8}, which {self.model.folder} lacks: make it with "
                "'pasticcio quantize'"
            )
        # Neither refers to this object: it is freed, with its graphs, as soon as nobody uses it.
        chosen = self._choice = cache(lambda opened=self.model: _choice(opened, threads, asked))
        self._sessions = sessions or Sessions(lambda: chosen().runtime, threads)
        run, predict = self._sessions.run, self.model.predict
        self._embedder = Embedder(self.model, lambda style: run(predict, {"style": style})[0])

    @property
    def choice(self) -> Choice:
        """The runtime of the style transfer network, and why; the first time, "auto" may measure for seconds."""
        return self._choice()

    def embed(self, picture: Source | Style, name: str = "", side: int | None = None) -> Style:
        """The style of a picture; a style is returned as it is.

        Args:
            picture: see `open_image`; or a folder, for the mean of its pictures' styles; or a `.json` file
                that `Style.save` wrote; or the name of a named style (see `list_styles`); or "random", or
                "like:" and any of these (see `StyleGaussian`; `Options` has their seed and spread).
            name: of the style; by default the file's.
            side: short side, in pixels, to which the picture is brought first; by default the model's, 256.

        Raises:
            ImageError: the picture cannot be read.
            StyleError: no such file or named style, or a style of another model.
        """
        return self._embedder(picture, name, side or self.model.style_side, unchanged, Options())

    @overload
    def stylize(
        self,
        photo: FileOrImage,
        style: Source | Style | Weighted,
        options: Options | None = ...,
        *,
        strength: float | None = ...,
    ) -> Image.Image: ...

    @overload
    def stylize(
        self,
        photo: NDArray[Any],
        style: Source | Style | Weighted,
        options: Options | None = ...,
        *,
        strength: float | None = ...,
    ) -> NDArray[Any]: ...

    @overload
    def stylize(
        self,
        photo: Picture,
        style: Source | Style | Weighted,
        options: Options | None = ...,
        *,
        strength: float | None = ...,
    ) -> Image.Image | NDArray[Any]: ...

    def stylize(
        self,
        photo: Source,
        style: Source | Style | Weighted,
        options: Options | None = None,
        *,
        strength: float | None = None,
    ) -> Image.Image | NDArray[Any]:
        """Render a photo in the manner of a style.

        Args:
            photo: see `read_picture`.
            style: a style, or a picture to embed first (see `embed`), or a list of pairs of either and a
                weight; the weights sum to 1. Or of either and a mask: a picture that is white where the style
                is to be. Where masks overlap styles mix, and where there are none the photo keeps its own.
            options: how; `strength` given here takes its place.

        Returns:
            A picture of the photo's size and of the kind that was given: an array for an array, else an
            8-bit PIL image (see `give_back`). `paint` keeps 16 bits.

        Raises:
            ImageError, StyleError, OptionError: see `read_picture`, `embed`, `mix`, `Options`.
        """
        options = options or Options()
        if strength is not None:
            options = replace(options, strength=strength)
        return give_back(self.paint(read_picture(photo), style, options))

    def paint(
        self,
        picture: Picture,
        style: Source | Style | Weighted,
        options: Options | None = None,
        report: Report = lambda progress: None,
    ) -> Picture:
        """`stylize` from a Picture to a Picture, with its alpha, EXIF data and depth; see `save_picture`.

        Args:
            picture: see `read_picture`.
            style, options: see `stylize`.
            report: called when rendering begins and after every tile.
        """
        options = options or Options()
        work = picture if options.stroke == 1.0 else scaled(picture, 1.0 / options.stroke)
        height, width = work.pixels.shape[:2]
        look = as_float(work.pixels) if height * width <= LOOK else scaled_floats(work.pixels, LOOK)
        light = options.colors == "luminance"
        styles, masks = self._styles(style, options, look, (height, width), picture.pixels.shape[:2])
        tone = (lambda image: gray(luminance(image))) if light else unchanged
        pixels = self._pixels(Scene(work.pixels, styles, masks, work.alpha, tone), options, report)
        if light:
            pixels = in_slabs(lambda photo, image: with_luminance(photo, image), work.pixels, pixels)
        elif options.colors == "match" and not all(self._embedder.has_picture(one) for one, _ in _pairs(style)):
            small = as_float(pixels) if height * width <= LOOK else scaled_floats(pixels, LOOK)
            recolor = color_map(small, look)
            pixels = in_slabs(lambda _, image: recolor(image), work.pixels, pixels)
        if work is not picture:
            pixels = enlarge(as_float(pixels), as_float(work.pixels), picture.pixels)
        return picture.with_pixels(pixels)

    @overload
    def render(self, content: Array, embedding: NDArray[np.float32]) -> Array: ...

    @overload
    def render(self, content: NDArray[np.uint8], embedding: NDArray[np.float32]) -> NDArray[np.uint8]: ...

    def render(self, content: Array | NDArray[np.uint8], embedding: NDArray[np.float32]) -> Array | NDArray[np.uint8]:
        """One forward pass of the style transfer network.

        Args:
            content: (H, W, 3), float32 in [0, 1] or uint8.
            embedding: (E,).

        Returns:
            The same of the output; bytes are rounded to the nearest, and cost less time and memory.
        """
        if embedding.shape != (self.model.embedding,):
            raise StyleError(
                f"an embedding of shape {embedding.shape} is not of this model; it has {self.model.embedding} numbers"
            )
        height, width = content.shape[:2]
        padded, row = at_least(content, MIN_SIDE), embedding[None].astype(np.float32)
        if content.dtype != np.uint8:
            image = self.run(self.model.transfer, content=as_batch(padded), embedding=row)
            return np.ascontiguousarray(image[0].transpose(1, 2, 0)[:height, :width])
        if self._bytes_graph is None:
            return as_depth(self.render(as_float(content), embedding), np.uint8)
        return self.run(self._bytes_graph, content=padded[None], embedding=row)[0, :height, :width]

    def canvas(self, scene: Scene) -> Canvas:
        """A scene on which the regions graph can be run, whole or in tiles.

        Raises:
            ModelError: the model, of an earlier version, has no such graph.
        """
        return Canvas(self._run, self.model.regions, self.model.config["regions"], scene)

    def run(self, graph: Path, **inputs: NDArray[Any]) -> NDArray[Any]:
        """Run one graph of the model; returns its first output."""
        return self._run(graph, **inputs)[0]

    def _run(self, graph: Path, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        return self._sessions.run(graph, inputs)

    def _styles(
        self,
        style: Source | Style | Weighted,
        options: Options,
        look: Array,
        size: tuple[int, int],
        photo: tuple[int, int],
    ) -> tuple[NDArray[np.float32], tuple[Mask, ...]]:
        """The embeddings of a scene, and the masks of all but the first of them, of the size that is worked on."""
        side = options.style_size or int(np.clip(min(size), *STYLE_RANGE))
        recolor = {
            "style": unchanged,
            "match": lambda image: match_colors(image, look),
            "luminance": lambda image: match_luminance(image, look),
        }[options.colors]
        pairs = _pairs(style)
        found = [self._embedder(one, "", side, recolor, options, place) for place, (one, _) in enumerate(pairs)]
        weights = [weight for _, weight in pairs]
        weighted = [isinstance(weight, Real) for weight in weights]
        if any(weighted) and not all(weighted):
            raise StyleError("some styles have a weight and some a mask; give all of them the one or the other")
        if all(weighted):
            wanted = [mix(list(zip(found, weights, strict=True))).embedding]  # type: ignore[arg-type]
            masks = []
        else:
            wanted = [one.embedding for one in found]
            masks = [read_mask(weight, *size, photo) for weight in weights]  # type: ignore[arg-type]
        if options.mask is not None:
            mask = read_mask(options.mask, *size, photo)
            masks = [product(mask, other) for other in masks] or [mask]
        if options.strength == 1.0 and not masks:
            return np.stack(wanted), ()
        if self.model.table:
            asked = f"strength is {options.strength:g}" if options.strength != 1.0 else "a mask is given"
            raise OptionError(
                f"{asked}, but model {self.model.name} cannot look at the photo and know its own manner; leave it out"
            )
        shown = gray(luminance(look)) if options.colors == "luminance" else look
        own = self.embed(shown, side=side).embedding
        strong = [towards(own, one, options.strength) for one in wanted]
        return np.stack([own, *strong] if masks else strong), tuple(masks)

    def _pixels(self, scene: Scene, options: Options, report: Report) -> Pixels:
        """The scene rendered, in one pass or in tiles: as float32, or in the photo's depth."""
        megapixels = scene.pixels.shape[0] * scene.pixels.shape[1] / 1e6
        free = available() * SPARE
        plain = scene.alpha is None and not scene.masks
        need = self._bytes(scene, regions=not plain) * megapixels * 1e6
        if options.tile == 0 or (options.tile is None and need <= free):
            report(Progress(0, 1, "one pass"))
            if plain:
                bytes_alone = scene.pixels.dtype == np.uint8 and scene.tone is unchanged
                content = scene.pixels if bytes_alone else scene.tone(as_float(scene.pixels))
                image = self.render(content, scene.styles[0])
            else:
                image = self.canvas(scene).whole()[0]
            report(Progress(1, 1, "one pass"))
            return image
        if options.tile:
            side, why = options.tile, ""
        else:
            bytes_per_pixel = self._bytes(scene, regions=True)
            side = next((side for side in TILES if bytes_per_pixel * (side + 200) ** 2 <= free / 2), TILES[-1])
            why = f": {megapixels:.0f} megapixels in one pass would take {need / 1e9:.1f} GB"
        return self.canvas(scene).tiled(side, options.statistics or "sample", report, why)

    def _bytes(self, scene: Scene, regions: bool) -> float:
        """About what rendering takes for every pixel."""
        traits = self.model.config.get("regions", {})
        widest = max((c / s**2 for c, s in zip(traits.get("layers", ()), traits.get("at", ()), strict=True)), default=8)
        each = IN_REGIONS + PER_MASK * min(2, len(scene.masks)) if regions else ONE_PASS
        return widest * each + BESIDE


def stylize(
    photo: Source,
    style: Source | Style | Weighted,
    options: Options | None = None,
    *,
    strength: float | None = None,
    model: str | os.PathLike[str] = "default",
) -> Image.Image | NDArray[Any]:
    """`Stylizer.stylize` with a model that is loaded at the first call and kept.

    >>> import numpy as np
    >>> stylize(np.zeros((32, 32), np.uint8), "dance").shape
    (32, 32, 3)

    Args:
        photo, style, options, strength: see `Stylizer.stylize`.
        model: name of a shipped model, or a model folder.

    Raises:
        ModelError: unknown, incomplete or damaged model.
        ImageError, StyleError, OptionError: see `Stylizer.stylize`.
    """
    return _loaded(os.fspath(model)).stylize(read_picture(photo), style, options, strength=strength)


@cache
def _loaded(model: str) -> Stylizer:
    return Stylizer(model)


def _choice(model: Model, threads: int | None, asked: str) -> Choice:
    if asked != AUTO:
        return Choice(asked, {}, False, "it was asked for")
    content = np.random.default_rng(0).integers(0, 256, (TRIAL, TRIAL, 3), dtype=np.uint8)

    def trial(runtime: str) -> Callable[[], object]:
        stylizer = Stylizer(model, threads, runtime)
        return lambda: stylizer.render(content, np.zeros(model.embedding, np.float32))

    return choose(model, threads, trial)


def _pairs(style: Source | Style | Weighted) -> Weighted:
    return style if isinstance(style, (list, tuple)) else [(style, 1.0)]  # type: ignore[list-item]
