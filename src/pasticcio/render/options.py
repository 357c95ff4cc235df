"""Options: how a picture is stylized. Each is declared once, with its limits and the command line's help.

Importing this module imports neither numpy nor Pillow, so that `pasticcio stylize --help` needs neither.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, Literal, get_args

from pasticcio.errors import OptionError
from pasticcio.render.declare import check, option, spelled_also

if TYPE_CHECKING:
    from pasticcio.image.picture import Source

Colors = Literal["style", "match", "luminance"]
COLORS: tuple[Colors, ...] = get_args(Colors)
Statistics = Literal["sample", "reduced", "exact"]
STATISTICS: tuple[Statistics, ...] = get_args(Statistics)
MAX_STRENGTH = 1.5
SPREAD = 0.3  # of "like:..." where none is given


@spelled_also(colours="colors")
@dataclass(frozen=True)
class Options:
    """How a picture is stylized.

    >>> Options(strength=0.5, colors="match").texture
    1.0
    >>> Options(strength=2)
    Traceback (most recent call last):
    pasticcio.errors.OptionError: strength is 2; it must be between 0 and 1.5

    Two options are equal where they would render the same picture, the content of their masks included.

    Attributes:
        strength: how far the photo's own style gives way to the style asked for, from 0 (not at all) over 1
            (entirely) to 1.5 (beyond it): a straight line through their embeddings (Ghiasi et al. 2017,
            identity interpolation), or the model's own curve between them. Where styles are fitted (`adapt`), the
            photo's content weighs more, too, the less it is, see `Sketch.fit`.
        style_size: short side, in pixels from 64 to 1024, to which style pictures are resized before they are
            embedded; larger gives coarser strokes. By default that of the photo, from 192 to 512.
        stroke: factor by which strokes grow, from 0.25 to 8: the photo is stylized that many times smaller, and what
            became of it is laid under the photo at the next larger size, see `levels`. By default strokes are as large
            a part of a large photo as of the painting, see `stroke_for`.
        adapt: steps, from 0 to 100, in which the style of each style picture is fitted to the photo, see `Sketch`,
            or to the first frame of each scene of a clip; 4 are enough for most. By default 0.
        texture: factor, from 0 to 4, on the faint texture that even areas of the photo (skies, walls, paper) are given
            before they are stylized, so that they get strokes; 0 leaves them flat. It weakens with `strength` and
            with masks, see `texture.textured`.
        colors: "style": the style's. "match": style pictures are recolored to the photo's colors before they are
            embedded, and the output where the style has no picture. "luminance": only luminance is stylized.
            `colours` is an older spelling.
        mask: a picture of the photo's proportions; its gray multiplies the strength at each place: white is
            `strength`, black is 0.
        seed: 0 or more: "random" and "like:..." draw the same styles each time. By default others each time.
        spread: distance of "like:..." from its style, from 0 to 1, see `StyleGaussian.near`. By default 0.3.
        tile: side, in pixels from 64, of the tiles in which a picture is rendered; 0 for one pass whatever its
            size. By default one pass where memory suffices, and else tiles.
        statistics: how tiles get the statistics that they share, see `tiles`: "sample", the default, "reduced" or
            "exact". Of no effect where the picture fits into memory in one pass.

    Raises:
        OptionError: a value outside its limits; `statistics` together with tile=0.
    """

    strength: float = field(
        default=1.0,
        metadata=option(
            "0 keeps the photo's own style, 1 is the style in full, up to 1.5 goes beyond it.",
            range=(0.0, MAX_STRENGTH),
        ),
    )
    style_size: int | None = field(
        default=None,
        metadata=option(
            "Resize style pictures to this short side, in pixels, before they are embedded: larger is coarser.",
            type=int,
            range=(64, 1024),
            unit="pixels",
            meaning="the photo's short side, from 192 to 512",
        ),
    )
    colors: Colors = field(
        default="style",
        metadata=option(
            "'style': the style's colors; 'match': the style takes on the photo's colors; 'luminance': only light "
            "and shade change.",
            type=str,
            flags=("--colors", "--colours"),
            choices=COLORS,
        ),
    )
    stroke: float | None = field(
        default=None,
        metadata=option(
            "Make strokes so many times larger, 0.25 to 8.",
            type=float,
            range=(0.25, 8.0),
            meaning="1; for photos from 768 pixels on, a 512th of the short side",
        ),
    )
    adapt: int | None = field(
        default=None,
        metadata=option(
            "Fit style pictures to the photo in so many steps, of a tenth of a second each; 0 leaves them as they are.",
            type=int,
            range=(0, 100),
            meaning="0",
        ),
    )
    texture: float = field(
        default=1.0,
        metadata=option(
            "Strokes in even areas, such as skies and walls: 0 leaves them flat, 1 is faint, up to 4.",
            range=(0.0, 4.0),
        ),
    )
    mask: Source | None = field(
        default=None,
        hash=False,
        metadata=option(
            "A picture whose gray is the strength at every place: white the style, black the photo. With several "
            "styles one for each, in their order.",
            type=os.PathLike,
        ),
    )
    seed: int | None = field(
        default=None,
        metadata=option("Draw the same styles each time, for 'random' and 'like:'.", type=int, range=(0, None)),
    )
    spread: float | None = field(
        default=None,
        metadata=option("How far 'like:' goes from its style, 0 to 1.", range=(0.0, 1.0), meaning=SPREAD),
    )
    tile: int | None = field(
        default=None,
        metadata=option(
            "Render in tiles of so many pixels a side; 0 is one pass.",
            type=int,
            range=(64, None),
            besides=(0, "one pass"),
            unit="pixels",
            meaning="one pass where memory suffices, else tiles",
        ),
    )
    statistics: Statistics | None = field(
        default=None,
        metadata=option(
            "Statistics that tiles share: of a 'sample' of the picture, of the picture 'reduced', or 'exact', which "
            "takes longer.",
            type=str,
            choices=STATISTICS,
            meaning="sample",
        ),
    )

    def __post_init__(self) -> None:
        check(self)
        if self.statistics is not None and self.tile == 0:
            raise OptionError(
                f"statistics is {self.statistics!r} and tile is 0, one pass; statistics are for tiles: leave one of "
                "the two out"
            )

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Options):
            return NotImplemented
        names = [one.name for one in fields(self) if one.name != "mask"]
        return all(getattr(self, name) == getattr(other, name) for name in names) and _alike(self.mask, other.mask)


def shared(name: str, **changed: Any) -> dict[str, Any]:
    """Metadata for a field of another dataclass that means what the option of that name means in `Options`.

    Args:
        name: of the option.
        changed: what differs, see `option`.
    """
    return next({**one.metadata, **changed} for one in fields(Options) if one.name == name)


def _alike(one: Any, other: Any) -> bool:
    """Whether two masks are the same: arrays by their values, all else by its own ==."""
    if one is other:
        return True
    if type(one) is not type(other):
        return False
    if hasattr(one, "dtype"):
        return one.shape == other.shape and one.dtype == other.dtype and bool((one == other).all())
    return bool(one == other)
