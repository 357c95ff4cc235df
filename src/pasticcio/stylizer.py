"""The Stylizer: styles in, embeddings out; photos in, pictures out."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from threading import Lock
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.color import COLOURS, Colours, grey, luminance, match_colours, match_luminance, with_luminance
from pasticcio.errors import ModelError, OptionError, StyleError, nearest
from pasticcio.images import (
    Array,
    FileOrImage,
    Picture,
    Source,
    as_float,
    give_back,
    list_pictures,
    open_image,
    read_picture,
    to_pil,
)
from pasticcio.model import Model
from pasticcio.style import Style, mix

if TYPE_CHECKING:
    from pathlib import Path

    from onnxruntime import InferenceSession

MIN_SIDE = 16  # the graphs' smallest height and width
MAX_STRENGTH = 1.5
MIN_STYLE, MAX_STYLE = 64, 1024  # short side of a style picture
STYLE_RANGE = 192, 512  # of those, what the models were trained on
MAX_ASPECT = 4  # of a style picture: the middle of a longer one is taken


@dataclass(frozen=True)
class Options:
    """How a picture is stylized.

    Attributes:
        strength: 0 is the photo in its own manner, 1 the style in full, up to 1.5 more than that; a straight
            line through their embeddings (the paper's identity interpolation).
        style_size: short side, in pixels, at which the style picture is looked at: larger is coarser. By
            default the photo's own, from 192 to 512: strokes then have the size that they have where
            photo and painting hang side by side. Named styles were looked at at 384, saved ones when saved.
        colours: "style": the style's. "match": the style picture first takes on the photo's colours (a
            style without a picture: the output does). "luminance": only light and shade are stylized.
    """

    strength: float = 1.0
    style_size: int | None = None
    colours: Colours = "style"

    def __post_init__(self) -> None:
        if not 0.0 <= self.strength <= MAX_STRENGTH:
            raise OptionError(f"strength is {self.strength:g}; it must be between 0 and {MAX_STRENGTH:g}")
        if self.colours not in COLOURS:
            raise OptionError(f"colours is {self.colours!r}; {nearest(self.colours, COLOURS)}")
        if self.style_size is not None and not MIN_STYLE <= self.style_size <= MAX_STYLE:
            raise OptionError(f"style_size is {self.style_size}; it must be from {MIN_STYLE} to {MAX_STYLE} pixels")


Weighted = list[tuple[Source | Style, float]]


class Stylizer:
    """A loaded model; several threads may use one.

    Args:
        model: name of a shipped model, or a model folder.
        threads: threads for the networks; by default one per core.

    Raises:
        ModelError: unknown, incomplete or damaged model.
    """

    def __init__(self, model: str | os.PathLike[str] | Model = "default", threads: int | None = None) -> None:
        if threads is not None and threads < 1:
            raise OptionError(f"threads is {threads}; it must be 1 or more")
        self.model = model if isinstance(model, Model) else Model.open(model)
        self._threads = threads
        self._sessions: dict[Path, InferenceSession] = {}
        self._embedded: dict[tuple[str, int, int, int] | None, Style] = {}  # by file: 100 numbers each
        self._lock = Lock()

    def embed(self, picture: Source | Style, name: str = "", side: int | None = None) -> Style:
        """The style of a picture; a style is returned as it is.

        Args:
            picture: see `open_image`; or a folder, for the mean of its pictures' styles; or a `.json` file
                that `Style.save` wrote; or the name of a named style (see `list_styles`).
            name: of the style; by default the file's.
            side: short side, in pixels, to which the picture is brought first; by default the model's, 256.

        Raises:
            ImageError: the picture cannot be read.
            StyleError: no such file or named style, or a style of another model.
        """
        return self._embed(picture, name, side or self.model.style_side, unchanged)

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
                weight; the weights sum to 1.
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

    def paint(self, picture: Picture, style: Source | Style | Weighted, options: Options) -> Picture:
        """`stylize` from a Picture to a Picture, with its alpha, EXIF data and depth; see `save_picture`."""
        content = as_float(picture.pixels)
        side = options.style_size or int(np.clip(min(content.shape[:2]), *STYLE_RANGE))
        shown = grey(luminance(content)) if options.colours == "luminance" else content
        recolour = {
            "style": unchanged,
            "match": lambda image: match_colours(image, content),
            "luminance": lambda image: match_luminance(image, content),
        }[options.colours]
        pairs = style if isinstance(style, list) else [(style, 1.0)]
        wanted = mix([(self._embed(one, "", side, recolour), weight) for one, weight in pairs]).embedding
        if options.strength != 1.0:
            if self.model.table:
                raise OptionError(
                    f"strength is {options.strength:g}, but model {self.model.name} cannot look at the photo and know "
                    "its own manner; leave strength at 1"
                )
            own = self.embed(shown, side=side).embedding
            wanted = own + np.float32(options.strength) * (wanted - own)
        image = self.render(shown, wanted)
        if options.colours == "luminance":
            image = with_luminance(content, image)
        elif options.colours == "match" and any(isinstance(self._find(one), Style) for one, _ in pairs):
            image = match_colours(image, content)
        return picture.with_pixels(image)

    def render(self, content: Array, embedding: NDArray[np.float32]) -> Array:
        """One forward pass of the style transfer network.

        Args:
            content: (H, W, 3) in [0, 1].
            embedding: (E,).

        Returns:
            (H, W, 3) in [0, 1].
        """
        if embedding.shape != (self.model.embedding,):
            raise StyleError(
                f"an embedding of shape {embedding.shape} is not of this model; it has {self.model.embedding} numbers"
            )
        height, width = content.shape[:2]
        padded = _at_least(content, MIN_SIDE)
        image = self.run(self.model.transfer, content=_batch(padded), embedding=embedding[None].astype(np.float32))
        return np.ascontiguousarray(image[0].transpose(1, 2, 0)[:height, :width])

    def run(self, graph: Path, **inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run one graph of the model on float32 arrays; returns its output."""
        output: NDArray[np.float32] = self._session(graph).run(None, inputs)[0]
        return output

    def _embed(self, picture: Source | Style, name: str, side: int, recolour: Callable[[Array], Array]) -> Style:
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
            styles = [self._embed(path, "", side, recolour) for path in pictures]
            mean = np.mean([style.embedding for style in styles], axis=0)
            return Style(mean, self.model.fingerprint, name)
        key = _file_key(found, side) if recolour is unchanged else None
        if key in self._embedded:
            return replace(self._embedded[key], name=name)
        image = style_view(recolour(open_image(found)), side)
        style = Style(self.run(self.model.predict, style=_batch(image))[0], self.model.fingerprint, name)
        if key is not None:
            self._embedded[key] = style
        return style

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

    def _session(self, graph: Path) -> InferenceSession:
        with self._lock:  # several threads may ask for the first picture at once
            if graph not in self._sessions:
                import onnxruntime

                settings = onnxruntime.SessionOptions()
                settings.intra_op_num_threads = self._threads or 0
                try:
                    self._sessions[graph] = onnxruntime.InferenceSession(
                        str(graph), settings, providers=["CPUExecutionProvider"]
                    )
                except Exception as error:  # onnxruntime's errors share no public base
                    raise ModelError(f"cannot load {graph}: {str(error).splitlines()[0]}") from error
            return self._sessions[graph]


def unchanged(image: Array) -> Array:
    """The style picture as it is."""
    return image


def _file_key(picture: Source, side: int) -> tuple[str, int, int, int] | None:
    """What tells one state of a file from another, and the size it is looked at; None for what is no file."""
    if not isinstance(picture, (str, os.PathLike)):
        return None
    try:
        status = os.stat(picture)
    except OSError:
        return None  # opening it will say why
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


def _at_least(image: Array, side: int) -> Array:
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
