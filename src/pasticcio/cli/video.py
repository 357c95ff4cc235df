"""The command that renders clips: video."""

# Without `from __future__ import annotations`: typer would compile the text of every annotation at each start.

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pasticcio.cli import SOME_BAD
from pasticcio.cli.arguments import (
    FastOption,
    ModelOption,
    RuntimeOption,
    adapt_option,
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
from pasticcio.errors import OptionError
from pasticcio.render.options import Options

if TYPE_CHECKING:
    from pasticcio.render.stylizer import Stylizer
    from pasticcio.video.convert import Made, Outcome, Report, Request
    from pasticcio.video.keyframes import Keyframe


@options_from(Options, leave_out=["mask", "adapt", "texture"])
def video(
    *,
    clip: Annotated[str, typer.Argument(help="The clip, or an animated GIF, WebP or PNG.")],
    style: Annotated[
        list[str] | None,
        style_option(
            "A style picture, a folder of them (their mean), a style file, a named style (see 'pasticcio styles'), "
            "'random', or 'like:' and any of these. Repeatable, as for 'stylize'."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        out_option(
            "MP4, MOV, MKV or WebM, or an animated GIF, WebP or PNG, by its suffix. "
            "[default: CLIP-STYLE here, as CLIP is]"
        ),
    ] = None,
    options: Options,
    mask: Annotated[list[Path] | None, same_option("mask")] = None,
    adapt: Annotated[int | None, adapt_option("the first frame of each scene")] = None,
    keyframes: Annotated[
        Path | None,
        typer.Option(
            help="Styles, strengths and masks by time: a .json list of objects, or a .csv table, of 'time' in seconds, "
            "'style', 'strength' and 'mask'."
        ),
    ] = None,
    start: Annotated[float, typer.Option(help="Second of the clip to begin at, which becomes 0.")] = 0.0,
    end: Annotated[float | None, typer.Option(help="Second of the clip to end before. [default: its end]")] = None,
    every: Annotated[int, typer.Option(help="Render every n-th frame; each stays until the next.")] = 1,
    size: Annotated[
        int | None, typer.Option(help="Make frames smaller, to a longest side of so many pixels. [default: their own]")
    ] = None,
    codec: Annotated[
        str | None,
        typer.Option(help="'h264', 'h265', 'av1' or 'vp9'. [default: h264, and vp9 in WebM]"),
    ] = None,
    quality: Annotated[
        int | None, typer.Option(help="Of the video, from 1 to 100. [default: 65, and 90 of animated WebP]")
    ] = None,
    bits: Annotated[
        int, typer.Option(help="Bits a color at most, 8 or 10; clips of more than 8 keep 10 where the codec has them.")
    ] = 10,
    no_audio: Annotated[bool, typer.Option("--no-audio", help="Leave the sound out.")] = False,
    anchor: Annotated[
        bool, typer.Option("--anchor/--no-anchor", help="Let the network's grid follow the camera, against flicker.")
    ] = True,
    carry: Annotated[
        float, typer.Option(help="Share of the last output in the next, carried along the motion, 0 to less than 1.")
    ] = 0.8,
    sharpness: Annotated[
        float, typer.Option(help="Of the sharpness of frames rendered alone, how much has to remain, 0 to 1.")
    ] = 1.0,
    between: Annotated[
        bool,
        typer.Option(
            "--between", help="Render every second frame, and make those between of the ones before and after."
        ),
    ] = False,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on from the finished parts of a run that was stopped, in OUT.parts.")
    ] = False,
    json_line: Annotated[bool, typer.Option("--json", help="One line of JSON in place of the output's name.")] = False,
    fast: FastOption = False,
    runtime: RuntimeOption = "auto",
    model: ModelOption = "fast",
) -> None:
    """Render a clip in the manner of a style, with its sound, subtitles and chapters, without flicker.

    A clip that ends too early or is damaged is rendered as far as it can be read, and the exit code is 1.
    """
    styles = style or []
    if not styles and keyframes is None:
        raise OptionError("no style is given; name one with --style, or several by time with --keyframes")
    overall, regions = with_masks(mask or [], styles, all_pairs=False)
    if regions and keyframes:
        raise OptionError("a mask for each style does not go together with --keyframes; give one mask for all")
    pairs: list[tuple[str, Any]] = regions or (weighted(styles) if styles else [])
    if not keyframes:
        adapt = steps_of(adapt, [name for name, _ in pairs], model)
    options = replace(options, mask=overall, adapt=adapt)

    from pasticcio.files import check_apart
    from pasticcio.video.convert import Request
    from pasticcio.video.fast import SMALLER
    from pasticcio.video.frames import Selection
    from pasticcio.video.keyframes import read_keyframes, styles_of
    from pasticcio.video.steady import Steadiness
    from pasticcio.video.stylize import for_clips, grid_of, share_cores

    keys = read_keyframes(keyframes) if keyframes else []
    target = out or _default(clip, [name for name, _ in pairs])
    check_apart(
        target,
        keyframes,
        overall,
        *(part for pair in pairs for part in pair),
        *styles_of(keys),
        *(key.mask for key in keys),
    )
    request = Request(
        Path(clip),
        target,
        Selection(start, end, every, size),
        codec,
        quality,
        not no_audio,
        resume,
        Steadiness(anchor, carry, sharpness, grid_of(options), SMALLER if fast else 1, between),
        bits=bits,
    )
    stylizer = for_clips(model, runtime)
    share_cores()
    say_files(stylizer.model, [*pairs, *((name, 1.0) for name in styles_of(keys))])
    outcome = _converted(request, stylizer, pairs, options, keys)
    names = list(dict.fromkeys([*(name for name, _ in pairs), *styles_of(keys)]))
    typer.echo(_json(clip, names, target, outcome) if json_line else str(target))
    for note in outcome.notes:
        say(f"{clip}: {note}")
    if outcome.damage:
        say(f"{outcome.damage}; the {outcome.frames} frames that it has are in {target}")
        raise typer.Exit(SOME_BAD)


def _default(clip: str, styles: list[str]) -> Path:
    """The output's name where none is given: of the clip's kind, if that is written."""
    from pasticcio.render.batch import style_stem
    from pasticcio.video.encoding import SUFFIXES

    suffix = Path(clip).suffix.lower()
    stem = "-".join([Path(clip).stem, *(map(style_stem, styles) if styles else ["keyframes"])])
    return Path(stem + (suffix if suffix in SUFFIXES else ".mp4"))


def _converted(
    request: "Request",
    stylizer: "Stylizer",
    pairs: list[tuple[str, Any]],
    options: Options,
    keys: "list[Keyframe]",
) -> "Outcome":
    """Render the clip; where that is stopped, say what is kept."""
    from pasticcio.cli.progress import Bars
    from pasticcio.video.convert import convert
    from pasticcio.video.parts import LIST, folder_of

    def make(size: tuple[int, int]) -> "Made":
        return _made(stylizer, pairs, options, keys, size)

    try:
        with Bars() as bars:
            return convert(request, make, _progress(bars))
    except (KeyboardInterrupt, SystemExit):
        folder = folder_of(request.out)
        if (folder / LIST).exists():
            say(f"finished parts are in {folder}; the same command with --resume goes on from them")
        raise


def _made(
    stylizer: "Stylizer",
    pairs: list[tuple[str, Any]],
    options: Options,
    keys: "list[Keyframe]",
    size: tuple[int, int],
) -> "Made":
    """The looks of the styles or keyframes, and what they depend on."""
    from pasticcio.video.convert import Made
    from pasticcio.video.keyframes import keyed
    from pasticcio.video.looks import constant, styling
    from pasticcio.video.stylize import workers_of

    run: dict[str, Any] = {"model": stylizer.model.fingerprint, "runtime": stylizer.choice.runtime}
    base = styling(stylizer, pairs, options, size) if pairs else None
    if keys:
        looks, styled = keyed(stylizer, keys, base, options, size)
        run |= {"keyframes": keys, "masks": [_sum_of(key.mask) for key in keys if key.mask]}
    else:
        assert base is not None
        looks, styled = constant(base.look(stylizer)), [base]
    for number, one in enumerate(styled):
        run |= {f"style {number}.{place}": style.embedding for place, style in enumerate(one.styles)}
        run |= {f"mask {number}.{place}": mask for place, mask in enumerate(one.masks)}
    run["options"] = replace(styled[0].options, mask=None)
    return Made(looks, run, workers_of(stylizer))


def _sum_of(path: str) -> str:
    from pasticcio.video.parts import sum_of

    return sum_of(Path(path))


def _progress(bars: Any) -> "Report":
    """What draws the frames that are done, with frames a second."""
    begun: list[tuple[float, int]] = []

    def report(done: int, total: int | None) -> None:
        if not begun:
            begun.append((time.monotonic(), done))
        seconds, frames = time.monotonic() - begun[0][0], done - begun[0][1]
        rate = f"{frames / seconds:.1f} frames/s" if frames and seconds else ""
        bars.show("frames", done, total if total is None else max(total, done), rate)

    return report


def _json(clip: str, styles: list[str], out: Path, outcome: "Outcome") -> str:
    height, width = outcome.size
    return json.dumps(
        {
            "video": clip,
            "styles": styles,
            "out": str(out),
            "frames": outcome.frames,
            "width": width,
            "height": height,
            "seconds": round(outcome.seconds, 6),
            "notes": list(outcome.notes),
            "damage": outcome.damage or None,
        }
    )
