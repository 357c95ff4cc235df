"""Looks: how frames are rendered at a time of a clip. Styles are embedded once for all frames."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from pasticcio.errors import OptionError
from pasticcio.image.mask import Mask, product, read_mask
from pasticcio.image.picture import Source
from pasticcio.render.blend import Blend, Weighted
from pasticcio.render.embedder import STYLE_RANGE
from pasticcio.render.find import Draw, Given, find
from pasticcio.render.options import SPREAD, Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.render.usage import refuse, unused
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.style import Style, mix
from pasticcio.video.motion import Frame
from pasticcio.video.steady import Render, still


@dataclass(frozen=True)
class Look:
    """How a frame is rendered.

    Attributes:
        render: from a frame, (h, w, 3), uint8 or uint16, and a mask, (h, w), uint8, for each of `masks`, to the output,
            of the frame's shape and dtype.
        masks: (H, W) of the clip, uint8.
    """

    render: Render
    masks: tuple[Mask, ...] = ()


Looks = Callable[[float], Look]
"""From the time of a frame in seconds to its look."""


@dataclass(frozen=True)
class Styling:
    """The styles of a clip, embedded, with the options: what a look is made of.

    Attributes:
        styles: one, or one for each mask.
        masks: (H, W) of the clip, uint8: where each style is; empty for one style everywhere.
        options: `mask`, `style_size`, `seed` and `spread` are used up and None; `texture` is 0.
    """

    styles: tuple[Style, ...]
    masks: tuple[Mask, ...]
    options: Options

    def look(self, stylizer: Stylizer) -> Look:
        """The look that these make with a model."""

        def render(frame: Frame, *masks: Mask) -> Frame:
            style: Style | list[tuple[Style, Source]] = self.styles[0]
            if masks:
                style = [(one, mask) for one, mask in zip(self.styles, masks, strict=True)]
            return stylizer.stylize(frame, style, self.options)

        return Look(render, self.masks)


def styling(stylizer: Stylizer, style: Source | Style | Weighted, options: Options, size: tuple[int, int]) -> Styling:
    """Embed styles and read masks, once for all frames of a clip.

    Colors are matched frame by frame: with colors="match" each output gets the colors of its frame, and the style is
    embedded as it is.

    Args:
        stylizer: the model.
        style: see `Stylizer.stylize`.
        options: of all frames. `texture` is left out, see `steady.still`.
        size: height and width of the frames.

    Raises:
        ImageError, StyleError: a style or mask that cannot be read.
        OptionError: an option that has no effect with these styles.
    """
    if options.adapt:
        raise OptionError(
            f"adapt is {options.adapt}, and a clip has no one photo that styles are fitted to; leave it out"
        )
    blend = Blend.of(style).found(stylizer.model)
    refuse(options, unused(options, blend, stylizer.model))
    side = options.style_size or int(np.clip(min(size) / (options.stroke or 1.0), *STYLE_RANGE))
    styles = [_embedded(stylizer, one, side, options, place) for place, one in enumerate(blend.styles)]
    masks = [read_mask(mask, *size) for mask in blend.masks]
    if not masks:
        styles = [mix(list(zip(styles, blend.weights, strict=True)))]
    if options.mask is not None:
        overall = read_mask(options.mask, *size)
        masks = [product(overall, mask) for mask in masks] or [overall]
    left = replace(still(options), mask=None, style_size=None, seed=None, spread=None)
    return Styling(tuple(styles), tuple(masks), left)


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
