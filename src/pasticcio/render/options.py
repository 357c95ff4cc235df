"""Options: how a picture is stylized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from pasticcio.errors import OptionError, nearest
from pasticcio.image.color import COLORS, Colors
from pasticcio.image.picture import Source
from pasticcio.render.tiles import STATISTICS, Statistics
from pasticcio.style.style import Style

MAX_STRENGTH = 1.5
MIN_STROKE, MAX_STROKE = 0.25, 8.0
MIN_TILE = 64
MIN_STYLE, MAX_STYLE = 64, 1024  # short side of a style picture

Weighted = Sequence[tuple[Source | Style, "float | Source"]]


@dataclass(frozen=True)
class Options:
    """How a picture is stylized.

    >>> Options(strength=0.5, colors="match").stroke
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
        colors: "style": the style's. "match": the style picture first takes on the photo's colors (a
            style without a picture: the output does). "luminance": only light and shade are stylized.
        mask: a picture of the photo's proportions whose gray is the strength at every place: white as
            `strength` says, black the photo in its own manner.
        seed: of the styles "random" and "like:..."; None for another one every time.
        spread: how far "like:..." goes from its style, from 0 to 1, see `StyleGaussian.near`.
        tile: side, in pixels, of the tiles in which a picture is rendered; 0 for one pass whatever its size.
            By default one pass where memory holds it, and else tiles.
        statistics: how tiles come by the statistics that they share, see `tiles`.
    """

    strength: float = 1.0
    style_size: int | None = None
    colors: Colors = "style"
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
        if self.colors not in COLORS:
            raise OptionError(f"colors is {self.colors!r}; {nearest(self.colors, COLORS)}")
        if self.statistics not in STATISTICS:
            raise OptionError(f"statistics is {self.statistics!r}; {nearest(self.statistics, STATISTICS)}")
        if self.style_size is not None and not MIN_STYLE <= self.style_size <= MAX_STYLE:
            raise OptionError(f"style_size is {self.style_size}; it must be from {MIN_STYLE} to {MAX_STYLE} pixels")
