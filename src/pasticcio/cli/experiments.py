"""The commands that measure a model: evaluate, and the experiments of the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pasticcio.cli.arguments import SOURCES, MaybeModelOption, ModelOption, SetOption, given, only_for, out_option
from pasticcio.cli.progress import Bars
from pasticcio.cli.training import training_extra

EXPERIMENTS = {
    "observed": "losses over styles that the model was trained on, and over others",
    "count": "how many paintings generalization needs",
    "kinds": "trained on paintings, textures or both",
    "knowledge": "what nearest neighbors tell",
    "smoothness": "ways between styles",
    "bottleneck": "width of the embedding",
    "conditioned": "which normalizations the style steers",
}


def evaluate(
    photos: Annotated[str, typer.Option(help=f"{SOURCES} of photos.")],
    style_pictures: Annotated[list[str], typer.Option("--styles", help=f"{SOURCES} of style pictures; repeatable.")],
    vgg: Annotated[str, typer.Option(help="Weights of the normalized VGG-19.")],
    model: ModelOption = "default",
    pairs: Annotated[int, typer.Option(help="Photo-style pairs, drawn with a fixed seed.")] = 200,
    size: Annotated[int, typer.Option(help="Side in pixels of all pictures.")] = 256,
    split: Annotated[str, typer.Option(help="Of .csv tables, only the rows of this split.")] = "test",
    sheet: Annotated[Path | None, typer.Option(help="Write a 6x6 grid of outputs here.")] = None,
) -> None:
    """Measure content and style losses of a model beside those of the unchanged photo."""
    with training_extra():
        from pasticcio.experiments.evaluate import evaluate as measure
        from pasticcio.experiments.evaluate import output_sheet
    from pasticcio.image.write import check_output, save_image
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


def experiment(
    name: Annotated[str, typer.Argument(help="; ".join(f"{name}: {text}" for name, text in EXPERIMENTS.items()) + ".")],
    data: Annotated[Path, typer.Option(help="Folder of photos.csv, paintings.csv, textures.csv.")],
    weights: Annotated[Path, typer.Option(help="Folder of the loss networks and of Inception-v3.")],
    results: Annotated[
        Path, typer.Option(help="Folder of intermediate results; what is there is not computed again.")
    ] = Path("runs/experiments"),
    out: Annotated[Path | None, out_option("Folder for the figure.")] = None,
    side: Annotated[int, typer.Option(help="Of photos and styles where losses are measured, in pixels.")] = 192,
    amount: Annotated[
        int, typer.Option(help="Pairs, ways or pictures to search; 0 for the experiment's own number.")
    ] = 0,
    optimize: Annotated[
        int | None, typer.Option(help="observed: so many pairs of each group are optimized pixel by pixel too.")
    ] = None,
    iterations: Annotated[int | None, typer.Option(help="observed: iterations of --optimize. [default: 60]")] = None,
    recipe: Annotated[
        Path | None,
        typer.Option(help="Experiments that train: the recipe. [default: recipes/generalization.toml]"),
    ] = None,
    seeds: Annotated[
        int | None, typer.Option(help="Experiments that train: models for every setting. [default: 3]")
    ] = None,
    set_: SetOption = None,
    model: MaybeModelOption = None,
) -> None:
    """Repeat an experiment of the paper and print its table; goes on where it was broken off."""
    with training_extra():
        from pasticcio.experiments import run as experiments
    trained = ", ".join(experiments.TRAINED)
    if name in experiments.NAMES:
        only_for("the experiment observed", name == "observed", optimize=optimize)
        only_for("--optimize of the experiment observed", bool(optimize), iterations=iterations)
        only_for(f"the experiments {trained}", name in experiments.TRAINED, recipe=recipe, seeds=seeds, set_=set_)
        only_for(f"experiments other than {trained}", name not in experiments.TRAINED, model=model)
    with Bars() as bars:
        context = experiments.Context(
            data=data,
            weights=weights,
            results=results,
            out=out,
            side=side,
            amount=amount,
            changes=set_ or (),
            report=bars.show,
            **given(optimize=optimize, iterations=iterations, recipe=recipe, seeds=seeds, model=model),
        )
        text = experiments.run(name, context)
    typer.echo(text)
