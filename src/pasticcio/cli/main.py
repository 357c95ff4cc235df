"""The command line: each command is a call of the library."""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from pasticcio import __version__
from pasticcio.errors import PasticcioError

COMMANDS = {  # module, function, and what the list of commands says, in at most 62 letters
    "stylize": ("cli.stylize", "stylize", "Render a photo, or a folder of them, in the manner of a style."),
    "demo": ("cli.stylize", "demo", "Stylize scikit-image's photos with named styles."),
    "styles": ("cli.main", "styles", "List the named styles."),
    "models": ("cli.main", "models", "List the models that ship with the package, or others."),
    "doctor": ("cli.main", "doctor", "Say what is installed, what will run, and whether it works."),
    "train": ("cli.training", "train", "Train the model of a recipe, and export it."),
    "quantize": ("cli.training", "quantize", "Add a graph in 8-bit arithmetic to a model folder."),
    "evaluate": ("cli.training", "evaluate", "Measure content and style losses of a model."),
    "optimize": ("cli.baselines", "optimize", "Optimize the pixels for one photo and one style: minutes."),
    "tune": ("cli.baselines", "tune", "Make a model for one painting, in minutes."),
    "embed": ("cli.space", "embed", "Save the style of a picture, or a table of many."),
    "map": ("cli.space", "map_styles", "Draw pictures on a map where near means alike in style."),
    "neighbors": ("cli.space", "neighbors", "List the pictures whose style is nearest to one's."),
    "grid": ("cli.space", "grid", "Make a contact sheet of styles, strengths, mixes, walks."),
    "experiment": ("cli.space", "experiment", "Repeat an experiment of the paper and print its table."),
}


OLD_NAMES = {"neighbours": "neighbors"}


class Commands(TyperGroup):
    """The commands above, each imported and put together when it is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        cmd_name = OLD_NAMES.get(cmd_name, cmd_name)
        if cmd_name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[cmd_name]
        alone = _typer()
        alone.command(cmd_name)(getattr(importlib.import_module(f"pasticcio.{module}"), function))
        return typer.main.get_command(alone)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


def _typer(**settings: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # importing rich would take longer than all else that --help does
        context_settings={"max_content_width": 100},
        **settings,
    )


app = _typer(
    name="pasticcio",
    cls=Commands,
    help="A photo in the manner of a painting, in one forward pass, for any pair.",
    no_args_is_help=True,
)

ModelOption = Annotated[str, typer.Option("--model", help="A shipped model's name, or a model folder.")]
RuntimeOption = Annotated[
    str,
    typer.Option(
        help="What runs the networks: 'onnxruntime', 'openvino', 'openvino-bf16', and in 8 bits 'onnxruntime-int8', "
        "'openvino-int8'; 'auto' is the faster of the first two, see 'pasticcio doctor'."
    ),
]

BAD_INPUT = 2
SOME_BAD = 1
INTERRUPTED = 130


def main() -> None:
    """Run the command line; bad input is one line on standard error and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may hold bytes that are no text
            stream.reconfigure(errors="surrogateescape" if stream.encoding == "utf-8" else "backslashreplace")
    gc.set_threshold(100_000, 20, 20)  # imports make many objects and no garbage: looking for it took 30 ms
    atexit.register(gc.freeze)  # and as much again at the end
    try:
        app(prog_name="pasticcio")
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
    import logging

    logging.basicConfig(format="pasticcio: %(message)s", level=logging.WARNING)
    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it finds wrong with a file, our error says


def styles(model: ModelOption = "default") -> None:
    """List the named styles."""
    from pasticcio.model.folder import Model

    known = Model.open(model).styles
    if not known:
        typer.echo(f"model {model} has no named styles; give --style a picture", err=True)
    width = max(map(len, known), default=0)
    for name, style in known.items():
        work = ", ".join(filter(None, (style.title, style.artist, style.year)))
        typer.echo(f"{name:{width}}  {work}".rstrip())


def models(
    folders: Annotated[list[Path] | None, typer.Argument(help="Model folders, in place of the shipped models.")] = None,
) -> None:
    """List the models that ship with the package, or those of folders."""
    from pasticcio.model.folder import Model, list_models

    for model in map(Model.open, folders) if folders else list_models():
        network = model.config["network"]
        knows = f"table of {model.embedding} styles" if model.table else f"{network['predictor']} predictor"
        typer.echo(
            f"{model.name}  {model.bytes / 1e6:.1f} MB  {network['transfer']} transfer network, "
            f"{knows}  {model.fingerprint}  {model.folder}"
        )


def doctor(
    runtime: RuntimeOption = "auto",
    json_object: Annotated[bool, typer.Option("--json", help="One object of JSON.")] = False,
    model: ModelOption = "default",
) -> None:
    """Say what is installed, which runtime will be used and why, and whether stylizing works: exit code 0.

    It renders a small picture under every runtime and compares them. Where two runtimes are installed and none is
    named, the first time takes some seconds: they are measured.
    """
    import json

    from pasticcio.cli.doctor import as_json, examine

    report = examine(model, runtime)
    typer.echo(json.dumps(as_json(report), indent=1) if json_object else "\n".join(report.lines()))
    if not report.well:
        raise typer.Exit(SOME_BAD)
