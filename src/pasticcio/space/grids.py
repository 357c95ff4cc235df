"""Contact sheets of outputs: photos and styles, strengths, mixtures, and walks through the space of styles."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.errors import OptionError
from pasticcio.image.picture import Array, Source
from pasticcio.image.read import open_image
from pasticcio.image.resize import style_view
from pasticcio.render.strength import at_strength
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.contact_sheet import Picture, contact_sheet
from pasticcio.space.directions import Direction
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.style import Style, mix

REACH = 2.0  # standard deviations of a walk in both directions
SPREADS = (0.2, 0.4, 0.6, 0.8)  # of random styles near a style


def styles_sheet(stylizer: Stylizer, photos: Sequence[Source], styles: Sequence[Style], side: int = 256) -> Image.Image:
    """Photos down, styles across; the first column has the photos themselves."""
    cells: list[list[Picture]] = []
    for photo in photos:
        content = _content(photo, side)
        cells.append([content, *(stylizer.render(content, style.embedding) for style in styles)])
    return contact_sheet(cells, columns=["", *(style.name for style in styles)], side=side)


def strength_sheet(
    stylizer: Stylizer, photo: Source, styles: Sequence[Style], steps: int = 6, side: int = 256
) -> Image.Image:
    """Styles down, strength from 0 to 1 across."""
    content = _content(photo, side)
    own = stylizer.embed(content, side=min(content.shape[:2])).embedding
    strengths = _steps(0.0, 1.0, steps)
    cells = []
    for style in styles:
        embeddings = [at_strength(stylizer, own, style.embedding, strength) for strength in strengths]
        cells.append([stylizer.render(content, embedding) for embedding in embeddings])
    return contact_sheet(
        cells, columns=[f"strength {s:.2g}" for s in strengths], rows=[style.name for style in styles], side=side
    )


def mix_sheet(
    stylizer: Stylizer, photos: Sequence[Source], styles: Sequence[Style], steps: int = 6, side: int = 256
) -> Image.Image:
    """From one style to another in a straight line; a row for each photo.

    Raises:
        OptionError: not two styles.
    """
    if len(styles) != 2:
        raise OptionError(f"a way between styles needs two of them; {len(styles)} were given")
    weights = _steps(0.0, 1.0, steps)
    mixed = [mix([(styles[0], 1.0 - w), (styles[1], w)]) for w in weights]
    cells = []
    for photo in photos:
        content = _content(photo, side)
        cells.append([stylizer.render(content, style.embedding) for style in mixed])
    names = [styles[0].name, *(f"{w:.2g}" for w in weights[1:-1]), styles[1].name]
    return contact_sheet(cells, columns=names, side=side)


def square_sheet(
    stylizer: Stylizer, photo: Source, styles: Sequence[Style], steps: int = 5, side: int = 256
) -> Image.Image:
    """Bilinear mixtures of four styles, which are in the corners, the first two at the top.

    Raises:
        OptionError: not four styles.
    """
    if len(styles) != 4:
        raise OptionError(f"a square needs four styles, one a corner; {len(styles)} were given")
    content = _content(photo, side)
    weights = _steps(0.0, 1.0, steps)
    cells = []
    for down in weights:
        corners = [(1 - down, 1), (1 - down, 0), (down, 1), (down, 0)]
        row: list[Picture] = []
        for across in weights:
            shares = [by * ((1 - across) if left else across) for by, left in corners]
            style = mix(list(zip(styles, map(float, shares), strict=True)))
            row.append(stylizer.render(content, style.embedding))
        cells.append(row)
    edge = [""] * (steps - 2)
    top, bottom = (f"{styles[i].name} | {styles[i + 1].name}" for i in (0, 2))
    return contact_sheet(cells, rows=[top, *edge, bottom], side=side)


def walk_sheet(
    stylizer: Stylizer,
    photo: Source,
    center: NDArray[np.float32],
    directions: Sequence[Direction],
    steps: int = 5,
    reach: float = REACH,
    side: int = 256,
) -> Image.Image:
    """Walks in directions through the embedding `center`, a row each, from -reach to +reach standard deviations."""
    content = _content(photo, side)
    offsets = _steps(-reach, reach, steps)
    cells = [
        [stylizer.render(content, center + np.float32(offset) * direction.vector) for offset in offsets]
        for direction in directions
    ]
    names = [f"{offset:+.2g} sd" if abs(offset) > 1e-9 else "0" for offset in offsets]
    return contact_sheet(cells, columns=names, rows=[direction.name for direction in directions], side=side)


def near_sheet(
    stylizer: Stylizer,
    photo: Source,
    style: Style,
    gaussian: StyleGaussian,
    steps: int = 5,
    spreads: Sequence[float] = SPREADS,
    seed: int = 0,
    side: int = 256,
) -> Image.Image:
    """Random styles near a style: a row for each spread; a column has the same draw in all rows."""
    content = _content(photo, side)
    cells: list[list[Picture]] = []
    for spread in spreads:
        drawn = [gaussian.near(style.embedding, spread, seed + number) for number in range(steps - 1)]
        cells.append([stylizer.render(content, embedding) for embedding in [style.embedding, *drawn]])
    return contact_sheet(cells, columns=[style.name], rows=[f"spread {spread:g}" for spread in spreads], side=side)


def _content(photo: Source, side: int) -> Array:
    """A photo with a long side of `side` pixels, and a short side of at least 16."""
    image = open_image(photo)
    height, width = image.shape[:2]
    return style_view(image, max(16, round(side * min(height, width) / max(height, width))))


def _steps(low: float, high: float, count: int) -> list[float]:
    if count < 2:
        raise OptionError(f"steps is {count}; it must be 2 or more")
    return [float(value) for value in np.linspace(low, high, count)]
