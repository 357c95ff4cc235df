"""The commands that stylize: one photo, a folder of them, the demo."""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pasticcio.cli.main import SOME_BAD, ModelOption, RuntimeOption
from pasticcio.errors import OptionError, OutputError, StyleError
from pasticcio.extras import extra

if TYPE_CHECKING:
    from rich.progress import Progress as Bar
    from rich.progress import TaskID

    from pasticcio.image.picture import Source
    from pasticcio.render.batch import Files, Job
    from pasticcio.render.options import Options
    from pasticcio.render.stylizer import Stylizer
    from pasticcio.render.tiles import Progress as Tiles
    from pasticcio.render.tiles import Report as TileReport

DEMO_PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")  # scikit-image's, in its wheel
DEMO_STYLES = ("almond-blossom", "dance", "papal-palace", "wheat-field-with-cypresses")


def stylize(
    photo: Annotated[str, typer.Argument(help="The content picture, or a folder of them; - is standard input.")],
    style: Annotated[
        list[str],
        typer.Option(
            "--style",
            "-s",
            help="A style picture, a folder of them (their mean), a style file, a named style (see 'pasticcio "
            "styles'), 'random', or 'like:' and any of these. Repeatable with weights that sum to 1 "
            "(-s a.jpg:0.7 -s dance:0.3) or with a --mask for each.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="PNG, JPEG, WebP, TIFF or AVIF [default: PHOTO-STYLE.png here]; - is a PNG to standard output; for a "
            "folder, a folder.",
        ),
    ] = None,
    strength: Annotated[
        float, typer.Option(help="0 is the photo's own manner, 1 the style in full, up to 1.5 more than that.")
    ] = 1.0,
    colors: Annotated[
        str,
        typer.Option(
            "--colors",
            "--colours",
            help="'style'; 'match': the style takes on the photo's colors; 'luminance': only light and shade change.",
        ),
    ] = "style",
    style_size: Annotated[
        int | None,
        typer.Option(help="Look at the style picture at this short side, in pixels: larger is coarser."),
    ] = None,
    stroke: Annotated[
        float, typer.Option(help="Strokes so many times larger, 0.25 to 8, with the photo's finer detail kept.")
    ] = 1.0,
    mask: Annotated[
        list[Path] | None,
        typer.Option(
            help="A picture whose gray is the strength at every place: white the style, black the photo. With "
            "several styles one for each, in their order."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of 'random' and 'like:': the same styles every time.")] = None,
    spread: Annotated[float, typer.Option(help="How far 'like:' goes from its style, 0 to 1.")] = 0.3,
    tile: Annotated[
        int | None,
        typer.Option(
            help="Render in tiles of so many pixels a side; 0 is one pass [default: tiles where memory is short]."
        ),
    ] = None,
    statistics: Annotated[
        str,
        typer.Option(
            help="What tiles share: of a 'sample' of the picture, of it 'reduced', or 'exact', which takes longer."
        ),
    ] = "sample",
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Every photo of a folder with every style, instead of their mix.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Of a folder, leave out what is there already.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for every picture.")] = False,
    strip: Annotated[bool, typer.Option("--strip", help="Leave the photo's EXIF data out.")] = False,
    quality: Annotated[int | None, typer.Option(help="Of JPEG, WebP and AVIF, from 1 to 100 [default: 95].")] = None,
    max_megapixels: Annotated[
        float, typer.Option(help="Refuse photos of more million pixels, before they fill the memory.")
    ] = 400.0,
    runtime: RuntimeOption = "auto",
    model: ModelOption = "default",
) -> None:
    """Render a photo, or a folder of photos, in the manner of a style."""
    from pasticcio.model.folder import Model
    from pasticcio.model.sessions import AUTO, INT8, ONNXRUNTIME, Sessions, resolve

    opened, sessions = Model.open(model), None
    if not os.path.isdir(photo):
        runtime = resolve(runtime)
        if runtime == AUTO:
            runtime = ONNXRUNTIME  # one picture is over before OpenVINO, slow to load, has made up for that
        sessions = Sessions(lambda: runtime)
        graph = opened.pixels_int8 if runtime in INT8 else opened.pixels
        sessions.load(graph or opened.transfer)  # beside the imports
        if not opened.table and any(map(os.path.isfile, style)):
            sessions.load(opened.predict)
    from pasticcio.image.picture import FORMATS, LOSSY, check_output, encode_png, read_picture, save_picture
    from pasticcio.render.batch import Files, plan, style_stem
    from pasticcio.render.options import Options
    from pasticcio.render.stylizer import Stylizer

    overall, regions = _masks(mask or [], style, all_pairs)
    options = Options(
        strength=strength,
        style_size=style_size,
        colors=colors,  # type: ignore[arg-type]  # Options checks it
        stroke=stroke,
        mask=overall,
        seed=seed,
        spread=spread,
        tile=tile,
        statistics=statistics,  # type: ignore[arg-type]
    )
    pairs = regions or ([(name, 1.0) for name in style] if all_pairs else weighted(style))
    files = Files(max_megapixels, strip, quality)
    if os.path.isdir(photo):
        if out is None or str(out) == "-":
            raise OptionError(f"{photo} is a folder: name the folder of the outputs with --out")
        jobs = plan(Path(photo), pairs, out, all_pairs=all_pairs)
        _stylize_folder(jobs, Stylizer(opened, runtime=runtime), options, files, resume, json_lines)
        return
    if all_pairs or resume:
        raise OptionError(f"--all-pairs and --resume are for folders, and {photo} is none")
    stem = "stdin" if photo == "-" else Path(photo).stem
    target = out or Path("-".join([stem, *(style_stem(name) for name, _ in pairs)]) + ".png")
    piped = str(target) == "-"
    if piped and (json_lines or sys.stdout.isatty()):
        raise OptionError(f"--out - is for a picture alone, {'without --json' if json_lines else 'not for a terminal'}")
    if not piped:
        check_output(target)
    if quality is not None and (piped or FORMATS[target.suffix.lower()] not in LOSSY):
        raise OptionError(f"--quality is for {', '.join(LOSSY)}, and the output is none of them")
    picture = read_picture(sys.stdin.buffer if photo == "-" else photo, max_megapixels=max_megapixels)
    if picture.note:
        typer.echo(f"pasticcio: {picture.name}: {picture.note}", err=True)
    if not piped:
        check_output(target, picture)
    with _tile_bar() as report:
        painted = Stylizer(opened, runtime=runtime, sessions=sessions).paint(picture, pairs, options, report)
    if piped:
        _to_standard_output(encode_png(painted, strip=strip))
        return
    save_picture(painted, target, strip=strip, quality=quality)
    typer.echo(_line(photo, style, str(target)) if json_lines else str(target))


def _to_standard_output(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python tries again when it ends
        raise OutputError(f"cannot write to standard output: {error.strerror or error}") from error


def _stylize_folder(
    jobs: list[Job], stylizer: Stylizer, options: Options, files: Files, resume: bool, json_lines: bool
) -> None:
    """Run a folder's jobs under a progress bar; bad files are named at the end."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pasticcio.render.batch import run

    columns = (TextColumn("stylizing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    bad, notes, skipped = [], [], 0
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=len(jobs))
        for outcome in run(stylizer, jobs, options, resume=resume, files=files):
            bar.advance(task)
            job, error = outcome.job, outcome.error
            if error:
                bad.append(str(error))
            if outcome.note:
                notes.append(f"{job.photo}: {outcome.note}")
            skipped += outcome.skipped
            if json_lines:
                names = [name for name, _ in job.styles]
                out = None if error else str(job.out)
                typer.echo(_line(str(job.photo), names, out, str(error) if error else None, outcome.skipped))
    if not json_lines:
        there = f", {skipped} were there already" if skipped else ""
        typer.echo(f"{len(jobs) - len(bad) - skipped} pictures made{there}, {len(bad)} not")
    for message in dict.fromkeys([*notes, *bad]):
        typer.echo(f"pasticcio: {message}", err=True)
    if bad:
        raise typer.Exit(SOME_BAD)


def _masks(
    masks: list[Path], styles: list[str], all_pairs: bool
) -> tuple[Path | None, list[tuple[str, float | Source]]]:
    """The mask of all styles together, or every style with its own."""
    if len(masks) == len(styles) > 1 and not all_pairs:
        return None, list(zip(styles, masks, strict=True))
    if len(masks) > 1:
        raise OptionError(f"{len(masks)} masks for {len(styles)} styles; give one for all, or one for each")
    return (masks[0] if masks else None), []


@contextmanager
def _tile_bar() -> Iterator[TileReport]:
    """A progress bar on standard error, for pictures that are rendered in tiles."""
    with ExitStack() as stack:
        bars: list[tuple[Bar, TaskID]] = []

        def report(progress: Tiles) -> None:
            if progress.total == 1:
                return
            if not bars:
                from rich.console import Console
                from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
                from rich.progress import Progress as Bar

                columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn())
                bar = stack.enter_context(Bar(*columns, console=Console(stderr=True)))
                bars.append((bar, bar.add_task(progress.text, total=progress.total)))
            bars[0][0].update(bars[0][1], completed=progress.done)

        yield report


def _line(photo: str, styles: list[str], out: str | None, error: str | None = None, skipped: bool = False) -> str:
    import json

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


def demo(
    out: Annotated[Path, typer.Option("--out", "-o", help="Folder for the pictures.")] = Path("pasticcio-demo"),
    model: ModelOption = "default",
) -> None:
    """Stylize scikit-image's photos with named styles; says where the pictures are."""
    with extra("demo", "the demo"):
        from skimage import data
    from pasticcio.image.picture import save_image
    from pasticcio.render.stylizer import Stylizer

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
