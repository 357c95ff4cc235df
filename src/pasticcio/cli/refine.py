"""The command refine."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pasticcio.cli.arguments import ModelOption, out_option, same_option
from pasticcio.cli.progress import Bars
from pasticcio.errors import OutputError
from pasticcio.files import check_place
from pasticcio.render.options import Options


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
    from pasticcio.render.refine import refine as run
    from pasticcio.render.refine import some
    from pasticcio.render.stylizer import Stylizer

    entries = some([entry for source in photos for entry in find_pictures(source)], seed)
    pictures = [entry.read() if entry.member else entry.path for entry in entries]
    with Bars() as bars:

        def report(step: int, steps: int, loss: float) -> None:
            bars.show(f"refine {painting.name}", step, steps, f"loss {loss:.4g}")

        found = run(Stylizer(model), painting, pictures, steps=steps, side=side, seed=seed, report=report)
    found.style.save(out)
    typer.echo(f"{out}  loss {found.before:.4g} to {found.after:.4g}")
