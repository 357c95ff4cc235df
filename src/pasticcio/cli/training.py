"""The commands that make a model from a recipe: train and quantize."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Annotated

import typer

from pasticcio.cli.arguments import SOURCES, PhotosOption, ResumeOption, SetOption, only_for
from pasticcio.cli.progress import Bars
from pasticcio.extras import extra


def train(
    recipe: Annotated[Path, typer.Argument(help="A TOML file, such as recipes/fast.toml.")],
    set_: SetOption = None,
    resume: ResumeOption = False,
) -> None:
    """Train the model of a recipe, and export it."""
    with training_extra():
        from pasticcio.training.checkpoint import check_new
        from pasticcio.training.config import read_recipe
        from pasticcio.training.export import export
        from pasticcio.training.train import train as run
    from pasticcio.errors import ModelError
    from pasticcio.model.config import ModelConfig

    folder = Path()
    stages = read_recipe(recipe, set_ or [])
    for config in () if resume else stages:
        check_new(config)  # all of them before the first begins
    for number, config in enumerate(stages, start=1):
        folder = Path(config.out) / "model"
        if resume and len(stages) > 1:
            with suppress(ModelError):
                ModelConfig.read(folder)
                continue  # this stage has ended
        with Bars() as bars:
            report = bars.training(f"{config.name} {number}/{len(stages)}")
            run(config, resume=resume, report=report, download=bars.download, told=bars.show)
    if os.environ.get("RANK", "0") == "0":  # the first of several processes
        export(folder)
        typer.echo(str(folder))


def quantize(
    model: Annotated[Path, typer.Argument(help="A model folder.")],
    photos: PhotosOption,
    style_pictures: Annotated[
        list[str] | None,
        typer.Option("--styles", help=f"{SOURCES} of style pictures; repeatable. A table of styles needs none."),
    ] = None,
    pairs: Annotated[int, typer.Option(help="Photo-style pairs on which ranges are measured.")] = 30,
) -> None:
    """Add pixels-int8.onnx to a model folder: the transfer network with its convolutions in 8 bits."""
    with training_extra():
        from pasticcio.training.quantize import quantize as run
    from pasticcio.model.folder import Model

    table = Model.open(model).table
    only_for(f"models that predict styles from pictures, and {model} is a table", not table, styles=style_pictures)
    difference = run(model, photos, style_pictures or [], pairs=pairs)
    typer.echo(f"{model / 'pixels-int8.onnx'}: {difference:.2%} of the range from float32, mean of {pairs} pairs")


@contextmanager
def training_extra() -> Iterator[None]:
    """Around the imports of training: names a missing extra, and sets threads and memory up before torch starts."""
    from pasticcio.training.allocator import keep_memory

    # Threads of torch that wait in a loop keep the cores from those that transform Winograd's tiles.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    keep_memory()
    with extra("train", "this command"):
        yield
