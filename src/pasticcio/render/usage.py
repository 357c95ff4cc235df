"""Usage: which of the options that are given have an effect on the styles asked for."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from pasticcio.errors import OptionError
from pasticcio.model.folder import Model
from pasticcio.render.blend import Blend
from pasticcio.render.find import Draw, Given, Several, find
from pasticcio.render.options import Options
from pasticcio.style.style import Style

APPLIES = {
    "style_size": "to style pictures that are embedded, and to the photo where its own style has a share (a strength "
    "other than 1, masks)",
    "adapt": "to style pictures",
    "seed": "to 'random' and 'like:...'",
    "spread": "to 'like:...'",
}


def unused(options: Options, blend: Blend, model: Model) -> list[str]:
    """The names of options that are given and would change nothing.

    Args:
        options: where an option is None it is not given.
        blend: the styles asked for.
        model: that they are for.

    Raises:
        StyleError: a style that is not found, see `find`.
    """
    used = {name for style in blend.styles for name in _used(style, model)}
    if options.strength != 1.0 or options.mask is not None or blend.masks:
        used.add("style_size")
    given = {name for name in APPLIES if getattr(options, name) is not None}
    if options.adapt == 0:
        given.remove("adapt")
    return [name for name in APPLIES if name in given - used]


def refuse(options: Options, names: Iterable[str]) -> None:
    """Raise an OptionError for the first of the options named, if any."""
    for name in names:
        raise OptionError(
            f"{name} is {getattr(options, name)}, and nothing that was asked for uses it: it applies {APPLIES[name]}; "
            "leave it out"
        )


def _used(style: Given, model: Model) -> Collection[str]:
    """The names of the options that one style depends on."""
    found = find(style, model)
    if isinstance(found, Style):
        return ()
    if isinstance(found, Several):
        return ("style_size",)
    if not isinstance(found, Draw):
        return "style_size", "adapt"
    return ("seed", "spread", *_used(found.near, model)) if found.near else ("seed",)
