"""The command that makes data sets: dataset."""

# Without `from __future__ import annotations`: typer would compile the text of every annotation at each start.

import sys
from pathlib import Path
from typing import Annotated

import typer

from pasticcio.cli import SOME_BAD
from pasticcio.cli.arguments import SOURCES, ModelOption
from pasticcio.errors import OptionError

NAMED = 10  # pictures that the end names


def dataset(
    source: Annotated[str, typer.Argument(metavar="IN", help=f"{SOURCES} of pictures, or a folder of .tar shards.")],
    out: Annotated[Path, typer.Argument(help="Folder of the data set; a new one, or one to finish with --resume.")],
    styles: Annotated[
        str,
        typer.Option(
            "--styles",
            help="A table of embeddings (see 'pasticcio embed'), a folder of style pictures, or 'random'.",
            show_default=False,
        ),
    ],
    styles_per_picture: Annotated[int, typer.Option(help="Outputs of each picture, in different styles.")] = 1,
    strength: Annotated[
        str, typer.Option(help="As of 'stylize'; or LOW,HIGH, drawn evenly between them for each output.")
    ] = "1",
    seed: Annotated[int, typer.Option(help="Of the choice of styles and strengths, with a picture's own name.")] = 0,
    size: Annotated[
        int, typer.Option(help="Short side, in pixels, to which pictures are resized first; 0: as they are.")
    ] = 256,
    crop: Annotated[int, typer.Option(help="Cut a square of so many pixels from the middle then; 0: none.")] = 0,
    format: Annotated[str, typer.Option(help="Of the outputs: jpg, png, webp, tif or avif.")] = "jpg",
    quality: Annotated[int, typer.Option(help="Of JPEG, WebP and AVIF, from 1 to 100.")] = 95,
    kind: Annotated[
        str, typer.Option("--as", help="'tree': files as in IN; 'shards': tar files for webdataset.")
    ] = "tree",
    shard_size: Annotated[
        int, typer.Option(help="Outputs in a shard; of a tree, those that are done or not done together.")
    ] = 1000,
    shard: Annotated[
        str, typer.Option(help="i/n: make only every n-th shard from the i-th on, i from 1 to n; for job arrays.")
    ] = "1/1",
    workers: Annotated[
        int | None, typer.Option(help="Processes, threads or Ray actors. [default: one for every core]")
    ] = None,
    engine: Annotated[str, typer.Option(help="'processes', 'threads', or 'ray' for many machines.")] = "processes",
    address: Annotated[
        str | None, typer.Option(help="Of a Ray cluster, such as auto. [default: Ray on this machine]")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on; shards that are done are not done again.")] = False,
    max_bad: Annotated[
        int | None, typer.Option(help="Stop when more pictures than this cannot be used. [default: never]")
    ] = None,
    max_megapixels: Annotated[
        float, typer.Option(help="Refuse pictures of more million pixels, before they fill the memory.")
    ] = 400.0,
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for every output.")] = False,
    model: ModelOption = "default",
) -> None:
    """Make a data set of many pictures, each in styles of its own.

    The style of a picture depends on --seed and its name within IN alone, so a data set is the same with any engine,
    number of workers, and after any break. OUT/manifest.jsonl says what became of every picture.
    """
    from pasticcio.cli.progress import Bars
    from pasticcio.dataset.choice import Palette
    from pasticcio.dataset.run import Engines, Recipe, Run
    from pasticcio.dataset.work import Look
    from pasticcio.model.folder import Model

    look = Look(size, crop, "." + format.removeprefix(".").lower(), quality, max_megapixels)
    recipe = Recipe(seed, styles_per_picture, _strength(strength), look, kind, shard_size)  # type: ignore[arg-type]
    engines = Engines(engine, workers, address, _shard(shard))  # type: ignore[arg-type]
    if max_bad is not None and max_bad < 0:
        raise OptionError(f"max-bad is {max_bad}; it must be 0 or more")
    bad, pictures, last, count = list[str](), 0, "", 0
    with Bars() as bars:
        palette = Palette.open(styles, Model.open(model), bars.report("styles"))
        for error in palette.bad:
            typer.echo(f"pasticcio: a style is left out: {error}", err=True)
        run = Run(source, out, palette, recipe, model=model, engines=engines, resume=resume)
        bars.show("pictures", 0, run.total)
        for done, row in enumerate(run.rows(max_bad), start=1):
            if row.error:
                count += 1
                if row.source != last:  # a picture is named once, in however many styles it fails
                    pictures, last = pictures + 1, row.source
                    bad += [row.error] if len(bad) < NAMED else []
            bars.show("pictures", done, run.total, f"{count} bad" if count else "")
            if json_lines:
                sys.stdout.write(row.to_json() + "\n")
    if not json_lines:
        typer.echo(f"{out}: {run.total - count} pictures made, {count} not")
    for message in bad:
        typer.echo(f"pasticcio: {message}", err=True)
    if pictures > len(bad):
        typer.echo(f"pasticcio: and {pictures - len(bad)} more; {out / 'parts'} names all", err=True)
    if count:
        raise typer.Exit(SOME_BAD)


def _strength(text: str) -> tuple[float, float]:
    """A number, or two with a comma between them."""
    try:
        low, *high = (float(part) for part in text.split(","))
        (last,) = high or [low]
    except ValueError:
        raise OptionError(f"strength is {text!r}; give a number, such as 0.5, or two, such as 0.5,1") from None
    return low, last


def _shard(text: str) -> tuple[int, int]:
    """i/n."""
    try:
        number, count = (int(part) for part in text.split("/"))
    except ValueError:
        raise OptionError(f"shard is {text!r}; give i/n, such as 1/4") from None
    return number, count
