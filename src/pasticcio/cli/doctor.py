"""What is installed, which runtime will be used and why, and whether stylizing works: `pasticcio doctor`."""

from __future__ import annotations

import importlib.util
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pasticcio import __version__
from pasticcio.cache import cache_folder, caching
from pasticcio.errors import PasticcioError
from pasticcio.image.picture import Array, as_depth, as_float
from pasticcio.model.auto import cores, cpu_name, version
from pasticcio.model.folder import Model, list_models
from pasticcio.model.machine import available
from pasticcio.model.sessions import AUTO, INT8, ONNXRUNTIME, OPENVINO, OPENVINO_BF16, is_installed, precisions
from pasticcio.render.stylizer import Stylizer

SIDE = 96  # of the picture that is rendered
# largest difference from onnxruntime, on [0, 1]
TOLERANCE = {ONNXRUNTIME: 1e-3, OPENVINO: 1e-3, OPENVINO_BF16: 0.1, **dict.fromkeys(INT8, 0.3)}
EXTRAS = {  # extra, and a package that it brings
    "openvino": "openvino",
    "train": "torch",
    "demo": "skimage",
    "analysis": "sklearn",
    "bench": "ai_edge_litert",
}


@dataclass(frozen=True)
class Runtime:
    """A runtime and what came of it.

    Attributes:
        name: of the runtime.
        version: of its package; empty where it is not installed.
        difference: largest difference of a small picture from the same under onnxruntime, on [0, 1]; None where
            it could not be rendered.
        error: why it could not, or why its picture is wrong; empty where all is well.
        milliseconds: for a picture of 256 x 256, where "auto" has measured it.
    """

    name: str
    version: str
    difference: float | None
    error: str
    milliseconds: float | None


@dataclass(frozen=True)
class Report:
    """What `examine` found.

    Attributes:
        version, python, platform: of Pasticcio, Python and the machine.
        cpu, cores: its name, and the cores this process may use.
        precisions: what it computes in, as OpenVINO says; empty without OpenVINO.
        memory: bytes that can be taken now.
        model: that was examined: name, fingerprint and folder.
        models: name and fingerprint of those in the package.
        runtimes: all that there are.
        runtime: the one that will be used for many pictures, and why.
        why: the reason.
        cache: folder; empty where nothing is kept.
        extras: name of every extra, and whether it is installed.
        errors: why stylizing does not work; empty where it does.
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
        """For people."""
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


def examine(model: str = "default", runtime: str = AUTO) -> Report:
    """Look at this installation and render a small picture under every runtime.

    Args:
        model: name of a shipped model, or a model folder.
        runtime: see `Stylizer`; what was measured for "auto" in an earlier run is not measured again.

    Raises:
        ModelError: unknown, incomplete or damaged model.
        OptionError, MissingExtraError: the runtime asked for cannot be had.
    """
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
    return Report(
        __version__,
        platform.python_version(),
        platform.platform(),
        cpu_name(),
        cores(),
        precisions(),
        available(),
        {"name": found.name, "fingerprint": found.fingerprint, "folder": str(found.folder)},
        {shipped.name: shipped.fingerprint for shipped in list_models()},
        runtimes,
        chosen,
        why,
        str(cache_folder()) if caching() else "",
        {extra: importlib.util.find_spec(package) is not None for extra, package in EXTRAS.items()},
        tuple(dict.fromkeys(errors)),
    )


def _render_all(model: Model, measured: dict[str, float]) -> tuple[Runtime, ...]:
    """The same small picture under every runtime, beside that of the first."""
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
    """A picture of waves in the manner of itself turned round, or of a table's first style; as floats and as bytes."""
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
    elif runtime.difference is not None and runtime.name != ONNXRUNTIME:
        parts.append(f"differs from onnxruntime by {runtime.difference:.1g} at most")
    return ", ".join(parts)


def as_json(report: Report) -> dict[str, Any]:
    """The report as what JSON holds."""
    from dataclasses import asdict

    return {**asdict(report), "well": report.well, "prefix": str(Path(sys.prefix))}
