"""The commands that render pictures: stylize, for a photo or a folder of photos, and demo."""

# Without `from __future__ import annotations`: typer would compile the text of every annotation at each start.

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pasticcio.cli import SOME_BAD
from pasticcio.cli.arguments import (
    ModelOption,
    RuntimeOption,
    adapt_option,
    only_for,
    options_from,
    out_option,
    same_option,
    say_files,
    steps_of,
    style_option,
    weighted,
    with_masks,
)
from pasticcio.cli.ending import say
from pasticcio.errors import ImageError, OptionError, OutputError, StyleError
from pasticcio.render.options import Options

if TYPE_CHECKING:
    from pasticcio.render.batch import Job, Outcome

DEMO_PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")  # scikit-image's, in its wheel
DEMO_STYLES = ("almond-blossom", "dance", "papal-palace", "wheat-field-with-cypresses")


@options_from(Options, leave_out=["mask", "adapt"])
def stylize(
    *,
    photo: Annotated[str, typer.Argument(help="The content picture, or a folder of them; - is standard input.")],
    style: Annotated[
        list[str],
        style_option(
            "A style picture, a folder of them (their mean), a style file, a named style (see 'pasticcio styles'), "
            "'random', or 'like:' and any of these. Repeatable: with weights that sum to 1 (-s a.jpg:0.7 "
            "-s dance:0.3), without for equal weights, or with a --mask for each."
        ),
    ],
    out: Annotated[
        Path | None,
        out_option(
            "PNG, JPEG, WebP, TIFF or AVIF [default: PHOTO-STYLE.png here]; - is a PNG to standard output; for a "
            "folder, a folder."
        ),
    ] = None,
    options: Options,
    mask: Annotated[list[Path] | None, same_option("mask")] = None,
    adapt: Annotated[int | None, adapt_option("the photo")] = None,
    all_pairs: Annotated[
        bool, typer.Option("--all-pairs", help="Every photo of a folder with every style, instead of their mix.")
    ] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Of a folder, leave out what is there already.")] = False,
    json_lines: Annotated[bool, typer.Option("--json", help="One line of JSON for every picture.")] = False,
    strip: Annotated[bool, typer.Option("--strip", help="Leave the photo's EXIF data out.")] = False,
    quality: Annotated[int | None, typer.Option(help="Of JPEG, WebP and AVIF, from 1 to 100. [default: 95]")] = None,
    max_megapixels: Annotated[
        float, typer.Option(help="Refuse photos of more million pixels, before they fill the memory.")
    ] = 400.0,
    runtime: RuntimeOption = "auto",
    model: ModelOption = "default",
) -> None:
    """Render a photo, or a folder of photos, in the manner of a style."""
    folder = os.path.isdir(photo)
    if folder and (out is None or str(out) == "-"):
        raise OptionError(f"{photo} is a folder: name the folder of the outputs with --out")
    only_for(f"folders, and {photo} is none", folder, all_pairs=all_pairs, resume=resume)
    overall, regions = with_masks(mask or [], style, all_pairs)
    options = replace(options, mask=overall)
    pairs = regions or ([(name, 1.0) for name in style] if all_pairs else weighted(style))
    options = replace(options, adapt=steps_of(adapt, [name for name, _ in pairs], model))
    file_options = {"max_megapixels": max_megapixels, "strip": strip, "quality": quality}
    if folder:
        assert out is not None
        _stylize_folder(
            Path(photo), pairs, out, options, file_options,
            all_pairs=all_pairs, resume=resume, json_lines=json_lines, runtime=runtime, model=model,
        )  # fmt: skip
    else:
        _stylize_photo(
            photo, pairs, out, options, file_options,
            json_lines=json_lines, runtime=runtime, model=model,
        )  # fmt: skip


def _stylize_photo(
    photo: str,
    pairs: list[tuple[str, Any]],
    out: Path | None,
    options: Options,
    file_options: dict[str, Any],
    *,
    json_lines: bool,
    runtime: str,
    model: str,
) -> None:
    """Render one photo; the networks are loaded while the other modules are imported."""
    from pasticcio.cli.progress import Bars
    from pasticcio.model.folder import Model
    from pasticcio.model.names import AUTO, INT8, ONNXRUNTIME, resolve
    from pasticcio.model.sessions import Sessions

    opened, runtime = Model.open(model), resolve(runtime)
    say_files(opened, pairs)
    if runtime == AUTO:
        runtime = ONNXRUNTIME  # OpenVINO takes longer to load than it saves in one picture
    sessions = Sessions(lambda: runtime)
    sessions.load((opened.pixels_int8 if runtime in INT8 else opened.pixels) or opened.transfer)
    if not opened.table and any(os.path.isfile(name) for name, _ in pairs):
        sessions.load(opened.predict)
    if options.adapt and opened.slope:
        sessions.load(opened.slope)
    from pasticcio.files import check_apart
    from pasticcio.image.read import read_picture
    from pasticcio.image.write import FORMATS, LOSSY, check_output, encode_png, save_picture
    from pasticcio.render.batch import Files, style_stem
    from pasticcio.render.levels import stroke_for
    from pasticcio.render.stylizer import Stylizer

    files = Files(**file_options)
    stem = "stdin" if photo == "-" else Path(photo).stem
    target = out or Path("-".join([stem, *(style_stem(name) for name, _ in pairs)]) + ".png")
    piped = str(target) == "-"
    if piped and sys.stdout is None:
        raise OutputError("cannot write to standard output: it is closed; name a file with --out")
    if piped and (json_lines or sys.stdout.isatty()):
        raise OptionError(f"--out - is for a picture alone, {'without --json' if json_lines else 'not for a terminal'}")
    if not piped:
        check_output(target)
        check_apart(target, photo, options.mask, *(part for pair in pairs for part in pair))
    lossy = not piped and FORMATS[target.suffix.lower()] in LOSSY
    only_for(f"{', '.join(LOSSY)}, and the output is none of them", lossy, quality=files.quality)
    if photo == "-" and sys.stdin is None:
        raise ImageError("cannot read standard input: it is closed; name a file in place of -")
    source = sys.stdin.buffer if photo == "-" else photo
    picture = read_picture(source, max_megapixels=files.max_megapixels, option="--max-megapixels")
    if picture.note:
        say(f"{picture.name}: {picture.note}")
    if options.stroke is None and (stroke := stroke_for(None, *picture.pixels.shape[:2])) > 1:
        say(f"{picture.name}: strokes are {stroke:.2g} times larger, as suits its size; --stroke 1 leaves them fine")
    if not piped:
        check_output(target, picture)
    with Bars() as bars:

        def report(progress: Any) -> None:
            if progress.total > 1:
                bars.show("rendering", progress.done, progress.total, progress.text)

        stylizer = Stylizer(opened, runtime=runtime, sessions=sessions)
        painted = stylizer.paint(picture, pairs, options, report)
    if piped:
        _to_standard_output(encode_png(painted, strip=files.strip))
        return
    save_picture(painted, target, strip=files.strip, quality=files.quality)
    typer.echo(_json(photo, [name for name, _ in pairs], str(target)) if json_lines else str(target))


def _to_standard_output(data: bytes) -> None:
    try:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    except OSError as error:
        raise OutputError(f"cannot write to standard output: {error.strerror or error}") from error


def _stylize_folder(
    folder: Path,
    pairs: list[tuple[str, Any]],
    out: Path,
    options: Options,
    file_options: dict[str, Any],
    *,
    all_pairs: bool,
    resume: bool,
    json_lines: bool,
    runtime: str,
    model: str,
) -> None:
    """Render the photos of a folder; those that fail are named at the end."""
    from pasticcio.cli.progress import Bars
    from pasticcio.render.batch import Files, plan, run
    from pasticcio.render.stylizer import Stylizer

    stylizer, files = Stylizer(model, runtime=runtime), Files(**file_options)
    say_files(stylizer.model, [pair for pair in pairs if Path(pair[0]).resolve() != out.resolve()])
    jobs = plan(folder, pairs, out, all_pairs=all_pairs)
    only_for("JPEG, WebP and AVIF, and no output is one of them", _any_lossy(jobs), quality=files.quality)
    outcomes: list[Outcome] = []
    with Bars() as bars:
        bars.show("stylizing", 0, len(jobs))
        for outcome in run(stylizer, jobs, options, resume=resume, files=files):
            outcomes.append(outcome)
            bars.show("stylizing", len(outcomes), len(jobs))
            if json_lines:
                typer.echo(_json_of(outcome))
    bad = [str(outcome.error) for outcome in outcomes if outcome.error]
    notes = [f"{outcome.job.photo}: {outcome.note}" for outcome in outcomes if outcome.note]
    skipped = sum(outcome.skipped for outcome in outcomes)
    if not json_lines:
        there = f", {skipped} were there already" if skipped else ""
        typer.echo(f"{len(jobs) - len(bad) - skipped} pictures made{there}, {len(bad)} not")
    for message in dict.fromkeys([*notes, *bad]):
        say(message)
    if grown := {outcome.job.photo: outcome.stroke for outcome in outcomes if outcome.stroke > 1}:
        which, whose = ("one photo is", "its") if len(grown) == 1 else (f"{len(grown)} photos are", "their")
        larger = f"{max(grown.values()):.2g} times larger, as suits {whose} size"
        say(f"{which} large: strokes are up to {larger}; --stroke 1 leaves them fine")
    if bad:
        raise typer.Exit(SOME_BAD)


def _any_lossy(jobs: "list[Job]") -> bool:
    from pasticcio.image.write import FORMATS, LOSSY

    return any(FORMATS[job.out.suffix.lower()] in LOSSY for job in jobs)


def _json_of(outcome: "Outcome") -> str:
    job, error = outcome.job, str(outcome.error) if outcome.error else None
    out = None if error else str(job.out)
    return _json(str(job.photo), [name for name, _ in job.styles], out, error, outcome.skipped)


def _json(photo: str, styles: list[str], out: str | None, error: str | None = None, skipped: bool = False) -> str:
    import json

    return json.dumps({"photo": photo, "styles": styles, "out": out, "skipped": skipped, "error": error})


def demo(
    out: Annotated[Path, out_option("Folder for the pictures.")] = Path("pasticcio-demo"),
    model: ModelOption = "default",
) -> None:
    """Stylize scikit-image's photos with named styles, and say where the pictures are."""
    from pasticcio.extras import extra

    with extra("demo", "the demo"):
        from skimage import data
    from pasticcio.files import make_folder
    from pasticcio.image.write import save_image
    from pasticcio.render.stylizer import Stylizer

    make_folder(out)
    stylizer = Stylizer(model)
    named = stylizer.model.styles  # not found by name: there may be a folder of that name here
    if missing := [style for style in DEMO_STYLES if style not in named]:
        raise StyleError(f"model {stylizer.model.name} has no style named {missing[0]}; the demo needs one that has")
    for photo in DEMO_PHOTOS:
        picture = getattr(data, photo)()
        for style in DEMO_STYLES:
            target = out / f"{photo}-{style}.jpg"
            save_image(stylizer.stylize(picture, named[style]), target)
            typer.echo(str(target))
    typer.echo(f"{len(DEMO_PHOTOS) * len(DEMO_STYLES)} pictures are in {out.resolve()}")
