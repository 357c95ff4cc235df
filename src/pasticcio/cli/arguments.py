"""Options that several commands share, each declared once; and how their values are read and refused."""

from __future__ import annotations

import functools
import inspect
import math
import os
from collections.abc import Callable, Collection
from dataclasses import Field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pasticcio.errors import OptionError, StyleError
from pasticcio.render.options import Options

if TYPE_CHECKING:
    from pasticcio.image.picture import Source
    from pasticcio.model.folder import Model

OLD_SPELLINGS = {"--colours": "--colors", "--colour": "--color"}  # understood, and not shown in the help
ADAPT = 8  # steps in which a style is fitted
SOURCES = "Folder, .txt list, .csv table or .tar"

ModelOption = Annotated[str, typer.Option("--model", help="A shipped model's name, or a model folder.")]
MaybeModelOption = Annotated[  # None where it was not given, for commands that do not always use a model
    str | None, typer.Option("--model", help="A shipped model's name, or a model folder. [default: default]")
]
RuntimeOption = Annotated[
    str,
    typer.Option(
        "--runtime",
        help="What runs the networks: 'onnxruntime', 'openvino', 'openvino-bf16', or in 8 bits 'onnxruntime-int8', "
        "'openvino-int8'; 'auto' is the faster of the first two, see 'pasticcio doctor'.",
    ),
]
FastOption = Annotated[
    bool, typer.Option("--fast", help="Render at half the size and add the frame's detail; strokes become larger.")
]
PhotosOption = Annotated[list[str], typer.Option("--photos", help=f"{SOURCES} of photos; repeatable.")]
SplitOption = Annotated[str, typer.Option("--split", help="Of .csv tables, only the rows of this split.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="key=value in place of the recipe's; keys with dots, repeatable."),
]
VggOption = Annotated[
    str,
    typer.Option(
        "--vgg", help="Weights of the loss network; without, torchvision's VGG-19 is downloaded once (575 MB)."
    ),
]


def out_option(help: str) -> Any:
    """`--out`, or `-o`: where the output goes."""
    return typer.Option("--out", "-o", help=help)


def style_option(help: str) -> Any:
    """`--style`, or `-s`: the styles, each with or without a weight, see `weighted`."""
    return typer.Option("--style", "-s", help=help, show_default=False)


def same_option(name: str, help: str = "") -> Any:
    """An option of the name, the help and the meaning of a field of `Options`.

    Args:
        name: of the field.
        help: in place of the field's own.
    """
    (found,) = (one for one in fields(Options) if one.name == name)
    return _option(found, help)


def adapt_option(what: str) -> Any:
    """The option `adapt`, see `steps_of`.

    Args:
        what: style pictures are fitted to.
    """
    help = f"Fit style pictures to {what} in so many steps, of a tenth of a second each; 0 leaves them as they are. "
    return same_option("adapt", f"{help}[default: {ADAPT}, where the model can]")


def steps_of(asked: int | None, styles: list[str], model: str) -> int | None:
    """The option `adapt`: as asked, or the default where there is a style picture and the model can."""
    from pasticcio.model.folder import Model

    pictures = [style for style in styles if os.path.isfile(style) and not style.lower().endswith(".json")]
    return ADAPT if asked is None and pictures and Model.open(model).slope is not None else asked


def options_from(kind: type, leave_out: Collection[str] = ()) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Decorate a command: the fields of a dataclass become its options, and it is called with the dataclass.

    They take the place of the command's parameter `options`. A field becomes an option if its metadata hold a help,
    see `pasticcio.render.declare`.

    Args:
        kind: the dataclass.
        leave_out: names of fields that do not become options.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        taken = [one for one in fields(kind) if "help" in one.metadata and one.name not in leave_out]
        made = [_parameter(one) for one in taken]
        own = inspect.signature(command, eval_str=True).parameters.values()
        parameters = [new for one in own for new in (made if one.name == "options" else [one])]

        @functools.wraps(command)
        def called(**values: Any) -> None:
            options = kind(**{one.name: values.pop(one.name) for one in taken})
            command(options=options, **values)

        del called.__wrapped__  # or typer would ask the command itself
        called.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        called.__annotations__ = {one.name: one.annotation for one in parameters}
        return called

    return decorate


def _parameter(one: Field[Any]) -> inspect.Parameter:
    kind = Path if one.metadata["type"] is os.PathLike else one.metadata["type"]
    optional = kind | None if one.default is None else kind
    annotation = Annotated[optional, _option(one)]  # type: ignore[valid-type]
    return inspect.Parameter(one.name, inspect.Parameter.KEYWORD_ONLY, default=one.default, annotation=annotation)


def _option(one: Field[Any], help: str = "") -> Any:
    """What typer is told of a field."""
    meaning = one.metadata.get("meaning")
    text = help or one.metadata["help"] + ("" if meaning is None else f" [default: {meaning}]")
    flags = [flag for flag in one.metadata.get("flags", ()) if flag not in OLD_SPELLINGS]
    return typer.Option(*(flags or [f"--{one.name.replace('_', '-')}"]), help=text)


def given(**values: Any) -> dict[str, Any]:
    """The options that the command was given: all but None, False, and empty texts and lists."""
    return {name: one for name, one in values.items() if one is not None and one is not False and one not in ("", [])}


def only_for(what: str, applies: bool, **values: Any) -> None:
    """Refuse options that would do nothing.

    Args:
        what: what they apply to, the end of the message.
        applies: whether that is the case.
        values: of the options, by their names, see `given`.

    Raises:
        OptionError: an option is given that does not apply.
    """
    for name in () if applies else given(**values):
        raise OptionError(f"--{name.rstrip('_').replace('_', '-')} is only for {what}; leave it out")


def weighted(styles: list[str]) -> list[tuple[str, float]]:
    """The names of styles, each with its weight: `a.jpg:0.7` has the weight 0.7.

    Raises:
        StyleError: some styles have a weight and others have none.
    """
    pairs = [_weight(style) for style in styles]
    bare = [name for name, weight in pairs if math.isnan(weight)]
    if len(bare) == len(pairs):
        return [(name, 1.0 / len(pairs)) for name, _ in pairs]
    if bare:
        raise StyleError(f"style {bare[0]} has no weight; write {bare[0]}:0.5, or leave out the weights of all styles")
    return pairs


def _weight(style: str) -> tuple[str, float]:
    """A style's name and its weight; without a weight, NaN."""
    name, colon, weight = style.rpartition(":")
    if not colon or not name or os.path.exists(style):  # a file's name may hold a colon
        return style, math.nan
    try:
        return name, float(weight)
    except ValueError:
        return style, math.nan


def with_masks(
    masks: list[Path], styles: list[str], all_pairs: bool
) -> tuple[Path | None, list[tuple[str, float | Source]]]:
    """The mask of all styles together, or every style with its own.

    Raises:
        OptionError: neither one mask nor one for each style.
    """
    if len(masks) == len(styles) > 1 and not all_pairs:
        return None, list(zip(styles, masks, strict=True))
    if len(masks) > 1:
        raise OptionError(f"{len(masks)} masks for {len(styles)} styles; give one for all, or one for each")
    return (masks[0] if masks else None), []


def say_files(model: Model, pairs: list[tuple[str, Any]]) -> None:
    """Say which names of styles are those of files here, which go before named styles."""
    for name in dict.fromkeys(name for name, _ in pairs if os.path.exists(name)):
        if name in model.styles:
            kind = "folder" if os.path.isdir(name) else "file"
            typer.echo(f"pasticcio: style {name} is the {kind} of that name here, not the named style", err=True)
