"""The commands that train for one style: optimize, for the pixels of one picture, and tune, for a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pasticcio.cli import INTERRUPTED
from pasticcio.cli.arguments import (
    SOURCES,
    ResumeOption,
    VggOption,
    given,
    only_for,
    out_option,
    same_option,
    style_option,
    weighted,
)
from pasticcio.cli.progress import Bars, losses_text
from pasticcio.cli.training import training_extra
from pasticcio.errors import OptionError

if TYPE_CHECKING:
    from pasticcio.baselines.optimize import Step
    from pasticcio.nn.losses import LossConfig


def optimize(
    photo: Annotated[Path, typer.Argument(help="The content picture.")],
    style: Annotated[
        list[str],
        style_option(
            "A style picture. Repeatable: with weights that sum to 1 (-s a.jpg:0.7 -s b.jpg:0.3), or without for "
            "equal weights."
        ),
    ],
    out: Annotated[Path, out_option("The picture to write.")],
    size: Annotated[int, typer.Option(help="Long side of the output, in pixels.")] = 512,
    iterations: Annotated[int, typer.Option(help="Passes through the loss network, at each scale.")] = 200,
    start: Annotated[
        str, typer.Option(help="'network': the output of the style transfer network; 'photo'; 'noise'.")
    ] = "network",
    method: Annotated[str, typer.Option(help="'lbfgs' or 'adam'.")] = "lbfgs",
    scales: Annotated[
        int, typer.Option(help="Sizes from coarse to fine; 0: as many as bring the first to 512 pixels.")
    ] = 0,
    style_size: Annotated[
        int | None,
        same_option(
            "style_size",
            "Resize style pictures to this short side, in pixels: larger is coarser. [default: the output's]",
        ),
    ] = None,
    style_weight: Annotated[
        float | None, typer.Option(help="Weight of every style layer, without --style-layer. [default: 20]")
    ] = None,
    content_layer: Annotated[
        list[str] | None,
        typer.Option(help="Layer=weight in place of relu3_3=1 and relu4_1=1; repeatable."),
    ] = None,
    style_layer: Annotated[
        list[str] | None,
        typer.Option(help="Layer=weight in place of relu1_1, relu2_1, relu3_1 and relu4_1; repeatable."),
    ] = None,
    smooth: Annotated[float, typer.Option(help="Weight of the total variation; above 0, fewer lone pixels.")] = 0.0,
    pooling: Annotated[str, typer.Option(help="Of the loss network: 'max' or 'average'.")] = "max",
    colors: Annotated[str, same_option("colors")] = "style",
    mask: Annotated[
        Path | None, typer.Option(help="A gray picture: white is stylized in full, black stays as it is.")
    ] = None,
    vgg: VggOption = "",
    precision: Annotated[str, typer.Option(help="Of the loss network: 'float32' or 'bf16'.")] = "float32",
    device: Annotated[str, typer.Option(help="'cpu' or 'cuda'; by default a GPU where there is one.")] = "",
    seed: Annotated[int | None, typer.Option(help="Of the noise of --start noise. [default: 0]")] = None,
    preview: Annotated[int, typer.Option(help="Write OUT-preview.png every so many iterations; 0 never.")] = 0,
    model: Annotated[str | None, typer.Option("--model", help="Model of --start network. [default: default]")] = None,
) -> None:
    """Optimize the pixels for one photo and one style: minutes, and the lowest loss. Ctrl-C keeps the best so far."""
    only_for("--start noise", start == "noise", seed=seed)
    only_for("--start network", start == "network", model=model)
    only_for("the default style layers, not for --style-layer", not style_layer, style_weight=style_weight)
    with training_extra():
        from pasticcio.baselines.optimize import Settings
        from pasticcio.baselines.optimize import optimize as run
    from pasticcio.image.read import read_picture
    from pasticcio.image.write import check_output, save_image, save_picture
    from pasticcio.render.stylizer import Stylizer

    check_output(out)
    settings = Settings(
        size=size,
        iterations=iterations,
        method=method,  # type: ignore[arg-type]  # Settings checks this and the other choices
        start=start,  # type: ignore[arg-type]
        scales=scales,
        loss=_loss(content_layer or [], style_layer or [], style_weight, smooth),
        style_size=style_size,
        colors=colors,  # type: ignore[arg-type]
        pooling=pooling,  # type: ignore[arg-type]
        precision=precision,  # type: ignore[arg-type]
        device=device,
        seed=seed or 0,
    )
    picture = read_picture(photo)
    sketch = out.with_name(f"{out.stem}-preview.png")
    stylizer = Stylizer(model or "default") if start == "network" else None
    with Bars() as bars:

        def report(step: Step) -> None:
            text = f"scale {step.scale}/{step.scales}  {losses_text(step.losses)}"
            bars.show("optimizing", step.iteration, step.iterations, text)
            if preview and step.iteration % preview == 0:
                save_image(step.image(), sketch)

        result = run(
            picture, weighted(style), settings, vgg=vgg, mask=mask, stylizer=stylizer, report=report,
            download=bars.download,
        )  # fmt: skip
    save_picture(result.picture, out)
    if preview:
        sketch.unlink(missing_ok=True)
    values = [f"{name} {result.before[name]:.4g} to {value:.4g}" for name, value in result.losses.items()]
    typer.echo(f"{out}  {', '.join(values)}; {result.iterations} iterations")
    if result.interrupted:
        raise typer.Exit(INTERRUPTED)


def tune(
    paintings: Annotated[list[Path], typer.Argument(help="A style picture, or several.")],
    out: Annotated[Path, out_option("The model folder, new.")],
    photos: Annotated[
        list[str] | None, typer.Option(help=f"{SOURCES} of photos, a hundred or more; repeatable.")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="Name or folder of the model to begin with [default: fast]; to a table of styles the paintings "
            "are added.",
        ),
    ] = None,
    row_only: Annotated[
        bool, typer.Option("--row-only", help="Learn the style's scales and shifts alone, none of the kernels.")
    ] = False,
    steps: Annotated[int | None, typer.Option(help="Of training. [default: 300]")] = None,
    minutes: Annotated[float | None, typer.Option(help="As many steps as fit, in place of --steps.")] = None,
    style_size: Annotated[
        int | None,
        same_option(
            "style_size", "Resize the paintings to this short side, in pixels: larger is coarser. [default: 256]"
        ),
    ] = None,
    crop: Annotated[int | None, typer.Option(help="Side of the photos' crops, in pixels. [default: 128]")] = None,
    vgg: VggOption = "",
    resume: ResumeOption = False,
) -> None:
    """Make a model for one painting, in minutes, from another model; 'stylize --model OUT' uses it."""
    asked = given(
        photos=photos, model=model, row_only=row_only, steps=steps, minutes=minutes, style_size=style_size, crop=crop,
        vgg=vgg,
    )  # fmt: skip
    only_for("a new run, and --resume goes on with the options of the old one", not resume, **asked)
    with training_extra():
        from pasticcio.baselines.tune import TuneSettings
        from pasticcio.baselines.tune import tune as run
    settings = TuneSettings(**asked | {"photos": tuple(photos or ())})
    if not photos and not resume:
        typer.echo("pasticcio: no --photos: training on five of scikit-image's, enough for a trial only", err=True)
    with Bars() as bars:
        report = bars.training(f"tune {out.name}")
        tuned = run(paintings, out, settings, resume=resume, report=report, download=bars.download)
    values = ", ".join(f"{name} {tuned.before[name]:.4g} to {tuned.after[name]:.4g}" for name in tuned.before)
    typer.echo(f"{tuned.steps} steps; over {tuned.photos} photos {values}")
    typer.echo(f"{tuned.folder}")


def _loss(content: list[str], style: list[str], style_weight: float | None, smooth: float) -> LossConfig:
    """The default loss with what was asked for in place of its layers and weights."""
    from pasticcio.baselines.settings import LOSS

    styled = _layers(style) or (LOSS.style if style_weight is None else dict.fromkeys(LOSS.style, style_weight))
    return replace(LOSS, content=_layers(content) or LOSS.content, style=styled, total_variation=smooth)


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
