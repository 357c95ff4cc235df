"""The command line: each command is a call of the library."""

from __future__ import annotations

import json
import logging
import math
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pasticcio import __version__, commands_analysis
from pasticcio.errors import MissingExtraError, OptionError, PasticcioError, StyleError

if TYPE_CHECKING:
    from pasticcio.batch import Job
    from pasticcio.stylizer import Options
    from pasticcio.training.record import Progress
    from pasticcio.training.train import Report
    from pasticcio.weights import Download

app = typer.Typer(
    name="pasticcio",
    help="A photo in the manner of a painting, in one forward pass, for any pair.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

ModelOption = Annotated[str, typer.Option("--model", help="A shipped model's name, or a model folder.")]

DEMO_PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")  # scikit-image's, in its wheel
DEMO_STYLES = ("almond-blossom", "dance", "papal-palace", "wheat-field-with-cypresses")
BAD_INPUT = 2
SOME_BAD = 1
INTERRUPTED = 130


def main() -> None:
    """Run the command line; bad input is one line on standard error and exit code 2."""
    try:
        app()
    except PasticcioError as error:
        typer.echo(f"pasticcio: {error}", err=True)
        sys.exit(BAD_INPUT)
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pasticcio {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> None:
    logging.basicConfig(format="pasticcio: %(message)s", level=logging.WARNING)


@app.command()
def stylize(
    photo: Annotated[Path, typer.Argument(help="The content picture, or a folder of them.")],
    style: Annotated[
        list[str],
        typer.Option(
            "--style",
            "-s",
            help="A style picture, a folder of them (their mean), a style file, or a named style (see 'pasticcio "
            "styles'). Repeatable with weights that sum to 1: -s a.jpg:0.7 -s dance:0.3.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-o", help="PNG, JPEG, WebP or TIFF [default: PHOTO-STYLE.png here]; for a folder, a folder."
        ),
    ] = None,
    strength: Annotated[
        float, typer.Option(help="0 is the photo's own manner, 1 the style in full, up to 1.5 more than that.")
    ] = 1.0,
    colours: Annotated[
        str,
        typer.Option(
            help="'style'; 'match': the style takes on the photo's colours; 'luminance': only light and shade change."
        ),
    ] = "style",
    style_size: Annotated[
        int | None,
        typer.Option(help="Look at the style picture at this short side, in pixels: larger is coarser."),
    ] = None,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Every photo of a folder with every style, instead of their mix.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Of a folder, leave out what is there already.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for every picture.")] = False,
    model: ModelOption = "default",
) -> None:
    """Render a photo, or a folder of photos, in the manner of a style."""
    from pasticcio.batch import plan
    from pasticcio.images import check_output, save_image
    from pasticcio.stylizer import Options, Stylizer

    options = Options(strength, style_size, colours)  # type: ignore[arg-type]  # Options checks it
    pairs = [(name, 1.0) for name in style] if all_pairs else weighted(style)
    if photo.is_dir():
        if out is None:
            raise OptionError(f"{photo} is a folder: name the folder of the outputs with --out")
        _stylize_folder(plan(photo, pairs, out, all_pairs=all_pairs), model, options, resume, json_lines)
        return
    if all_pairs or resume:
        raise OptionError(f"--all-pairs and --resume are for folders, and {photo} is none")
    target = out or Path("-".join([photo.stem, *(Path(name).stem for name, _ in pairs)]) + ".png")
    check_output(target)
    image = Stylizer(model).stylize(photo, list(pairs), options)
    save_image(image, target)
    typer.echo(_line(str(photo), style, str(target)) if json_lines else str(target))


def _stylize_folder(jobs: list[Job], model: str, options: Options, resume: bool, json_lines: bool) -> None:
    """Run a folder's jobs under a progress bar; bad files are named at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pasticcio.batch import run
    from pasticcio.stylizer import Stylizer

    columns = (TextColumn("stylizing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bad, skipped = [], 0
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=len(jobs))
        for outcome in run(Stylizer(model), jobs, options, resume=resume):
            bar.advance(task)
            job, error = outcome.job, outcome.error
            if error:
                bad.append(str(error))
            skipped += outcome.skipped
            if json_lines:
                names = [name for name, _ in job.styles]
                out = None if error else str(job.out)
                typer.echo(_line(str(job.photo), names, out, str(error) if error else None, outcome.skipped))
    if not json_lines:
        there = f", {skipped} were there already" if skipped else ""
        typer.echo(f"{len(jobs) - len(bad) - skipped} pictures made{there}, {len(bad)} not")
    for message in bad:
        typer.echo(f"pasticcio: {message}", err=True)
    if bad:
        raise typer.Exit(SOME_BAD)


def _line(photo: str, styles: list[str], out: str | None, error: str | None = None, skipped: bool = False) -> str:
    return json.dumps({"photo": photo, "styles": styles, "out": out, "skipped": skipped, "error": error})


def weighted(styles: list[str]) -> list[tuple[str, float]]:
    """`name:0.7` to name and weight; one style needs none.

    Raises:
        StyleError: several styles, not all with a weight.
    """
    pairs = []
    for style in styles:
        name, colon, weight = style.rpartition(":")
        try:
            whole = not colon or not name or os.path.exists(style)  # a file's name may hold a colon
            pairs.append((style, math.nan) if whole else (name, float(weight)))
        except ValueError:
            pairs.append((style, math.nan))
    if len(pairs) == 1 and math.isnan(pairs[0][1]):
        return [(pairs[0][0], 1.0)]
    bare = [name for name, weight in pairs if math.isnan(weight)]
    if bare:
        raise StyleError(f"style {bare[0]} has no weight; write {bare[0]}:0.5, weights that sum to 1")
    return pairs


@app.command()
def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures.")] = Path("pasticcio-demo"),
    model: ModelOption = "default",
) -> None:
    """Stylize scikit-image's photos with named styles; says where the pictures are."""
    try:
        from skimage import data
    except ImportError as error:
        raise MissingExtraError("the demo", "demo") from error
    from pasticcio.errors import OutputError
    from pasticcio.images import save_image
    from pasticcio.stylizer import Stylizer

    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot make folder {out}: {error.strerror or error}") from error
    stylizer = Stylizer(model)
    for photo in DEMO_PHOTOS:
        picture = getattr(data, photo)()
        for style in DEMO_STYLES:
            target = out / f"{photo}-{style}.jpg"
            save_image(stylizer.stylize(picture, style), target)
            typer.echo(str(target))
    typer.echo(f"{len(DEMO_PHOTOS) * len(DEMO_STYLES)} pictures are in {out.resolve()}")


@app.command()
def styles(model: ModelOption = "default") -> None:
    """List the named styles."""
    from pasticcio.model import Model
    from pasticcio.style import list_styles

    known = list_styles(Model.open(model).name)
    if not known:
        typer.echo(f"model {model} has no named styles; give --style a picture", err=True)
    width = max(map(len, known), default=0)
    for name, style in known.items():
        typer.echo(f"{name:{width}}  {style.title}, {style.artist}{', ' + style.year if style.year else ''}")


@app.command()
def models() -> None:
    """List the models that ship with the package."""
    from pasticcio.model import list_models

    for model in list_models():
        network = model.config["network"]
        typer.echo(
            f"{model.name}  {model.bytes / 1e6:.1f} MB  {network['transfer']} transfer network, "
            f"{network['predictor']} predictor  {model.fingerprint}  {model.folder}"
        )


@app.command()
def train(
    recipe: Annotated[Path, typer.Argument(help="A TOML file, such as recipes/default.toml.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value over the recipe's; keys dotted, repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
) -> None:
    """Train the model of a recipe, and export it."""
    with _training_extra():
        from pasticcio.training.config import read_recipe
        from pasticcio.training.export import export
        from pasticcio.training.train import train as run

    folder = Path()
    stages = read_recipe(recipe, set_ or [])
    for number, config in enumerate(stages, start=1):
        folder = Path(config.out) / "model"
        if resume and len(stages) > 1 and (folder / "config.json").exists():
            continue  # a stage that ended
        with _training_bar(f"{config.name} {number}/{len(stages)}") as (report, download):
            run(config, resume=resume, report=report, download=download)
    if os.environ.get("RANK", "0") == "0":  # of several processes, the first
        export(folder)
        typer.echo(str(folder))


@app.command()
def evaluate(
    photos: Annotated[str, typer.Option(help="Folder, .txt list, .csv table or .tar of photos.")],
    style_pictures: Annotated[list[str], typer.Option("--styles", help="The same, of styles; repeatable.")],
    vgg: Annotated[str, typer.Option(help="Weights of the normalised VGG-19.")],
    model: ModelOption = "default",
    pairs: Annotated[int, typer.Option(help="Photo-style pairs, drawn with a fixed seed.")] = 200,
    size: Annotated[int, typer.Option(help="Side in pixels of all pictures.")] = 256,
    split: Annotated[str, typer.Option(help="Rows of tables used.")] = "test",
    sheet: Annotated[Path | None, typer.Option(help="Write a 6x6 grid of outputs here.")] = None,
) -> None:
    """Measure content and style losses of a model beside the untouched photo."""
    with _training_extra():
        from pasticcio.analysis.evaluate import evaluate as measure
        from pasticcio.analysis.evaluate import output_sheet
    from pasticcio.images import check_output, save_image
    from pasticcio.stylizer import Stylizer

    if sheet:
        check_output(sheet)
    stylizer = Stylizer(model)
    table = measure(stylizer, photos, style_pictures, vgg, pairs=pairs, size=size, split=split)
    typer.echo(table.text())
    if sheet:
        image, caption = output_sheet(stylizer, photos, style_pictures, split=split, size=size)
        save_image(image, sheet)
        typer.echo(caption)


for name, command in commands_analysis.COMMANDS.items():
    app.command(name)(command)


@contextmanager
def _training_extra() -> Iterator[None]:
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] == "pasticcio":
            raise
        raise MissingExtraError(f"this command ({error.name})", "train") from error


@contextmanager
def _training_bar(title: str) -> Iterator[tuple[Report, Download]]:
    """A progress bar for the steps (losses, pictures per second, time left) and one for downloads."""
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

    columns = (
        TextColumn(title),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Bar(*columns) as bar:
        steps = bar.add_task("", total=None)
        fetched = bar.add_task("download, bytes", total=None, visible=False)

        def report(progress: Progress) -> None:
            losses = "  ".join(f"{name} {value:.3g}" for name, value in progress.losses.items())
            text = f"{losses}  {progress.pictures_per_second:.1f} pictures/s"
            bar.update(steps, completed=progress.step, total=progress.steps, description=text)

        def download(done: int, total: int) -> None:
            bar.update(fetched, completed=done, total=total or None, visible=done < total)

        yield report, download
