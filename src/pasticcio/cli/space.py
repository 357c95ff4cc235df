"""The commands that look at the space of styles: embed, map, neighbors, grid, experiment."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pasticcio.errors import OptionError, StyleError
from pasticcio.extras import extra

if TYPE_CHECKING:
    from pasticcio.space.embeddings import Embeddings, Report

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
    with a row for every picture, for 'map', 'neighbors' and 'grid --in'.
    """
    from pasticcio.render.options import Options
    from pasticcio.render.stylizer import Stylizer

    side = Options(style_size=style_size).style_size
    table = each or len(pictures) > 1 or pictures[0].suffix.lower() == ".csv" or out.suffix.lower() != ".json"
    if not table:
        Stylizer(model).embed(pictures[0], side=side).save(out)
        typer.echo(str(out))
        return
    from pasticcio.space.embeddings import check_table

    check_table(out)
    embeddings, bad = _embed_all(pictures, split, side, model)
    embeddings.save(out)
    typer.echo(f"{out}: {len(embeddings)} embeddings" + (f", {len(bad)} pictures could not be read" if bad else ""))
    _name(bad)


def map_styles(
    source: Annotated[Path, typer.Argument(help="A table of embeddings, or a folder or .csv of pictures.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="A page, .html, or a picture, .png.")] = Path("map.html"),
    method: Annotated[str, typer.Option(help="tsne, or pca.")] = "tsne",
    color: Annotated[
        str | None, typer.Option("--color", "--colour", help="Column to color by, such as artist.")
    ] = None,
    about: Annotated[
        Path | None, typer.Option(help="A .csv with a column 'file' or 'name' and more columns about the pictures.")
    ] = None,
    dots: Annotated[bool, typer.Option("--dots", help="A .png of colored dots and a legend, not of pictures.")] = False,
    title: Annotated[str, typer.Option(help="Of the page.")] = "Map of styles",
    seed: Annotated[int, typer.Option(help="Of t-SNE.")] = 0,
    split: SplitOption = "",
    style_size: SizeOption = None,
    model: ModelOption = "default",
) -> None:
    """Draw pictures on a map where near means alike in style: a page to zoom and search, or a PNG."""
    from dataclasses import replace

    from pasticcio.errors import OutputError
    from pasticcio.image.picture import check_output, save_image
    from pasticcio.render.options import Options

    suffix = out.suffix.lower()
    if suffix not in (".html", ".png"):
        raise OutputError(f"cannot write {out}: a map ends in .html or .png")
    if dots and (suffix != ".png" or color is None):
        raise OptionError("--dots is for a .png, and needs --color COLUMN")
    check_output(out.with_suffix(".png"))
    from pasticcio.space.embeddings import read_columns
    from pasticcio.space.map import layout, map_dots, map_picture, write_map

    side = Options(style_size=style_size).style_size
    table, bad = _table(source, split, side, model)
    if about:
        table = replace(table, columns=table.columns | read_columns(about, table.names))
    if color is not None:
        table.column(color)
    points = layout(table.vectors, method, seed=seed)  # type: ignore[arg-type]  # layout checks it
    if dots:
        assert color is not None
        map_dots(table, points, color, out, names=8)
    else:
        with _bar("thumbnails") as report:
            if suffix == ".html":
                bad += write_map(table, points, out, title=title, color=color, report=report)
            else:
                picture, missing = map_picture(table, points, report=report)
                save_image(picture, out)
                bad += missing
    typer.echo(f"{out}: {len(table)} pictures, {out.stat().st_size / 1e6:.1f} MB")
    _name(bad)


def neighbors(
    picture: Annotated[str, typer.Argument(help="A picture, or the name of one in the table.")],
    source: Annotated[Path, typer.Option("--in", help="A table of embeddings, or a folder or .csv of pictures.")],
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write a contact sheet of them here.")] = None,
    model: ModelOption = "default",
) -> None:
    """List the pictures whose style is nearest to one's, with their distances."""
    from pasticcio.image.picture import check_output, save_image
    from pasticcio.render.stylizer import Stylizer
    from pasticcio.space.neighbors import neighbors as find
    from pasticcio.space.neighbors import neighbors_sheet

    if out:
        check_output(out)
    table, bad = _table(source, "", None, model)
    _, found = find(table, picture, k, Stylizer(model))
    for neighbor in found:
        typer.echo(f"{neighbor.distance:.4f}  {neighbor.name}")
    if out:
        save_image(neighbors_sheet(table, picture, found), out)
        typer.echo(str(out))
    _name(bad)


KINDS = {
    "styles": "photos down, styles across",
    "strength": "styles down, strength 0 to 1 across",
    "mix": "from one style to another, a row a photo",
    "square": "the square between four styles",
    "near": "the neighborhood of a style: random styles near it",
    "walk": "along the principal directions of the styles, from a style or the mean",
    "directions": "along directions named after what they change; needs --in",
}


def grid(
    kind: Annotated[str, typer.Argument(help="; ".join(f"{name}: {text}" for name, text in KINDS.items()))],
    photos: Annotated[list[Path], typer.Argument(help="The photo, or photos.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="PNG, JPEG, WebP or TIFF.")],
    style: Annotated[
        list[str] | None, typer.Option("--style", "-s", help="See 'stylize'; repeatable.", show_default=False)
    ] = None,
    source: Annotated[
        Path | None,
        typer.Option("--in", help="Directions of this table's styles, not of those the model was trained on."),
    ] = None,
    steps: Annotated[int, typer.Option(help="Pictures across, where the styles do not say.")] = 5,
    rows: Annotated[int, typer.Option(help="walk: how many principal directions.")] = 4,
    reach: Annotated[float, typer.Option(help="walk, directions: standard deviations to either side.")] = 2.0,
    seed: Annotated[int, typer.Option(help="near: of the random styles.")] = 0,
    size: Annotated[int, typer.Option(help="Longest side of a picture, in pixels.")] = 256,
    style_size: SizeOption = None,
    model: ModelOption = "default",
) -> None:
    """Make a contact sheet: photos and styles, strengths, ways between styles, walks through their space."""
    from pasticcio.errors import nearest
    from pasticcio.image.picture import check_output, save_image
    from pasticcio.render.options import Options
    from pasticcio.render.stylizer import Stylizer

    if kind not in KINDS:
        raise OptionError(f"no kind of grid is called {kind!r}; {nearest(kind, KINDS)}")
    if not 32 <= size <= 1024:
        raise OptionError(f"size is {size}; it must be from 32 to 1024 pixels")
    check_output(out)
    from pasticcio.space import directions as of
    from pasticcio.space import grids as sheets
    from pasticcio.style.style import StyleGaussian

    stylizer = Stylizer(model)
    side = Options(style_size=style_size).style_size
    styles = [stylizer.embed(name, side=side) for name in style or []]
    if not styles and kind not in ("walk", "directions"):
        raise OptionError(f"a grid of kind {kind} needs styles: -s STYLE")
    contents = [str(photo) for photo in photos]
    if kind == "styles":
        image = sheets.styles_sheet(stylizer, contents, styles, size)
    elif kind == "strength":
        image = sheets.strength_sheet(stylizer, contents[0], styles, steps, size)
    elif kind == "mix":
        image = sheets.mix_sheet(stylizer, contents, styles, steps, size)
    elif kind == "square":
        image = sheets.square_sheet(stylizer, contents[0], styles, steps, size)
    else:
        table = _table(source, "", side, model)[0] if source else None
        if table is not None:
            if table.model != stylizer.model.fingerprint:
                raise StyleError(f"the table belongs to model {table.model}; name it with --model")
            gaussian = StyleGaussian.fit(table.vectors, table.model, table.side)
        else:
            gaussian = StyleGaussian.open(stylizer.model.name, stylizer.model.fingerprint)
        center = styles[0].embedding if styles else gaussian.mean
        if kind == "near":
            image = sheets.near_sheet(stylizer, contents[0], styles[0], gaussian, steps, seed=seed, side=size)
        else:
            if kind == "walk":
                found = of.principal_directions(gaussian, rows)
            elif table is None:
                raise OptionError("named directions are found in a table whose pictures are there: --in TABLE")
            else:
                found = of.named_directions(table, of.measure_pictures(table.paths))
                for direction in found:
                    typer.echo(f"{direction.name}: R^2 {direction.known:.2f}")
            image = sheets.walk_sheet(stylizer, contents[0], center, found, steps, reach, size)
    save_image(image, out)
    typer.echo(str(out))


EXPERIMENTS = (
    "observed: losses over styles trained on and not; count: how many paintings generalization needs; "
    "kinds: trained on paintings, textures, both; knowledge: what nearest neighbors tell; "
    "smoothness: ways between styles; bottleneck: width of the embedding; "
    "conditioned: which normalizations the style steers."
)


def experiment(
    name: Annotated[str, typer.Argument(help=EXPERIMENTS)],
    data: Annotated[Path, typer.Option(help="Folder of photos.csv, paintings.csv, textures.csv.")],
    weights: Annotated[Path, typer.Option(help="Folder of the loss networks and of Inception-v3.")],
    results: Annotated[Path, typer.Option(help="What is kept here is not done again.")] = Path("runs/experiments"),
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder for the figure.")] = None,
    side: Annotated[int, typer.Option(help="Of photos and styles where losses are measured, in pixels.")] = 192,
    amount: Annotated[int, typer.Option(help="Pairs, ways or gallery; 0 for the experiment's own number.")] = 0,
    optimize: Annotated[int, typer.Option(help="observed: so many pairs of each group optimized pixel by pixel.")] = 0,
    iterations: Annotated[int, typer.Option(help="Of --optimize.")] = 60,
    recipe: Annotated[Path, typer.Option(help="Of those that train.")] = Path("recipes/generalization.toml"),
    seeds: Annotated[int, typer.Option(help="Of those that train: models for every setting.")] = 3,
    set_: Annotated[list[str] | None, typer.Option("--set", help="key=value over the recipe; repeatable.")] = None,
    model: ModelOption = "default",
) -> None:
    """Repeat an experiment of the paper and print its table; goes on where it was broken off."""
    with extra("train", "an experiment"):
        from pasticcio.experiments import run as experiments
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        tasks: dict[str, TaskID] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done)

        context = experiments.Context(
            data, weights, results, out, model, side, amount, optimize, iterations, recipe, seeds, set_ or (), report
        )
        text = experiments.run(name, context)
    typer.echo(text)


def _table(source: Path, split: str, side: int | None, model: str) -> tuple[Embeddings, list[Exception]]:
    """A table from its file, or of the pictures in a folder or .csv."""
    from pasticcio.space.embeddings import SUFFIXES, Embeddings

    if source.suffix.lower() in SUFFIXES and not source.is_dir():
        table = Embeddings.load(source)
        return (table.where("split", split) if split else table), []
    return _embed_all([source], split, side, model)


def _embed_all(sources: list[Path], split: str, side: int | None, model: str) -> tuple[Embeddings, list[Exception]]:
    """Embed the pictures of some sources under a progress bar."""
    from pasticcio.space.embeddings import embed_pictures, find_pictures

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
