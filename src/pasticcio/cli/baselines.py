"""The commands `optimize` and `tune`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pasticcio.errors import OptionError

if TYPE_CHECKING:
    from pasticcio.baselines.optimize import Report, Step
    from pasticcio.training.pretrained import Download

VggOption = Annotated[
    str,
    typer.Option(
        "--vgg", help="Weights of the loss network; without, torchvision's VGG-19 is downloaded once (575 MB)."
    ),
]


def optimize(
    photo: Annotated[Path, typer.Argument(help="The content picture.")],
    style: Annotated[
        list[str],
        typer.Option(
            "--style", "-s", help="A style picture. Repeatable with weights that sum to 1: -s a.jpg:0.7 -s b.jpg:0.3."
        ),
    ],
    out: Annotated[Path, typer.Option("--out", "-o", help="The picture to write.")],
    size: Annotated[int, typer.Option(help="Long side of the output, in pixels.")] = 512,
    iterations: Annotated[int, typer.Option(help="Passes through the loss network, at each scale.")] = 200,
    start: Annotated[str, typer.Option(help="'network': our network's output; 'photo'; 'noise'.")] = "network",
    method: Annotated[str, typer.Option(help="'lbfgs' or 'adam'.")] = "lbfgs",
    scales: Annotated[
        int, typer.Option(help="Sizes from coarse to fine; 0: as many as bring the first to 512 pixels.")
    ] = 0,
    style_size: Annotated[
        int | None, typer.Option(help="Look at the style picture at this short side, in pixels: larger is coarser.")
    ] = None,
    style_weight: Annotated[float, typer.Option(help="Weight of every style layer.")] = 20.0,
    content_layer: Annotated[
        list[str] | None,
        typer.Option(help="Layer=weight in place of relu3_3=1 and relu4_1=1; repeatable."),
    ] = None,
    style_layer: Annotated[
        list[str] | None,
        typer.Option(help="Layer=weight in place of relu1_1, relu2_1, relu3_1 and relu4_1; repeatable."),
    ] = None,
    smooth: Annotated[float, typer.Option(help="Weight of the total variation: above 0, fewer lone pixels.")] = 0.0,
    pooling: Annotated[str, typer.Option(help="Of the loss network: 'max' or 'average'.")] = "max",
    colors: Annotated[
        str,
        typer.Option(
            "--colors",
            "--colours",
            help="'style'; 'match': the style takes on the photo's colors; 'luminance': only light and shade change.",
        ),
    ] = "style",
    mask: Annotated[
        Path | None, typer.Option(help="A gray picture: white is stylized in full, black stays as it is.")
    ] = None,
    vgg: VggOption = "",
    precision: Annotated[str, typer.Option(help="'float32' or 'bf16'.")] = "float32",
    device: Annotated[str, typer.Option(help="'cpu' or 'cuda'; by default a GPU where there is one.")] = "",
    seed: Annotated[int, typer.Option(help="Of the noise.")] = 0,
    preview: Annotated[int, typer.Option(help="Write OUT-preview.png every so many iterations; 0 never.")] = 0,
    model: Annotated[str, typer.Option("--model", help="Model of the start 'network'.")] = "default",
) -> None:
    """Optimize the pixels for one photo and one style: minutes, and the lowest loss. Ctrl-C keeps the best so far."""
    from pasticcio.cli.main import INTERRUPTED
    from pasticcio.cli.stylize import weighted
    from pasticcio.cli.training import training_extra

    with training_extra():
        from pasticcio.baselines.optimize import LOSS, Settings
        from pasticcio.baselines.optimize import optimize as run
    from pasticcio.image.picture import check_output, read_picture, save_image, save_picture
    from pasticcio.render.stylizer import Stylizer

    check_output(out)
    loss = replace(
        LOSS,
        content=_layers(content_layer or []) or LOSS.content,
        style=_layers(style_layer or []) or dict.fromkeys(LOSS.style, style_weight),
        total_variation=smooth,
    )
    settings = Settings(
        size, iterations, method, 0.02, start, scales, loss, style_size, colors, pooling, precision, device, seed  # type: ignore[arg-type]  # Settings checks them
    )  # fmt: skip
    picture = read_picture(photo)
    sketch = out.with_name(f"{out.stem}-preview.png")
    stylizer = Stylizer(model) if start == "network" else None
    with _bar() as (show, download):

        def report(step: Step) -> None:
            show(step)
            if preview and step.iteration % preview == 0:
                save_image(step.image(), sketch)

        result = run(
            picture, list(weighted(style)), settings, vgg=vgg, mask=mask, stylizer=stylizer, report=report,
            download=download,
        )  # fmt: skip
    save_picture(result.picture, out)
    sketch.unlink(missing_ok=True) if preview else None
    values = [f"{name} {result.before[name]:.4g} to {value:.4g}" for name, value in result.losses.items()]
    typer.echo(f"{out}  {', '.join(values)}; {result.iterations} iterations")
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)


def tune(
    paintings: Annotated[list[Path], typer.Argument(help="A style picture, or several.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The model folder, new.")],
    photos: Annotated[
        list[str] | None,
        typer.Option(help="Folder, .txt list, .csv table or .tar of photos, a hundred or more; repeatable."),
    ] = None,
    model: Annotated[
        str,
        typer.Option("--model", help="Name or folder of the model to begin with; to a table of styles one is added."),
    ] = "default",
    row_only: Annotated[
        bool, typer.Option("--row-only", help="Learn the style's scales and shifts alone, none of the kernels.")
    ] = False,
    steps: Annotated[int | None, typer.Option(help="Of training [default: 300].")] = None,
    minutes: Annotated[float | None, typer.Option(help="As many steps as fit, in place of --steps.")] = None,
    style_size: Annotated[
        int, typer.Option(help="Look at the style picture at this short side, in pixels: larger is coarser.")
    ] = 256,
    crop: Annotated[int, typer.Option(help="Side of the photos' crops, in pixels.")] = 128,
    vgg: VggOption = "",
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
) -> None:
    """Make a model for one painting, in minutes, from one that is there; 'stylize --model OUT' uses it."""
    from pasticcio.cli.training import training_bar, training_extra

    with training_extra():
        from pasticcio.baselines.tune import tune as run
    if not photos and not resume:
        typer.echo("pasticcio: no --photos: training on five of scikit-image's, enough for a trial only", err=True)
    with training_bar(f"tune {out.name}") as (report, download):
        tuned = run(
            paintings, out, photos=photos or (), model=model, row_only=row_only, steps=steps, minutes=minutes, vgg=vgg,
            style_size=style_size, crop=crop, resume=resume, report=report, download=download,
        )  # fmt: skip
    values = ", ".join(f"{name} {tuned.before[name]:.4g} to {tuned.after[name]:.4g}" for name in tuned.before)
    typer.echo(f"{tuned.steps} steps; over {tuned.photos} photos {values}")
    typer.echo(f"{tuned.folder}")


def _layers(values: Sequence[str]) -> dict[str, float]:
    """`relu4_1=1` to layer and weight."""
    found = {}
    for value in values:
        layer, _, weight = value.partition("=")
        try:
            found[layer] = float(weight)
        except ValueError:
            raise OptionError(f"layer {value!r} has no weight; write relu4_1=1") from None
    return found


@contextmanager
def _bar() -> Iterator[tuple[Report, Download]]:
    """A progress bar with the losses, and one for downloads."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from pasticcio.cli.training import download_row

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.description}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("", total=None)

        def report(step: Step) -> None:
            losses = "  ".join(f"{name} {value:.3g}" for name, value in step.losses.items())
            text = f"scale {step.scale}/{step.scales}  {losses}"
            bar.update(task, completed=step.iteration, total=step.iterations, description=text)

        yield report, download_row(bar)
