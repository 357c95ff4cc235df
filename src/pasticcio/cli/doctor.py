"""The commands that say what there is: styles, models, and doctor, which examines the installation."""

from __future__ import annotations

import importlib.util
import platform
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pasticcio import __version__
from pasticcio.cache import cache_folder, caching
from pasticcio.cli import SOME_BAD
from pasticcio.cli.arguments import ModelOption, RuntimeOption
from pasticcio.errors import PasticcioError

if TYPE_CHECKING:
    from pasticcio.image.picture import Array
    from pasticcio.model.folder import Model

SIDE = 96  # of the picture that is rendered
TOLERANCE = {  # largest difference from onnxruntime, on [0, 1]
    "onnxruntime": 1e-3,
    "openvino": 1e-3,
    "openvino-bf16": 0.1,
    "onnxruntime-int8": 0.3,
    "openvino-int8": 0.3,
}
EXTRAS = {  # extra, and a package that it brings
    "openvino": "openvino",
    "train": "torch",
    "demo": "skimage",
    "analysis": "sklearn",
    "bench": "ai_edge_litert",
}


def styles(model: ModelOption = "default") -> None:
    """List the named styles."""
    from pasticcio.model.folder import Model

    known = Model.open(model).styles
    if not known:
        typer.echo(f"model {model} has no named styles; give 'stylize --style' a picture", err=True)
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
        knows = f"table of {model.embedding} styles" if model.table else f"{model.settings.predictor} predictor"
        typer.echo(
            f"{model.name}  {model.bytes / 1e6:.1f} MB  {model.settings.transfer} transfer network, "
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

    found = examine(model, runtime)
    typer.echo(json.dumps(as_json(found), indent=1) if json_object else "\n".join(found.lines()))
    if not found.well:
        raise typer.Exit(SOME_BAD)


@dataclass(frozen=True)
class Runtime:
    """A runtime, and the picture that it rendered.

    Attributes:
        name: of the runtime.
        version: of its package; empty if it is not installed.
        difference: largest difference of a small picture from the one that onnxruntime renders, on [0, 1]; None if
            the runtime did not render it.
        error: why the runtime did not render it, or why its picture is wrong; empty if neither.
        milliseconds: for a picture of 256 x 256, if "auto" has measured it.
    """

    name: str
    version: str
    difference: float | None
    error: str
    milliseconds: float | None


@dataclass(frozen=True)
class Examination:
    """What `examine` found.

    Attributes:
        version, python, platform: of Pasticcio, of Python and of the operating system.
        cpu, cores: its name, and the number of cores that this process may use.
        precisions: number formats in which the CPU computes, as OpenVINO says; empty without OpenVINO.
        memory: bytes that are free.
        model: name, fingerprint and folder of the model that was examined.
        models: names and fingerprints of the models in the package.
        runtimes: all that there are, installed or not.
        runtime: the runtime that `Stylizer` chooses; empty if it cannot choose any.
        why: the reason of the choice.
        cache: folder of the cache; empty if it is switched off.
        extras: names of the extras, and whether each is installed.
        errors: why stylizing does not work; empty if it does.
    """

    version: str
    python: str
    platform: str
    cpu: str
    cores: int
    precisions: tuple[str, ...]
    memory: int
    model: dict[str, str]
    models: dict[str, str]
    runtimes: tuple[Runtime, ...]
    runtime: str
    why: str
    cache: str
    extras: dict[str, bool]
    errors: tuple[str, ...]

    @property
    def well(self) -> bool:
        """Whether stylizing works."""
        return not self.errors

    def lines(self) -> list[str]:
        """The examination as text for people."""
        extras = [f"{name} {'yes' if there else 'no'}" for name, there in self.extras.items()]
        return [
            f"pasticcio {self.version}, Python {self.python}, {self.platform}",
            f"CPU       {self.cpu}, {self.cores} cores" + (f", {' '.join(self.precisions)}" if self.precisions else ""),
            f"memory    {self.memory / 1e9:.1f} GB free",
            f"cache     {self.cache or 'off'}",
            f"extras    {', '.join(extras)}",
            f"models    {', '.join(f'{name} {fingerprint}' for name, fingerprint in self.models.items())}",
            f"model     {self.model['name']} {self.model['fingerprint']} in {self.model['folder']}",
            *(_line(runtime) for runtime in self.runtimes),
            f"used      {self.runtime}: {self.why}" if self.runtime else "used      none",
            *(f"wrong     {error}" for error in self.errors),
            "all is well" if self.well else "stylizing does not work",
        ]


def examine(model: str = "default", runtime: str = "auto") -> Examination:
    """Look at this installation and render a small picture under every runtime.

    Args:
        model: name of a shipped model, or a model folder.
        runtime: see `Stylizer`; "auto" does not measure again what it measured in an earlier run.

    Raises:
        ModelError: unknown, incomplete or damaged model.
        OptionError, MissingExtraError: the runtime asked for cannot be had.
    """
    from pasticcio.model.folder import list_models
    from pasticcio.model.machine import available, cores, cpu_name, precisions
    from pasticcio.model.names import ONNXRUNTIME
    from pasticcio.render.stylizer import Stylizer

    stylizer = Stylizer(model, runtime=runtime)
    found = stylizer.model
    errors: list[str] = []
    chosen, why, measured = "", "", {}
    try:
        choice = stylizer.choice
        chosen, why, measured = choice.runtime, choice.why, choice.milliseconds
    except PasticcioError as error:
        errors.append(str(error))
    runtimes = _render_all(found, measured)
    errors += [one.error for one in runtimes if one.error and one.name in (ONNXRUNTIME, chosen)]
    return Examination(
        version=__version__,
        python=platform.python_version(),
        platform=" ".join(
            filter(None, [platform.system(), platform.release(), platform.machine(), *platform.libc_ver()])
        ),
        cpu=cpu_name(),
        cores=cores(),
        precisions=precisions(),
        memory=available(),
        model={"name": found.name, "fingerprint": found.fingerprint, "folder": str(found.folder)},
        models={shipped.name: shipped.fingerprint for shipped in list_models()},
        runtimes=runtimes,
        runtime=chosen,
        why=why,
        cache=str(cache_folder()) if caching() else "",
        extras={extra: importlib.util.find_spec(package) is not None for extra, package in EXTRAS.items()},
        errors=tuple(dict.fromkeys(errors)),
    )


def _render_all(model: Model, measured: dict[str, float]) -> tuple[Runtime, ...]:
    """The same small picture under every runtime, compared with that of the first."""
    import numpy as np

    from pasticcio.model.names import INT8, ONNXRUNTIME, OPENVINO, OPENVINO_BF16
    from pasticcio.model.package import is_installed, version

    first: Array | None = None
    runtimes = []
    for name in (ONNXRUNTIME, OPENVINO, OPENVINO_BF16, *(INT8 if model.pixels_int8 else ())):
        if not is_installed(name):
            runtimes.append(Runtime(name, "", None, "", None))
            continue
        difference, error = None, ""
        try:
            picture = _render(model, name)
            first = picture if first is None else first
            difference = float(np.abs(picture - first).max())
            if not difference <= TOLERANCE[name]:
                error = f"{name} differs from onnxruntime by {difference:.2g}; the limit is {TOLERANCE[name]:g}"
        except PasticcioError as problem:
            error = str(problem)
        runtimes.append(Runtime(name, version(name.split("-")[0]), difference, error, measured.get(name)))
    return tuple(runtimes)


def _render(model: Model, runtime: str) -> Array:
    """A picture of waves, rendered from floats and from bytes; its style is itself transposed, or a table's first."""
    import numpy as np

    from pasticcio.image.picture import as_depth, as_float
    from pasticcio.model.names import INT8
    from pasticcio.render.stylizer import Stylizer

    stylizer = Stylizer(model, runtime=runtime)
    down, across = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32) / SIDE
    photo = as_depth(np.stack([np.sin(9 * down) ** 2, np.cos(7 * across) ** 2, down * across], axis=2), np.uint8)
    style = next(iter(model.styles)) if model.table else np.ascontiguousarray(photo.transpose(1, 0, 2))
    picture, in_bytes = (as_float(stylizer.stylize(kind, style)) for kind in (as_float(photo), photo))
    if not np.isfinite(picture).all():
        raise PasticcioError(f"the picture that {runtime} renders holds numbers that are not finite")
    if runtime in INT8:  # floats are rendered in float32
        return in_bytes
    if not np.abs(in_bytes - picture).max() <= 1 / 255 + TOLERANCE[runtime]:
        raise PasticcioError(f"{runtime} renders bytes and floats differently; install the model anew")
    return picture


def _line(runtime: Runtime) -> str:
    if not runtime.version and runtime.difference is None and not runtime.error:
        return f"runtime   {runtime.name}: not installed: pip install 'pasticcio[openvino]'"
    parts = [f"runtime   {runtime.name} {runtime.version}"]
    if runtime.milliseconds is not None:
        parts.append(f"{runtime.milliseconds:.1f} ms at 256 x 256")
    if runtime.error:
        parts.append(runtime.error)
    elif runtime.difference is not None and runtime.name != "onnxruntime":
        parts.append(f"differs from onnxruntime by {runtime.difference:.1g} at most")
    return ", ".join(parts)


def as_json(found: Examination) -> dict[str, Any]:
    """The examination in types that JSON has."""
    return {**asdict(found), "well": found.well, "prefix": str(Path(sys.prefix))}
