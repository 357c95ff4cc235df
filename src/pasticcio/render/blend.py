"""Blend: the styles that a caller asks for, each with its weight or its mask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from numbers import Real
from typing import Any

from pasticcio.errors import StyleError
from pasticcio.image.mask import Mask, product, read_mask
from pasticcio.image.picture import Picture, Source
from pasticcio.model.folder import Model
from pasticcio.render.find import Given, find
from pasticcio.style.style import check_weights, with_weights

Weighted = Sequence[Given] | Sequence[tuple[Given, "float | Source"]] | Mapping[Given, "float | Source"]


@dataclass(frozen=True)
class Blend:
    """The styles that a caller asks for.

    Attributes:
        styles: pictures, files, folders, names or styles; not yet embedded.
        weights: of each style, which sum to 1; empty where there are masks.
        masks: of each style: pictures, white where the style is to be; empty where there are weights.
    """

    styles: tuple[Given, ...]
    weights: tuple[float, ...] = ()
    masks: tuple[Source, ...] = ()

    @classmethod
    def of(cls, style: Given | Weighted) -> Blend:
        """What an argument `style` means.

        Args:
            style: one style; or a sequence of styles, for equal weights, or of pairs of style and weight or of style
                and mask; or a mapping from styles to weights or masks.

        Raises:
            StyleError: none, some with and some without a weight, some with a weight and some with a mask, or
                weights that do not sum to 1.
        """
        if isinstance(style, Mapping):
            pairs: list[tuple[Any, Any]] = with_weights(style.items())
        elif isinstance(style, (list, tuple)):
            pairs = with_weights(style)
        else:
            return cls((style,), (1.0,))  # type: ignore[arg-type]
        styles, values = zip(*pairs, strict=True)
        weighted = [isinstance(value, Real) for value in values]
        if any(weighted) and not all(weighted):
            raise StyleError("some styles have a weight and some a mask; give all of them the one or the other")
        if not all(weighted):
            return cls(styles, masks=values)
        check_weights(values)
        return cls(styles, tuple(map(float, values)))

    def found(self, model: Model) -> Blend:
        """The same styles as `find` finds them, once for all uses.

        Raises:
            ImageError, StyleError: see `find`.
        """
        return replace(self, styles=tuple(find(style, model) for style in self.styles))

    def masks_of(self, overall: Source | None, work: Picture, photo: Picture) -> tuple[Mask, ...]:
        """The masks at the size that is worked on: of each style, times the one of all.

        Raises:
            ImageError, OptionError: see `read_mask`.
        """
        height, width = work.pixels.shape[:2]
        masks = [read_mask(mask, height, width, photo.pixels.shape[:2]) for mask in self.masks]
        if overall is not None:
            everywhere = read_mask(overall, height, width, photo.pixels.shape[:2])
            masks = [product(everywhere, mask) for mask in masks] or [everywhere]
        return tuple(masks)
