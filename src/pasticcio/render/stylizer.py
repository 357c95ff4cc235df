"""The Stylizer: styles in, embeddings out; photos in, pictures out."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray
from PIL import Image

from pasticcio.errors import ImageError, ModelError, OptionError, StyleError
from pasticcio.image.mask import covered
from pasticcio.image.picture import Array, FileOrImage, Picture, Pixels, Source, as_batch, as_depth, as_float, give_back
from pasticcio.image.read import read_picture
from pasticcio.image.resize import at_least, resized, scaled
from pasticcio.image.texture import textured
from pasticcio.image.underpaint import underpainted
from pasticcio.kept import Kept
from pasticcio.model.auto import Choice, choose
from pasticcio.model.folder import PIXELS_INT8, Model
from pasticcio.model.machine import available
from pasticcio.model.names import AUTO, INT8, resolve
from pasticcio.model.sessions import Sessions
from pasticcio.render.adapt import Sketch
from pasticcio.render.blend import Blend, Weighted
from pasticcio.render.canvas import Canvas
from pasticcio.render.content import check_content
from pasticcio.render.declare import check_value
from pasticcio.render.embedder import Chance, Embedder, View, seen, style_side
from pasticcio.render.find import Draw, Given, find
from pasticcio.render.levels import SHARE, levels, stroke_for
from pasticcio.render.options import SPREAD, Options
from pasticcio.render.plan import Plan, plan, smaller
from pasticcio.render.recolor import Recolor, thumbnail
from pasticcio.render.scene import Scene
from pasticcio.render.slope import Grams
from pasticcio.render.statistics import Survey
from pasticcio.render.strength import at_strength
from pasticcio.render.tiles import Progress, RenderReport, in_tiles
from pasticcio.render.usage import refuse, unused
from pasticcio.style.style import Style

MIN_SIDE = 16  # the graphs' smallest height and width
MAX_SIDE = 4096  # of a style picture
STYLES = 16  # style pictures whose Gram matrices are kept, a megabyte and a half each
SPARE = 0.8  # share of the free memory that rendering may take
TRIAL = 256  # side of the picture by which runtimes are compared


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
        runtime: what runs the networks, see `model.names`; "auto" is the environment variable PASTICCIO_RUNTIME if it
            is set, and else the fastest runtime that is installed, measured at the first use (see `choice`).
        sessions: of the model's graphs if they are being loaded already, for the same threads and runtime.
        memory: bytes that rendering may take before a picture is rendered in tiles; by default 80% of what is free.

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
        memory: int | None = None,
    ) -> None:
        if threads is not None and threads < 1:
            raise OptionError(f"threads is {threads}; it must be 1 or more")
        self.model = model if isinstance(model, Model) else Model.open(model)
        self.memory = memory
        self.threads, self._asked = threads, (asked := resolve(runtime))
        self._bytes_graph = self.model.pixels_int8 if asked in INT8 else self.model.pixels
        if asked in INT8 and not self._bytes_graph:
            raise ModelError(
                f"runtime {asked} needs {PIXELS_INT8}, which {self.model.folder} lacks: make it with "
                "'pasticcio quantize'"
            )
        # Neither function refers to this object, which is freed, with its graphs, as soon as nothing refers to it.
        chosen = self._choice = cache(lambda opened=self.model: _choice(opened, threads, asked))
        self._sessions = sessions or Sessions(lambda: chosen().runtime, threads)
        run, predict = self._sessions.run, self.model.predict
        self.style_grams: Kept[Grams] = Kept(STYLES)  # of pictures to which styles were fitted
        self._embedder = Embedder(self.model, lambda style: run(predict, {"style": style})[0])

    def __reduce__(self) -> tuple[type[Stylizer], tuple[Any, ...]]:
        """For pickle and copy: the model's folder and the settings. The graphs are loaded anew, when first used."""
        return type(self), (self.model, self.threads, self._asked, None, self.memory)

    @property
    def choice(self) -> Choice:
        """The runtime of the style transfer network, and why; with "auto" the first call may measure for seconds."""
        return self._choice()

    def embed(self, picture: Source | Style, name: str = "", side: int | None = None) -> Style:
        """The style of a picture; a style is returned as it is.

        Args:
            picture: see `open_image`; or a folder, for the mean of its pictures' styles; or a `.json` file
                that `Style.save` wrote; or the name of a named style (see `list_styles`); or "random", or
                "like:" and any of these (see `StyleGaussian`; `Options` has their seed and spread).
            name: of the style; by default the file's.
            side: short side, in pixels from 16 to 4096, to which the picture is resized first; by default the
                model's, 256.

        Raises:
            ImageError: the picture cannot be read.
            StyleError: no such file or named style, a style of another model, or an object that means no style.
            OptionError: a side outside its range.
        """
        if side is not None:
            check_value("side", side, type=int, range=(MIN_SIDE, MAX_SIDE), unit="pixels")
        return self._embedder.style(picture, View(side or self.model.style_side), Chance(), name)

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
            style: a style, or a picture to embed first (see `embed`). Or several: a list of them, for equal
                weights; a list of pairs, or a dict, of each and its weight, where weights sum to 1; or of each and its
                mask, a picture that is white where the style is to be. Where masks overlap styles mix, and where
                there are none the photo keeps its own style.
            options: how; `strength` given here takes its place.

        Returns:
            A picture of the photo's size and of the kind that was given: an array for an array, else an
            8-bit PIL image (see `give_back`). `paint` keeps 16 bits.

        Raises:
            ImageError, StyleError: see `read_picture`, `embed`, `mix`.
            OptionError: see `Options`; or `style_size`, `seed` or `spread` are given and none of the styles uses them.
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
        report: RenderReport = lambda progress: None,
    ) -> Picture:
        """`stylize` from a Picture to a Picture, with its alpha, EXIF data and depth; see `save_picture`.

        Args:
            picture: see `read_picture`.
            style, options: see `stylize`.
            report: called when rendering begins and after every tile.

        Raises:
            ImageError, StyleError, OptionError: see `stylize`.
        """
        options = options or Options()
        try:
            return self._paint(picture, Blend.of(style).found(self.model), options, report)
        except MemoryError as error:
            asked, left = ("", "") if options.tile is None else (f" with tile {options.tile}", "leave tile out, ")
            height, width = picture.pixels.shape[:2]
            raise ImageError(
                f"{picture.name} of {width} x {height} does not fit into the memory that is free{asked}; free some, "
                f"{left}or make the picture smaller"
            ) from error

    def _paint(self, picture: Picture, blend: Blend, options: Options, report: RenderReport) -> Picture:
        refuse(options, unused(options, blend, self.model))
        sizes = levels(stroke_for(options.stroke, *picture.pixels.shape[:2]))
        work = scaled(picture, 1.0 / sizes[0])
        recolor = Recolor(options.colors, thumbnail(work.pixels))
        side = style_side(options.style_size, *work.pixels.shape[:2])
        view = View(side, None if options.colors == "style" else recolor.style)
        alpha = None if work.alpha is None else as_float(work.alpha)
        sketch = Sketch(self, recolor.content(as_float(work.pixels)), alpha) if options.adapt else None
        embeddings = self._embed(blend, view, options, recolor, sketch)
        tone = recolor.content if options.colors == "luminance" else None
        amount = min(options.strength, 1.0)
        # Departures from the paper, whose network sees the photo as it is, once: texture for even areas, and levels.
        masks = blend.masks_of(options.mask, work, picture)
        pixels = textured(work.pixels, options.texture * amount, covered(masks))
        for finer in sizes[1:]:
            laid_in = self._render(Scene(pixels, embeddings, masks, work.alpha, tone), options, lambda progress: None)
            work = scaled(picture, 1.0 / finer)
            masks = blend.masks_of(options.mask, work, picture)
            pixels = underpainted(work.pixels, laid_in, SHARE * amount, covered(masks))
        pixels = self._render(Scene(pixels, embeddings, masks, work.alpha, tone), options, report)
        pixels = pixels if work is picture else resized(pixels, picture.pixels.shape[1::-1])
        pixels = recolor.output(pixels, picture.pixels, recolored=all(map(self._is_picture, blend.styles)))
        return picture.with_pixels(pixels)

    def unused(self, options: Options, style: Source | Style | Weighted) -> list[str]:
        """The names of options that are given and have no effect with these styles: `paint` refuses them.

        Raises:
            StyleError: see `embed`.
        """
        return unused(options, Blend.of(style).found(self.model), self.model)

    def find(self, style: Source | Style) -> Given:
        """What is meant by a style, which `paint` takes in its place: files that come to be later change nothing.

        Raises:
            ImageError, StyleError: see `embed`.
        """
        return find(style, self.model)

    @overload
    def render(self, content: Array, embedding: NDArray[np.float32]) -> Array: ...

    @overload
    def render(self, content: NDArray[np.uint8], embedding: NDArray[np.float32]) -> NDArray[np.uint8]: ...

    @overload
    def render(self, content: NDArray[np.uint16], embedding: NDArray[np.float32]) -> NDArray[np.uint16]: ...

    def render(self, content: Pixels, embedding: NDArray[np.float32]) -> Pixels:
        """One forward pass of the style transfer network.

        Args:
            content: (H, W, 3), uint8 or uint16 over the whole range or floating point in [0, 1].
            embedding: (E,).

        Returns:
            (H, W, 3): uint8 and uint16 as they were given, rounded to the nearest; else float32 in [0, 1]. uint8
            takes less time and memory than the others.

        Raises:
            ImageError: content of another shape, type or range.
            StyleError: an embedding of another length.
        """
        check_content(content)
        row = self._row(embedding)
        height, width = content.shape[:2]
        padded = at_least(content, MIN_SIDE)
        if content.dtype == np.uint8 and self._bytes_graph is not None:
            return self.run(self._bytes_graph, content=padded[None], embedding=row)[0, :height, :width]
        image = self.run(self.model.transfer, content=as_batch(as_float(padded)), embedding=row)
        pixels = np.ascontiguousarray(image[0].transpose(1, 2, 0)[:height, :width])
        return pixels if np.issubdtype(content.dtype, np.floating) else as_depth(pixels, content.dtype)

    def _row(self, embedding: ArrayLike) -> NDArray[np.float32]:
        """An embedding as a batch of one, (1, E)."""
        values = np.asarray(embedding)
        if values.shape != (self.model.embedding,):
            raise StyleError(
                f"an embedding of shape {values.shape} is not of this model; it has {self.model.embedding} numbers"
            )
        return values[None].astype(np.float32)

    def canvas(self, scene: Scene) -> Canvas:
        """A scene on which the regions graph can be run, whole or in tiles.

        Raises:
            ModelError: the model, of an earlier version, has no such graph.
        """
        graph, traits = self.model.regions, self.model.settings.regions
        assert traits is not None  # `Model.regions` makes sure
        return Canvas(self.run_all, graph, traits, scene)

    def run(self, graph: Path, **inputs: NDArray[Any]) -> NDArray[Any]:
        """Run one graph of the model; returns its first output."""
        return self.run_all(graph, **inputs)[0]

    def run_all(self, graph: Path, **inputs: NDArray[Any]) -> list[NDArray[Any]]:
        """Run one graph of the model; returns its outputs, in their order."""
        return self._sessions.run(graph, inputs)

    def _embed(
        self, blend: Blend, view: View, options: Options, recolor: Recolor, sketch: Sketch | None
    ) -> NDArray[np.float32]:
        """The embeddings of a scene, (S, E): the photo's own and those of the styles, or that of their mix."""
        spread = SPREAD if options.spread is None else options.spread
        given = [read_picture(x) if hasattr(x, "read") else x for x in blend.styles]  # type: ignore[arg-type]  # a file
        styles = [self._embedder.style(x, view, Chance(options.seed, spread, n)) for n, x in enumerate(given)]
        rows = np.concatenate([self._row(style.embedding) for style in styles])
        weights = None if blend.masks else np.asarray([blend.weights], np.float32)
        if weights is not None and sketch is None:
            rows = weights @ rows
        masked, strength = bool(blend.masks) or options.mask is not None, options.strength
        own = self._own(options, recolor, view.side) if masked or strength != 1.0 else None
        found = rows if own is None else at_strength(self, own, rows, strength)
        if sketch is not None and (steps := options.adapt):
            views = (seen(x, self.model, view) for x in given)
            trios = zip(rows, found, views, strict=True)
            found = np.stack([f if x is None else sketch.fit(r, x, steps, strength, own) for r, f, x in trios])
            found = found if weights is None else weights @ found
        return found if own is None or not masked else np.concatenate([own[None], found])

    def _own(self, options: Options, recolor: Recolor, side: int) -> NDArray[np.float32]:
        """The photo's own embedding, (E,)."""
        if self.model.table:
            asked = f"strength is {options.strength:g}" if options.strength != 1.0 else "a mask is given"
            why = f"which needs the photo's own style, and model {self.model.name} cannot embed a photo"
            raise OptionError(f"{asked}, {why}; leave it out")
        return self._embedder.embed(recolor.content(recolor.photo), View(side)).embedding

    def _render(self, scene: Scene, options: Options, report: RenderReport) -> Pixels:
        """The scene in one pass or in tiles: float32 in [0, 1], or of the dtype of its pixels.

        Where memory does not suffice, smaller tiles are tried, if the caller did not ask for those that were.
        """
        memory = available() * SPARE if self.memory is None else self.memory
        planned: Plan | None = plan(scene, self.model.settings.regions, options.tile, memory)
        while planned is not None:
            try:
                return self._planned(scene, planned, options, report)
            except MemoryError as error:
                failed = error  # its frames hold the arrays that were too many
                failed.__traceback__ = None
            planned = smaller(scene, planned) if options.tile is None else None
        raise failed

    def _planned(self, scene: Scene, planned: Plan, options: Options, report: RenderReport) -> Pixels:
        if planned.tile:
            survey = Survey.within(options.statistics or "sample", planned.tile, planned.survey)
            return in_tiles(self.canvas(scene), survey, report, planned.why)
        report(Progress(0, 1, "one pass"))
        if not scene.plain:
            pixels: Pixels = self.canvas(scene).whole()[0]
        elif scene.tone is None:
            pixels = self.render(scene.pixels, scene.styles[0])
        else:
            pixels = self.render(scene.tone(as_float(scene.pixels)), scene.styles[0])
        report(Progress(1, 1, "one pass"))
        return pixels

    def _is_picture(self, style: Given) -> bool:
        """Whether a style is embedded here, so that its colors were changed before."""
        return not isinstance(find(style, self.model), (Style, Draw))


def _choice(model: Model, threads: int | None, asked: str) -> Choice:
    if asked != AUTO:
        return Choice(asked, {}, False, "it was asked for")
    content = np.random.default_rng(0).integers(0, 256, (TRIAL, TRIAL, 3), dtype=np.uint8)

    def trial(runtime: str) -> Callable[[], object]:
        stylizer = Stylizer(model, threads, runtime)
        return lambda: stylizer.render(content, np.zeros(model.embedding, np.float32))

    return choose(model, threads, trial)
