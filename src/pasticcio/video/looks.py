"""Looks: how frames are rendered at a time of a clip. Styles are embedded once, and fitted to each scene."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from pasticcio.image.mask import Mask, product, read_mask
from pasticcio.image.picture import Array, Source, as_float
from pasticcio.image.read import read_picture
from pasticcio.image.resize import scaled
from pasticcio.render.adapt import Sketch
from pasticcio.render.blend import Blend, Weighted
from pasticcio.render.embedder import STYLE_RANGE, View, seen
from pasticcio.render.find import Draw, Given, find
from pasticcio.render.levels import levels
from pasticcio.render.options import SPREAD, Options
from pasticcio.render.recolor import Recolor
from pasticcio.render.stylizer import Stylizer
from pasticcio.render.usage import refuse, unused
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.style import Style, mix
from pasticcio.video.motion import Frame
from pasticcio.video.steady import Render, still

Rows = NDArray[np.float32]
"""(S, E): an embedding for each style, fitted to a scene."""


@dataclass(frozen=True)
class Scenes:
    """Looks that each scene of a clip has of its own.

    Attributes:
        fit: from the first frame of a scene, as it is rendered, to the embeddings.
        look: that of a scene with these.
    """

    fit: Callable[[Frame], Rows]
    look: Callable[[Rows], Look]


@dataclass(frozen=True)
class Look:
    """How a frame is rendered.

    Attributes:
        render: from a frame, (h, w, 3), uint8 or uint16, and a mask, (h, w), uint8, for each of `masks`, to the output,
            of the frame's shape and dtype.
        masks: (H, W) of the clip, uint8.
        scenes: where each scene has a look of its own, with the same masks; None where all have this one.
    """

    render: Render
    masks: tuple[Mask, ...] = ()
    scenes: Scenes | None = None


Looks = Callable[[float], Look]
"""From the time of a frame in seconds to its look."""


@dataclass(frozen=True)
class Styling:
    """The styles of a clip, embedded, with the options: what a look is made of.

    Attributes:
        styles: one, or one for each mask.
        masks: (H, W) of the clip, uint8: where each style is; empty for one style everywhere.
        options: `mask`, `style_size`, `seed` and `spread` are used up and None; `texture` is 0.
        parts: styles, and what the network sees of those that are one picture, (1, 3, H, W): what is fitted.
        weights: with which `parts` are mixed to the one style; None where each has a mask.
    """

    styles: tuple[Style, ...]
    masks: tuple[Mask, ...]
    options: Options
    parts: tuple[tuple[Style, Array | None], ...] = ()
    weights: tuple[float, ...] | None = None

    def look(self, stylizer: Stylizer) -> Look:
        """The look that these make with a model."""

        how = replace(self.options, adapt=None)

        def render(frame: Frame, *masks: Mask) -> Frame:
            style: Style | list[tuple[Style, Source]] = self.styles[0]
            if masks:
                style = [(one, mask) for one, mask in zip(self.styles, masks, strict=True)]
            return stylizer.stylize(frame, style, how)

        return Look(render, self.masks, self._scenes(stylizer) if self.options.adapt else None)

    def _scenes(self, stylizer: Stylizer) -> Scenes:
        """Looks with the styles fitted at full strength; what the options make of them is made of each frame."""
        stroke, steps = self.options.stroke or 1.0, self.options.adapt or 0

        def fit(frame: Frame) -> Rows:
            photo = as_float(scaled(read_picture(frame), 1 / levels(stroke)[0]).pixels)
            sketch = Sketch(stylizer, Recolor(self.options.colors, photo).content(photo))
            rows = np.stack([s.embedding if x is None else sketch.fit(s.embedding, x, steps) for s, x in self.parts])
            return rows if self.weights is None else np.asarray([self.weights], np.float32) @ rows

        def look(rows: Rows) -> Look:
            styles = [replace(style, embedding=row) for style, row in zip(self.styles, rows, strict=True)]
            return replace(self, styles=tuple(styles), options=replace(self.options, adapt=None)).look(stylizer)

        return Scenes(fit, look)


def styling(stylizer: Stylizer, style: Source | Style | Weighted, options: Options, size: tuple[int, int]) -> Styling:
    """Embed styles and read masks, once for all frames of a clip.

    With `adapt` style pictures are fitted to the first frame of each scene. Colors are matched frame by frame: with
    colors="match" each output gets the colors of its frame, and the style is embedded as it is.

    Args:
        stylizer: the model.
        style: see `Stylizer.stylize`.
        options: of all frames. `texture` is left out, see `steady.still`.
        size: height and width of the frames.

    Raises:
        ImageError, StyleError: a style or mask that cannot be read.
        OptionError: an option that has no effect with these styles.
    """
    blend = Blend.of(style).found(stylizer.model)
    refuse(options, unused(options, blend, stylizer.model))
    side = options.style_size or int(np.clip(min(size) / (options.stroke or 1.0), *STYLE_RANGE))
    styles = [_embedded(stylizer, one, side, options, place) for place, one in enumerate(blend.styles)]
    views = [seen(one, stylizer.model, View(side)) if options.adapt else None for one in blend.styles]
    parts, weights = tuple(zip(styles, views, strict=True)), None if blend.masks else tuple(blend.weights)
    masks = [read_mask(mask, *size) for mask in blend.masks]
    if not masks:
        styles = [mix(list(zip(styles, blend.weights, strict=True)))]
    if options.mask is not None:
        overall = read_mask(options.mask, *size)
        masks = [product(overall, mask) for mask in masks] or [overall]
    left = replace(still(options), mask=None, style_size=None, seed=None, spread=None)
    return Styling(tuple(styles), tuple(masks), left, parts, weights)


def _embedded(stylizer: Stylizer, given: Given, side: int, options: Options, place: int) -> Style:
    """The style that is meant, embedded or drawn."""
    found = find(given, stylizer.model)
    if not isinstance(found, Draw):
        return stylizer.embed(found, side=side)  # type: ignore[arg-type]  # what `find` returns is understood
    random = np.random.default_rng(None if options.seed is None else (options.seed, place))
    gaussian = StyleGaussian.open(stylizer.model.name, stylizer.model.fingerprint)
    if not found.near:
        return Style(gaussian.sample(random), stylizer.model.fingerprint, "random")
    like = _embedded(stylizer, found.near, side, options, 0)
    spread = SPREAD if options.spread is None else options.spread
    return Style(gaussian.near(like.embedding, spread, random), stylizer.model.fingerprint, f"like:{like.name}")


def constant(look: Look) -> Looks:
    """The same look at all times."""
    return lambda time: look
