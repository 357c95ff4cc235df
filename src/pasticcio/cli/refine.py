"""The command refine."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pasticcio.cli.arguments import ModelOption, out_option, same_option
from pasticcio.cli.progress import Bars
from pasticcio.errors import OptionError, OutputError
from pasticcio.files import check_place
from pasticcio.render.options import Options

if TYPE_CHECKING:
    from pasticcio.image.picture import Source
    from pasticcio.render.stylizer import Stylizer
    from pasticcio.style.style import Style


def refine(
    painting: Annotated[Path, typer.Argument(help="The style picture.")],
    photos: Annotated[
        list[str], typer.Option("--photos", help="Photo that the style is meant for, or folder of some; repeatable.")
    ],
    out: Annotated[Path, out_option("The style file to write, .json, for 'stylize --style FILE'.")],
    steps: Annotated[int, typer.Option(help="Of gradient descent, each on four crops of the photos.")] = 20,
    style_size: Annotated[
        int | None,
        same_option(
            "style_size",
            "Resize the painting to this short side, in pixels: larger is coarser. [default: the photos', 192 to 512]",
        ),
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the crops.")] = 0,
    model: ModelOption = "default",
) -> None:
    """Make the style of a painting better, in seconds; the model, and the speed of rendering, stay as they are."""
    side = Options(style_size=style_size).style_size
    if out.suffix.lower() != ".json":
        raise OutputError(f"cannot write {out}: a style file ends in .json")
    check_place(out)
    from pasticcio.image.listing import find_pictures
    from pasticcio.render.refine import some
    from pasticcio.render.stylizer import Stylizer

    entries = some([entry for source in photos for entry in find_pictures(source)], seed)
    pictures = [entry.read() if entry.member else entry.path for entry in entries]
    with Bars() as bars:
        style, said = _refined(Stylizer(model), painting, pictures, bars, steps=steps, side=side, seed=seed)
    style.save(out)
    typer.echo(f"{out}  {said}")


def for_photo(
    stylizer: Stylizer, pairs: Sequence[tuple[str, Any]], photo: Source, side: int | None, bars: Bars
) -> list[tuple[Style, Any]]:
    """The styles of `stylize --refine`, each made better for the photo, with their weights or masks.

    Raises:
        OptionError: one of the styles is not a picture.
    """
    for name, _ in pairs:
        if not Path(name).is_file() or name.lower().endswith(".json"):
            raise OptionError(f"--refine is for style pictures, and {name} is none; name a picture or leave it out")
    return [(_refined(stylizer, Path(name), [photo], bars, side=side)[0], value) for name, value in pairs]


def _refined(
    stylizer: Stylizer, painting: Path, photos: Sequence[Source], bars: Bars, **settings: Any
) -> tuple[Style, str]:
    """The style, and the losses before and after; see `pasticcio.refine`."""
    from pasticcio.render.refine import refine as run

    def report(step: int, steps: int, loss: float) -> None:
        bars.show(f"refine {painting.name}", step, steps, f"loss {loss:.4g}")

    found = run(stylizer, painting, photos, report=report, **settings)
    return found.style, f"loss {found.before:.4g} to {found.after:.4g}"
