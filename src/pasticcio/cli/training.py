"""The commands around training: train, quantize, evaluate."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pasticcio.cli.main import ModelOption
from pasticcio.extras import extra

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

    from pasticcio.training.log import Progress
    from pasticcio.training.pretrained import Download
    from pasticcio.training.train import Report


def train(
    recipe: Annotated[Path, typer.Argument(help="A TOML file, such as recipes/default.toml.")],
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="key=value over the recipe's; keys dotted, repeatable.")
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")] = False,
) -> None:
    """Train the model of a recipe, and export it."""
    with training_extra():
        from pasticcio.training.config import read_recipe
        from pasticcio.training.export import export
        from pasticcio.training.train import train as run

    folder = Path()
    stages = read_recipe(recipe, set_ or [])
    for number, config in enumerate(stages, start=1):
        folder = Path(config.out) / "model"
        if resume and len(stages) > 1 and (folder / "config.json").exists():
            continue  # a stage that ended
        with training_bar(f"{config.name} {number}/{len(stages)}") as (report, download):
            run(config, resume=resume, report=report, download=download)
    if os.environ.get("RANK", "0") == "0":  # of several processes, the first
        export(folder)
        typer.echo(str(folder))


def quantize(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    photos: Annotated[list[str], typer.Option(help="Folder, .txt list, .csv table or .tar of photos; repeatable.")],
    style_pictures: Annotated[
        list[str] | None, typer.Option("--styles", help="The same, of styles; a table of styles needs none.")
    ] = None,
    pairs: Annotated[int, typer.Option(help="Photo-style pairs on which ranges are measured.")] = 30,
) -> None:
    """Add pixels-int8.onnx to a model folder: the transfer network with its convolutions in 8 bits."""
    with training_extra():
        from pasticcio.training.quantize import quantize as run
    difference = run(model, photos, style_pictures or [], pairs=pairs)
    typer.echo(f"{model / 'pixels-int8.onnx'}: {difference:.2%} of the range from float32, mean of {pairs} pairs")


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
    with training_extra():
        from pasticcio.experiments.evaluate import evaluate as measure
        from pasticcio.experiments.evaluate import output_sheet
    from pasticcio.image.picture import check_output, save_image
    from pasticcio.render.stylizer import Stylizer

    if sheet:
        check_output(sheet)
    stylizer = Stylizer(model)
    table = measure(stylizer, photos, style_pictures, vgg, pairs=pairs, size=size, split=split)
    typer.echo(table.text())
    if sheet:
        image, caption = output_sheet(stylizer, photos, style_pictures, split=split, size=size)
        save_image(image, sheet)
        typer.echo(caption)


@contextmanager
def training_extra() -> Iterator[None]:
    """Around the imports of training: says which extra is missing, and sets the threads up before torch starts them."""
    # Threads of torch that spin for their next task take the cores from those that transform Winograd's tiles.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with extra("train", "this command"):
        yield


@contextmanager
def training_bar(title: str) -> Iterator[tuple[Report, Download]]:
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

        def report(progress: Progress) -> None:
            losses = "  ".join(f"{name} {value:.3g}" for name, value in progress.losses.items())
            text = f"{losses}  {progress.pictures_per_second:.1f} pictures/s"
            bar.update(steps, completed=progress.step, total=progress.steps, description=text)

        yield report, download_row(bar)


def download_row(bar: Bar) -> Download:
    """A row of a progress bar for a download's bytes, shown while there is one."""
    row = bar.add_task("download, bytes", total=None, visible=False)
    return lambda done, total: bar.update(row, completed=done, total=total or None, visible=done < total)
