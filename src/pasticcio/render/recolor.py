"""Recolor: what the option `colors` does to style pictures, to the photo and to the output."""

from __future__ import annotations

from dataclasses import dataclass

from pasticcio.image.color import color_map, gray, luminance, match_colors, match_luminance, with_luminance
from pasticcio.image.picture import Array, Pixels, as_float
from pasticcio.image.resize import in_slabs, scaled_floats
from pasticcio.render.options import Colors

THUMBNAIL = 2_000_000  # pixels, at most, of the smaller photo from which its colors and its own style are taken


def thumbnail(pixels: Pixels) -> Array:
    """Pixels as float32 in [0, 1], made smaller where there are many."""
    height, width = pixels.shape[:2]
    return as_float(pixels) if height * width <= THUMBNAIL else scaled_floats(pixels, THUMBNAIL)


@dataclass(frozen=True)
class Recolor:
    """What the option `colors` does for one photo.

    Attributes:
        colors: see `Options`.
        photo: thumbnail of the photo, (H, W, 3) in [0, 1].
    """

    colors: Colors
    photo: Array

    def style(self, image: Array) -> Array:
        """A style picture, before it is embedded."""
        if self.colors == "match":
            return match_colors(image, self.photo)
        return match_luminance(image, self.photo) if self.colors == "luminance" else image

    def content(self, image: Array) -> Array:
        """The photo or a piece of it, before it is rendered or embedded."""
        return gray(luminance(image)) if self.colors == "luminance" else image

    def output(self, pixels: Pixels, photo: Pixels, *, recolored: bool) -> Pixels:
        """The rendered pixels, of any depth.

        Args:
            pixels: (H, W, 3).
            photo: (H, W, 3), what was rendered.
            recolored: whether all styles are pictures, whose colors `style` has changed.
        """
        if self.colors == "luminance":
            return in_slabs(with_luminance, photo, pixels)
        if self.colors == "match" and not recolored:
            to_photo = color_map(thumbnail(pixels), self.photo)
            return in_slabs(lambda _, image: to_photo(image), photo, pixels)
        return pixels
