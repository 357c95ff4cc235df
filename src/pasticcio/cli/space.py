"""The commands that look at the space of styles: embed, map, neighbors and grid."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pasticcio.cli import SOME_BAD
from pasticcio.cli.arguments import (
    MaybeModelOption,
    ModelOption,
    SplitOption,
    only_for,
    out_option,
    same_option,
    style_option,
)
from pasticcio.cli.ending import say
from pasticcio.cli.progress import Bars
from pasticcio.errors import OptionError, OutputError, StyleError, nearest
from pasticcio.render.options import Options

if TYPE_CHECKING:
    from PIL import Image

    from pasticcio.render.stylizer import Stylizer
    from pasticcio.space.embeddings import Embeddings
    from pasticcio.style.style import Style

PICTURES = "Pictures, folders (searched through), or .csv tables with a column 'file'."
TABLE = "A table of embeddings, or a folder or .csv table of pictures."
SizeOption = Annotated[
    int | None,
    same_option(
        "style_size", "Resize pictures to this short side, in pixels: larger is coarser. [default: the model's, 256]"
    ),
]


def embed(
    pictures: Annotated[list[Path], typer.Argument(help=PICTURES)],
    out: Annotated[Path, out_option("A style file, .json; or a table, .npz, .parquet or .json: see above.")],
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
    side = Options(style_size=style_size).style_size
    only_for(".csv tables, and none is given", any(map(_is_csv, pictures)), split=split)
    if not each and len(pictures) == 1 and not _is_csv(pictures[0]) and out.suffix.lower() == ".json":
        from pasticcio.render.stylizer import Stylizer

        Stylizer(model).embed(pictures[0], side=side).save(out)
        typer.echo(str(out))
        return
    from pasticcio.space.formats import check_table

    check_table(out)
    table, bad = _embed_all(pictures, split, side, model)
    table.save(out)
    typer.echo(f"{out}: {len(table)} embeddings" + (f", {len(bad)} pictures could not be read" if bad else ""))
    _name(bad)


def map_styles(
    source: Annotated[Path, typer.Argument(help=TABLE)],
    out: Annotated[Path, out_option("A page, .html, or a picture, .png.")] = Path("map.html"),
    method: Annotated[str, typer.Option(help="'tsne' or 'pca'.")] = "tsne",
    color: Annotated[
        str | None, typer.Option("--color", help="Column to color by, such as artist: of a page, or with --dots.")
    ] = None,
    about: Annotated[
        Path | None,
        typer.Option(help="A .csv with a column 'file' or 'name' and more columns about the pictures."),
    ] = None,
    dots: Annotated[bool, typer.Option("--dots", help="A .png of colored dots and a legend, not of pictures.")] = False,
    title: Annotated[str | None, typer.Option(help="Of the page. [default: Map of styles]")] = None,
    seed: Annotated[int | None, typer.Option(help="Of t-SNE. [default: 0]")] = None,
    split: SplitOption = "",
    style_size: SizeOption = None,
    model: MaybeModelOption = None,
) -> None:
    """Draw pictures on a map where near means alike in style: a page to zoom and search, or a PNG."""
    suffix = out.suffix.lower()
    if suffix not in (".html", ".png"):
        raise OutputError(f"cannot write {out}: a map ends in .html or .png")
    if dots and (suffix != ".png" or color is None):
        raise OptionError("--dots is for a .png, and needs --color COLUMN")
    only_for("a page, .html", suffix == ".html", title=title)
    only_for("a page, .html, or with --dots", suffix == ".html" or dots, color=color, about=about)
    only_for("--method tsne", method == "tsne", seed=seed)
    _check_source(source, split, style_size, model)
    from dataclasses import replace

    from pasticcio.image.write import check_output, save_image
    from pasticcio.space.dots import map_dots
    from pasticcio.space.layout import layout
    from pasticcio.space.map import map_picture, write_map
    from pasticcio.space.pictures import read_columns

    check_output(out.with_suffix(".png"))
    table, bad = _table(source, split, style_size, model or "default")
    if about:
        table = replace(table, columns=table.columns | read_columns(about, table.names))
    if color is not None:
        table.column(color)
    points = layout(table.vectors, method, seed=seed or 0)  # type: ignore[arg-type]  # layout checks it
    with Bars() as bars:
        report = bars.report("thumbnails")
        if dots:
            assert color is not None
            map_dots(table, points, color, out, names=8)
        elif suffix == ".html":
            bad += write_map(table, points, out, title=title or "Map of styles", color=color, report=report)
        else:
            picture, missing = map_picture(table, points, report=report)
            save_image(picture, out)
            bad += missing
    typer.echo(f"{out}: {len(table)} pictures, {out.stat().st_size / 1e6:.1f} MB")
    _name(bad)


def neighbors(
    picture: Annotated[str, typer.Argument(help="A picture, or the name of one in the table.")],
    source: Annotated[Path, typer.Option("--in", help=TABLE)],
    k: Annotated[int, typer.Option("-k", help="How many.")] = 10,
    out: Annotated[Path | None, out_option("Write a contact sheet of them here.")] = None,
    model: ModelOption = "default",
) -> None:
    """List the pictures whose style is nearest to a picture's, with their distances."""
    from pasticcio.image.write import check_output, save_image
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
SEVERAL_PHOTOS = "styles", "mix"  # kinds that take more than one photo
SEVERAL_STYLES = "styles", "strength", "mix", "square"  # kinds that take more than one style
ALONG = "walk", "directions"  # kinds that need no style


def grid(
    kind: Annotated[str, typer.Argument(help="; ".join(f"{name}: {text}" for name, text in KINDS.items()))],
    photos: Annotated[list[Path], typer.Argument(help="The photo, or photos.")],
    out: Annotated[Path, out_option("PNG, JPEG, WebP or TIFF.")],
    style: Annotated[list[str] | None, style_option("See 'stylize', without weights; repeatable.")] = None,
    source: Annotated[
        Path | None,
        typer.Option(
            "--in",
            help="near, walk, directions: over the styles of this table, a folder or .csv table of pictures, not over "
            "those that the model was trained on.",
        ),
    ] = None,
    steps: Annotated[int | None, typer.Option(help="All kinds but styles: pictures across. [default: 5]")] = None,
    rows: Annotated[int | None, typer.Option(help="walk: how many principal directions. [default: 4]")] = None,
    reach: Annotated[
        float | None, typer.Option(help="walk, directions: standard deviations to either side. [default: 2]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="near: of the random styles. [default: 0]")] = None,
    size: Annotated[int, typer.Option(help="Longest side of a picture, in pixels.")] = 256,
    style_size: SizeOption = None,
    model: ModelOption = "default",
) -> None:
    """Make a contact sheet: photos and styles, strengths, ways between styles, walks through their space."""
    if kind not in KINDS:
        raise OptionError(f"no kind of grid is called {kind!r}; {nearest(kind, KINDS)}")
    if not 32 <= size <= 1024:
        raise OptionError(f"size is {size}; it must be from 32 to 1024 pixels")
    names = style or []
    if not names and kind not in ALONG:
        raise OptionError(f"a grid of kind {kind} needs styles: -s STYLE")
    if len(photos) > 1 and kind not in SEVERAL_PHOTOS:
        raise OptionError(f"a grid of kind {kind} takes one photo; {len(photos)} are given")
    if len(names) > 1 and kind not in SEVERAL_STYLES:
        raise OptionError(f"a grid of kind {kind} takes one style; {len(names)} are given")
    only_for("all kinds of grid but styles", kind != "styles", steps=steps)
    pictured = bool(names) or (source is not None and not _is_saved(source))
    only_for("styles and pictures, and none are given", pictured, style_size=style_size)
    only_for("a grid of kind walk", kind == "walk", rows=rows)
    only_for("grids of kind walk and directions", kind in ALONG, reach=reach)
    only_for("a grid of kind near", kind == "near", seed=seed)
    only_for("grids of kind near, walk and directions", kind in ("near", *ALONG), **{"in": source})
    from pasticcio.image.write import check_output, save_image
    from pasticcio.render.stylizer import Stylizer
    from pasticcio.space import grids as sheets

    check_output(out)
    stylizer = Stylizer(model)
    side = Options(style_size=style_size).style_size
    styles = [stylizer.embed(name, side=side) for name in names]
    contents, steps = [str(photo) for photo in photos], 5 if steps is None else steps
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
        image = _walk(
            kind, stylizer, contents[0], styles, table, steps=steps, rows=rows, reach=reach, seed=seed, size=size
        )
    save_image(image, out)
    typer.echo(str(out))


def _walk(
    kind: str,
    stylizer: Stylizer,
    photo: str,
    styles: list[Style],
    table: Embeddings | None,
    *,
    steps: int,
    rows: int | None,
    reach: float | None,
    seed: int | None,
    size: int,
) -> Image.Image:
    """The grids that leave a style, or the mean of all styles: near, walk and directions."""
    from pasticcio.space import grids as sheets
    from pasticcio.space.directions import named_directions, principal_directions
    from pasticcio.space.statistics import measure_pictures
    from pasticcio.style.gaussian import StyleGaussian

    if table is None:
        gaussian = StyleGaussian.open(stylizer.model.name, stylizer.model.fingerprint)
    elif table.model == stylizer.model.fingerprint:
        gaussian = StyleGaussian.fit(table.vectors, table.model, table.side)
    else:
        raise StyleError(f"the table belongs to model {table.model}; name it with --model")
    if kind == "near":
        return sheets.near_sheet(stylizer, photo, styles[0], gaussian, steps, seed=seed or 0, side=size)
    if kind == "walk":
        found = principal_directions(gaussian, 4 if rows is None else rows)
    elif table is None:
        raise OptionError("named directions are found in a table whose pictures are there: --in TABLE")
    else:
        found = named_directions(table, measure_pictures(table.paths))
        for direction in found:
            typer.echo(f"{direction.name}: R^2 {direction.known:.2f}")
    center = styles[0].embedding if styles else gaussian.mean
    return sheets.walk_sheet(stylizer, photo, center, found, steps, 2.0 if reach is None else reach, size)


def _is_csv(source: Path) -> bool:
    return source.suffix.lower() == ".csv"


def _is_saved(source: Path) -> bool:
    """Whether a source is a table of embeddings, not pictures to embed."""
    from pasticcio.space.formats import SUFFIXES

    return source.suffix.lower() in SUFFIXES and not os.path.isdir(source)


def _check_source(source: Path, split: str, style_size: int | None, model: str | None) -> None:
    """Refuse options that have no effect on a source."""
    saved = _is_saved(source)
    what = f"pictures, and {source} is a table of embeddings"
    only_for(what, not saved, style_size=style_size, model=model)
    only_for(f"tables, and {source} is none", saved or _is_csv(source), split=split)


def _table(source: Path, split: str, style_size: int | None, model: str) -> tuple[Embeddings, list[Exception]]:
    """A table from its file, or of the pictures in a folder or .csv."""
    from pasticcio.space.embeddings import Embeddings

    if _is_saved(source):
        table = Embeddings.load(source)
        return (table.where("split", split) if split else table), []
    return _embed_all([source], split, Options(style_size=style_size).style_size, model)


def _embed_all(sources: list[Path], split: str, side: int | None, model: str) -> tuple[Embeddings, list[Exception]]:
    """Embed the pictures of some sources under a progress bar."""
    from pasticcio.space.embed import embed_pictures
    from pasticcio.space.pictures import find_all

    with Bars() as bars:
        report = bars.report("embedding")
        embeddings, bad = embed_pictures(find_all(sources, split), model, side=side, report=report)
    return embeddings, list(bad)


def _name(bad: list[Exception]) -> None:
    """Name the pictures that could not be read, and leave with their exit code."""
    for error in bad:
        say(str(error))
    if bad:
        raise typer.Exit(SOME_BAD)
