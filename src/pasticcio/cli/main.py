"""The entry point: the table of commands, and what happens before and after one of them."""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import sys
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from pasticcio import __version__
from pasticcio.cli import INTERRUPTED
from pasticcio.cli.ending import ending, hold_warnings

COMMANDS = {  # module, function, and the line in the list of commands, of at most 62 letters
    "stylize": ("stylize", "stylize", "Render a photo, or a folder of them, in the manner of a style."),
    "video": ("video", "video", "Render a clip in the manner of a style, with its sound."),
    "webcam": ("webcam", "webcam", "Render a camera's frames as they come, in a window or a pipe."),
    "dataset": ("dataset", "dataset", "Make a data set of many pictures, each in styles of its own."),
    "serve": ("serve", "serve", "Serve a page and an HTTP API on this machine."),
    "demo": ("stylize", "demo", "Stylize scikit-image's photos with named styles."),
    "styles": ("doctor", "styles", "List the named styles."),
    "models": ("doctor", "models", "List the models that ship with the package, or others."),
    "doctor": ("doctor", "doctor", "Say what is installed, what will run, and whether it works."),
    "train": ("training", "train", "Train the model of a recipe, and export it."),
    "quantize": ("training", "quantize", "Add a graph in 8-bit arithmetic to a model folder."),
    "evaluate": ("experiments", "evaluate", "Measure content and style losses of a model."),
    "optimize": ("baselines", "optimize", "Optimize the pixels for one photo and one style: minutes."),
    "tune": ("baselines", "tune", "Make a model for one painting, in minutes."),
    "embed": ("space", "embed", "Save the style of a picture, or a table of many."),
    "refine": ("refine", "refine", "Make the style of a painting better, in seconds."),
    "map": ("space", "map_styles", "Draw pictures on a map where near means alike in style."),
    "neighbors": ("space", "neighbors", "List the pictures whose style is nearest to a picture's."),
    "grid": ("space", "grid", "Make a contact sheet of styles, strengths, mixes, walks."),
    "pull": ("hub", "pull", "Fetch a model from the Hugging Face Hub."),
    "push": ("hub", "push", "Publish a model folder on the Hugging Face Hub."),
    "page": ("page", "page", "Write the page as static files, which need no server."),
    "experiment": ("experiments", "experiment", "Repeat an experiment of the paper and print its table."),
}
OLD_NAMES = {"neighbours": "neighbors"}  # understood, and not shown in the help


class Commands(TyperGroup):
    """The commands above; each is imported when it is called."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)
        self.commands = dict.fromkeys(COMMANDS)  # type: ignore[assignment]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        cmd_name = OLD_NAMES.get(cmd_name, cmd_name)
        if cmd_name not in COMMANDS:
            return None
        module, function, _ = COMMANDS[cmd_name]
        alone = _typer()
        alone.command(cmd_name, cls=Command)(getattr(importlib.import_module(f"pasticcio.cli.{module}"), function))
        return typer.main.get_command(alone)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, _, text) in COMMANDS.items()])


class Command(TyperCommand):
    """A command that understands old spellings of its options."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        from pasticcio.cli.arguments import OLD_SPELLINGS

        end = args.index("--") if "--" in args else len(args)
        for place, (flag, *value) in enumerate(arg.split("=", 1) for arg in args[:end]):
            if flag in OLD_SPELLINGS:
                args[place] = "=".join([OLD_SPELLINGS[flag], *value])
        return super().parse_args(ctx, args)


def _typer(**settings: Any) -> typer.Typer:
    return typer.Typer(
        add_completion=False,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,  # importing rich takes longer than everything else that --help does
        context_settings={"max_content_width": 100},
        **settings,
    )


app = _typer(
    name="pasticcio",
    cls=Commands,
    help="A photo in the manner of a painting, in one forward pass, for any pair.",
    no_args_is_help=True,
)


def main() -> None:
    """Run the command line; bad input is one line on standard error and exit code 2."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a file's name may hold bytes that are no text
            stream.reconfigure(errors="surrogateescape" if stream.encoding == "utf-8" else "backslashreplace")
    gc.set_threshold(100_000, 20, 20)  # imports make many objects and no garbage
    atexit.register(gc.freeze)  # so that no garbage is looked for at the end
    with ending():
        try:
            app(prog_name="pasticcio")
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
    hold_warnings()
    logging.getLogger("PIL").setLevel(logging.CRITICAL)  # our own error says what is wrong with a file
