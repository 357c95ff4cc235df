"""The Stylizer: styles in, embeddings out; photos in, pictures out."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from numbers import Real
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio import __version__
from pasticcio import cache as kept
from pasticcio.choice import Choice, choose
from pasticcio.color import (
    COLOURS,
    Colours,
    colour_map,
    grey,
    luminance,
    match_colours,
    match_luminance,
    with_luminance,
)
from pasticcio.detail import enlarge
from pasticcio.errors import ModelError, OptionError, StyleError, nearest
from pasticcio.images import (
    Array,
    FileOrImage,
    Picture,
    Pixels,
    Source,
    as_depth,
    as_float,
    give_back,
    list_pictures,
    open_image,
    read_picture,
    to_pil,
)
from pasticcio.masks import Mask, product, read_mask
from pasticcio.memory import available
from pasticcio.model import PIXELS_INT8, Model
from pasticcio.runtime import AUTO, INT8, Sessions, resolve
from pasticcio.style import Style, StyleGaussian, mix
from pasticcio.tiles import STATISTICS, Canvas, Progress, Report, Scene, Statistics, reduced

MIN_SIDE = 16  # the graphs' smallest height and width
MAX_STRENGTH = 1.5
MIN_STROKE, MAX_STROKE = 0.25, 8.0
MIN_TILE = 64
TILES = (1536, 768, 384, 192)  # sides of tiles, the largest that memory holds is taken
ONE_PASS, IN_REGIONS, PER_MASK = 16, 60, 30  # bytes that a pixel takes for each number at the widest layer
BESIDE = 50  # bytes a pixel takes beside the network
SPARE = 0.8  # of the memory there is, what may be used
LOOK = 2_000_000  # pixels: larger photos are looked at smaller, for their own style and their colours
SLAB = 512  # rows
RANDOM, LIKE = "random", "like:"
MIN_STYLE, MAX_STYLE = 64, 1024  # short side of a style picture
STYLE_RANGE = 192, 512  # of those, what the models were trained on
MAX_ASPECT = 4  # of a style picture: the middle of a longer one is taken
EMBEDDINGS, MOST_EMBEDDINGS = "embeddings", 1000  # folder in the cache folder, and files in it
TRIAL = 256  # side of the picture by which runtimes are compared


@dataclass(frozen=True)
class Options:
    """How a picture is stylized.

    >>> Options(strength=0.5, colours="match").stroke
    1.0
    >>> Options(strength=2)
    Traceback (most recent call last):
    pasticcio.errors.OptionError: strength is 2; it must be between 0 and 1.5

    Attributes:
        strength: 0 is the photo in its own manner, 1 the style in full, up to 1.5 more than that; a straight
            line through their embeddings (the paper's identity interpolation).
        style_size: short side, in pixels, at which the style picture is looked at: larger is coarser. By
            default the photo's own, from 192 to 512: strokes then have the size that they have where
            photo and painting hang side by side. Named styles were looked at at 384, saved ones when saved.
        stroke: how many times larger than that the strokes are, from 0.25 to 8: the photo is stylized that
            many times smaller, and its finer detail added again (see `detail.enlarge`).
        colours: "style": the style's. "match": the style picture first takes on the photo's colours (a
            style without a picture: the output does). "luminance": only light and shade are stylized.
        mask: a picture of the photo's proportions whose grey is the strength at every place: white as
            `strength` says, black the photo in its own manner.
        seed: of the styles "random" and "like:..."; None for another one every time.
        spread: how far "like:..." goes from its style, from 0 to 1, see `StyleGaussian.near`.
        tile: side, in pixels, of the tiles in which a picture is rendered; 0 for one pass whatever its size.
            By default one pass where memory holds it, and else tiles.
        statistics: how tiles come by the statistics that they share, see `tiles`.
    """

    strength: float = 1.0
    style_size: int | None = None
    colours: Colours = "style"
    stroke: float = 1.0
    mask: Source | None = field(default=None, compare=False)
    seed: int | None = None
    spread: float = 0.3
    tile: int | None = None
    statistics: Statistics = "sample"

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= MAX_STRENGTH:
            raise OptionError(f"strength is {self.strength:g}; it must be between 0 and {MAX_STRENGTH:g}")
        if not MIN_STROKE <= self.stroke <= MAX_STROKE:
            raise OptionError(f"stroke is {self.stroke:g}; it must be between {MIN_STROKE:g} and {MAX_STROKE:g}")
        if not 0.0 <= self.spread <= 1.0:
            raise OptionError(f"spread is {self.spread:g}; it must be between 0 and 1")
        if self.seed is not None and self.seed < 0:
            raise OptionError(f"seed is {self.seed}; it must be 0 or more")
        if self.tile is not None and self.tile != 0 and self.tile < MIN_TILE:
            raise OptionError(f"tile is {self.tile}; it must be {MIN_TILE} pixels or more, or 0 for one pass")
        if self.colours not in COLOURS:
            raise OptionError(f"colours is {self.colours!r}; {nearest(self.colours, COLOURS)}")
        if self.statistics not in STATISTICS:
            raise OptionError(f"statistics is {self.statistics!r}; {nearest(self.statistics, STATISTICS)}")
        if self.style_size is not None and not MIN_STYLE <= self.style_size <= MAX_STYLE:
            raise OptionError(f"style_size is {self.style_size}; it must be from {MIN_STYLE} to {MAX_STYLE} pixels")


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
        self._embedded: dict[tuple[str, int, int, int], NDArray[np.float32]] = {}  # by file: 100 numbers each

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
        return self._embed(picture, name, side or self.model.style_side, unchanged, Options())

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
        work = picture if options.stroke == 1.0 else _scaled(picture, 1.0 / options.stroke)
        height, width = work.pixels.shape[:2]
        look = as_float(work.pixels) if height * width <= LOOK else _scaled_floats(work.pixels, LOOK)
        light = options.colours == "luminance"
        styles, masks = self._styles(style, options, look, (height, width), picture.pixels.shape[:2])
        tone = (lambda image: grey(luminance(image))) if light else unchanged
        pixels = self._pixels(Scene(work.pixels, styles, masks, work.alpha, tone), options, report)
        if light:
            pixels = _in_slabs(lambda photo, image: with_luminance(photo, image), work.pixels, pixels)
        elif options.colours == "match" and not all(self._has_picture(one) for one, _ in _pairs(style)):
            small = as_float(pixels) if height * width <= LOOK else _scaled_floats(pixels, LOOK)
            recolour = colour_map(small, look)
            pixels = _in_slabs(lambda _, image: recolour(image), work.pixels, pixels)
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
        padded, row = _at_least(content, MIN_SIDE), embedding[None].astype(np.float32)
        if content.dtype != np.uint8:
            image = self.run(self.model.transfer, content=_batch(padded), embedding=row)
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
        recolour = {
            "style": unchanged,
            "match": lambda image: match_colours(image, look),
            "luminance": lambda image: match_luminance(image, look),
        }[options.colours]
        pairs = _pairs(style)
        found = [self._embed(one, "", side, recolour, options, place) for place, (one, _) in enumerate(pairs)]
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
        shown = grey(luminance(look)) if options.colours == "luminance" else look
        own = self.embed(shown, side=side).embedding
        strong = [own + np.float32(options.strength) * (one - own) for one in wanted]
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
        return self.canvas(scene).tiled(side, options.statistics, report, why)

    def _bytes(self, scene: Scene, regions: bool) -> float:
        """About what rendering takes for every pixel."""
        traits = self.model.config.get("regions", {})
        widest = max((c / s**2 for c, s in zip(traits.get("layers", ()), traits.get("at", ()), strict=True)), default=8)
        each = IN_REGIONS + PER_MASK * min(2, len(scene.masks)) if regions else ONE_PASS
        return widest * each + BESIDE

    def _embed(
        self,
        picture: Source | Style,
        name: str,
        side: int,
        recolour: Callable[[Array], Array],
        options: Options,
        place: int = 0,
    ) -> Style:
        if _is_drawn(picture):
            assert isinstance(picture, str)
            seed = None if options.seed is None else (options.seed, place)
            if picture == RANDOM:
                return self._random(lambda gaussian: gaussian.sample(np.random.default_rng(seed)), name or RANDOM)
            if picture.startswith(LIKE):
                like = self._embed(picture[len(LIKE) :], "", side, recolour, options)
                return self._random(
                    lambda gaussian: gaussian.near(like.embedding, options.spread, np.random.default_rng(seed)),
                    name or f"{LIKE}{like.name}",
                )
        found = self._find(picture)
        if self.model.table and not isinstance(found, Style):
            known = ", ".join(self.model.styles)
            raise StyleError(f"model {self.model.name} cannot look at a picture; it knows the styles {known}")
        if isinstance(found, Style):
            if found.model != self.model.fingerprint:
                raise StyleError(
                    f"style {found.name or 'given'} belongs to model {found.model}, not to {self.model.name} "
                    f"({self.model.fingerprint}); embed its picture with this model"
                )
            return found
        if not name and isinstance(found, (str, os.PathLike)):
            name = os.path.basename(os.fspath(found))
        if isinstance(found, (str, os.PathLike)) and os.path.isdir(found):
            pictures = list_pictures(found)
            styles = [self._embed(path, "", side, recolour, options) for path in pictures]
            mean = np.mean([style.embedding for style in styles], axis=0)
            return Style(mean, self.model.fingerprint, name)
        key = _file_key(found, side) if recolour is unchanged else None
        if key is None:
            return Style(self._predict(recolour(open_image(found)), side), self.model.fingerprint, name)
        if key not in self._embedded:
            file = self._content_key(key)
            embedding = self._known(file)
            if embedding is None:
                embedding = self._predict(open_image(found), side)
                kept.keep(embedding.tobytes(), EMBEDDINGS, file)
                kept.thin(MOST_EMBEDDINGS, EMBEDDINGS)
            self._embedded[key] = embedding
        return Style(self._embedded[key], self.model.fingerprint, name)

    def _known(self, file: str) -> NDArray[np.float32] | None:
        """The embedding in a file of the cache folder."""
        data = kept.load(EMBEDDINGS, file)
        if data is None or len(data) != 4 * self.model.embedding:
            return None
        embedding = np.frombuffer(data, np.float32)
        return embedding if np.isfinite(embedding).all() else None

    def _predict(self, image: Array, side: int) -> NDArray[np.float32]:
        """The embedding (E,) of a style picture (H, W, 3) in [0, 1]."""
        row: NDArray[np.float32] = self.run(self.model.predict, style=_batch(style_view(image, side)))[0]
        return row

    def _content_key(self, file: tuple[str, int, int, int]) -> str:
        """A name for an embedding in the cache folder: of the picture's bytes and all else that it depends on."""
        path, *_, side = file
        digest = hashlib.sha256(f"{__version__} {self.model.fingerprint} {side} ".encode())
        try:
            with open(path, "rb") as content:
                while chunk := content.read(1 << 20):
                    digest.update(chunk)
        except OSError:
            open_image(path)  # says why
            raise
        return digest.hexdigest()[:40]

    def _random(self, draw: Callable[[StyleGaussian], NDArray[np.float32]], name: str) -> Style:
        gaussian = StyleGaussian.open(self.model.name, self.model.fingerprint)
        return Style(draw(gaussian), self.model.fingerprint, name)

    def _has_picture(self, style: Source | Style) -> bool:
        """Whether a style is looked at here and now, so that its colours could be changed first."""
        return not _is_drawn(style) and not isinstance(self._find(style), Style)

    def _find(self, picture: Source | Style) -> Source | Style:
        """What a name means: a named or saved style, or else the picture itself."""
        if not isinstance(picture, (str, os.PathLike)):
            return picture
        if not os.path.exists(picture):
            styles = self.model.styles
            name = os.fspath(picture)
            if name not in styles:
                raise StyleError(f"no such file and no named style: {name}; {nearest(name, styles)}")
            return styles[name]
        return Style.load(picture) if os.fspath(picture).lower().endswith(".json") else picture


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


def unchanged(image: Array) -> Array:
    """The picture as it is."""
    return image


def _is_drawn(style: Source | Style) -> bool:
    """Whether it is "random" or "like:..."; files of such names come first."""
    return isinstance(style, str) and (style == RANDOM or style.startswith(LIKE)) and not os.path.exists(style)


def _pairs(style: Source | Style | Weighted) -> Weighted:
    return style if isinstance(style, (list, tuple)) else [(style, 1.0)]  # type: ignore[list-item]


def _scaled(picture: Picture, factor: float) -> Picture:
    """A picture at another size, no side under one pixel."""
    height, width = picture.pixels.shape[:2]
    size = max(1, round(width * factor)), max(1, round(height * factor))
    alpha = None if picture.alpha is None else _resized(picture.alpha, size)
    return replace(picture, pixels=_resized(picture.pixels, size), alpha=alpha)


def _resized(values: Pixels, size: tuple[int, int]) -> Pixels:
    """(H, W) or (H, W, 3) of any depth at another size (width, height)."""
    if values.dtype == np.uint8:
        return np.asarray(Image.fromarray(values).resize(size, Image.Resampling.LANCZOS))
    planes = values[:, :, None] if values.ndim == 2 else values
    resized = [
        np.asarray(Image.fromarray(as_float(planes[:, :, c])).resize(size, Image.Resampling.LANCZOS))
        for c in range(planes.shape[2])
    ]
    return as_depth(np.stack(resized, 2) if values.ndim == 3 else resized[0], values.dtype)


def _scaled_floats(pixels: Pixels, most: int) -> Array:
    """A large picture at about `most` pixels."""
    height, width = pixels.shape[:2]
    factor = (most / (height * width)) ** 0.5
    return as_float(reduced(pixels, (max(1, round(width * factor)), max(1, round(height * factor)))))


def _in_slabs(change: Callable[[Array, Array], Array], photo: Pixels, image: Pixels) -> Pixels:
    """A picture changed row by row, with the photo beside it; of large pictures only a part is floats at once."""
    out = np.empty_like(image)
    for top in range(0, len(photo), SLAB):
        rows = slice(top, top + SLAB)
        out[rows] = as_depth(change(as_float(photo[rows]), as_float(image[rows])), image.dtype)
    return out


def _file_key(picture: Source, side: int) -> tuple[str, int, int, int] | None:
    """What tells one state of a file from another, and the size it is looked at; None for what is no file."""
    if not isinstance(picture, (str, os.PathLike)):
        return None
    try:
        status = os.stat(picture)
    except OSError:
        return None  # opening it will say why
    if not stat.S_ISREG(status.st_mode):
        return None
    return os.path.abspath(picture), status.st_mtime_ns, status.st_size, side


def style_view(image: Array, side: int) -> Array:
    """A style picture as the style prediction network sees it: the short side brought to `side` pixels."""
    height, width = image.shape[:2]
    longest = MAX_ASPECT * min(height, width)
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    image = image[top : top + longest, left : left + longest]
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = max(side, round(width * scale)), max(side, round(height * scale))
    if size == (width, height):
        return image
    return open_image(to_pil(image).resize(size, Image.Resampling.BICUBIC))


def _at_least(image: Pixels, side: int) -> Pixels:
    """Reflect a picture smaller than the graphs accept, to the right and downwards."""
    height, width = image.shape[:2]
    down, right = max(0, side - height), max(0, side - width)
    return (
        np.pad(image, ((0, down), (0, right), (0, 0)), mode="reflect" if min(height, width) > 1 else "edge")
        if down or right
        else image
    )


def _batch(image: Array) -> NDArray[np.float32]:
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None], dtype=np.float32)
