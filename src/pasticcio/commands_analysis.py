"""The commands that look at the space of styles: embed, map, neighbours, grid, experiment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pasticcio.errors import MissingExtraError

if TYPE_CHECKING:
    from pasticcio.analysis.table import Embeddings, Report

ModelOption = Annotated[str, typer.Option("--model", help="A shipped model's name, or a model folder.")]
SizeOption = Annotated[
    int | None, typer.Option("--style-size", help="Look at pictures at this short side, in pixels: larger is coarser.")
]
SplitOption = Annotated[str, typer.Option(help="Of tables, only the rows of this split.")]
PICTURES = "Pictures, folders (searched through), or .csv tables with a column 'file'."
SOME_BAD = 1


def embed(
    pictures: Annotated[list[Path], typer.Argument(help=PICTURES)],
    out: Annotated[
        Path, typer.Option("--out", "-o", help="A style file, .json; or a table, .npz, .parquet or .json: see above.")
    ],
    each: Annotated[
        bool, typer.Option("--each", help="Make a table also of one picture or folder, with a row a picture.")
    ] = False,
    split: SplitOption = "",
    style_size: SizeOption = None,
    model: ModelOption = "default",
) -> None:
    """Save the style of a picture, or a table of the styles of many.

    One picture, or one folder (the mean of its pictures), to .json is a style file for 'stylize --style FILE'.
    Several pictures, a .csv table, --each, or an output ending in .npz or .parquet make a table of embeddings
    with a row for every picture, for 'map', 'neighbours' and 'grid --in'.
    """
    from pasticcio.stylizer import Options, Stylizer

    side = Options(style_size=style_size).style_size
    table = each or len(pictures) > 1 or pictures[0].suffix.lower() == ".csv" or out.suffix.lower() != ".json"
    if not table:
        Stylizer(model).embed(pictures[0], side=side).save(out)
        typer.echo(str(out))
        return
    from pasticcio.analysis.table import check_table

    check_table(out)
    embeddings, bad = _embed_all(pictures, split, side, model)
    embeddings.save(out)
    typer.echo(f"{out}: {len(embeddings)} embeddings" + (f", {len(bad)} pictures could not be read" if bad else ""))
    _name(bad)


def _embed_all(sources: list[Path], split: str, side: int | None, model: str) -> tuple[Embeddings, list[Exception]]:
    """Embed the pictures of some sources under a progress bar."""
    from pasticcio.analysis.table import embed_pictures, find_pictures

    with _bar("embedding") as report:
        embeddings, bad = embed_pictures(find_pictures(sources, split), model, side=side, report=report)
    return embeddings, list(bad)


def _name(bad: list[Exception]) -> None:
    for error in bad:
        typer.echo(f"pasticcio: {error}", err=True)
    if bad:
        raise typer.Exit(SOME_BAD)


@contextmanager
def _bar(title: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def _extra(what: str, extra: str = "analysis") -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "pasticcio":
            raise
        raise MissingExtraError(f"{what} ({error.name})", extra) from error


COMMANDS = (embed,)
