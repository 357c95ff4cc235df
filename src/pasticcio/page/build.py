"""The page as static files, which run in a browser alone: any web server can offer them."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np

from pasticcio import __version__
from pasticcio.errors import OutputError, StyleError
from pasticcio.files import make_folder, working_folder
from pasticcio.model.folder import Model
from pasticcio.page.files import places, site, thumbnail
from pasticcio.page.graphs import external, page_graphs
from pasticcio.page.runtime import VERSION, runtime_files
from pasticcio.progress import Report
from pasticcio.render.options import Options
from pasticcio.render.schema import schema
from pasticcio.style.gaussian import StyleGaussian

MANIFEST = "page.json"
BACK_END = "backend.js"  # chooses what renders
SERVICE, UNBUILT = "service.js", '"unbuilt"'  # the service worker, and the text in it that becomes the build's hash


def build_page(
    out: str | os.PathLike[str],
    model: Model,
    precision: int = 16,
    runtime_folder: str | os.PathLike[str] | None = None,
    report: Report | None = None,
) -> dict[str, int]:
    """Write the static page, whole or not at all.

    Args:
        out: a new folder, or an empty one.
        model: which the page runs.
        precision: bits of its weights, see `page_graphs`.
        runtime_folder, report: see `runtime_files`.

    Returns:
        The bytes of each file, by its path in the folder.

    Raises:
        OutputError: the folder has files already, or cannot be written.
        ModelError, OptionError, MissingExtraError: see `page_graphs`.
        DownloadError: see `runtime_files`.
    """
    target = Path(os.path.abspath(out))
    _check_new(target)
    graphs = page_graphs(model, precision)
    files = {path.name: path.read_bytes() for path in sorted(site().iterdir())}
    files[BACK_END] = b'export * from "./browser.js";\n'
    files |= {f"model/{name}": data for name, data in graphs.items()}
    files |= {f"ort/{name}": data for name, data in runtime_files(runtime_folder, report).items()}
    pictures = {name: path for name in model.styles if (path := thumbnail(name))}
    files |= {f"styles/{name}.jpg": path.read_bytes() for name, path in pictures.items()}
    about = _about(model, graphs, precision, pictures)
    build = hashlib.sha256(json.dumps(about).encode())
    for name in sorted(files):
        build.update(name.encode() + files[name])
    about["build"] = build.hexdigest()[:12]
    about["files"] = ["./", MANIFEST, *sorted(name for name in files if not _on_demand(name))]
    files[MANIFEST] = json.dumps(about, separators=(",", ":")).encode()
    files[SERVICE] = files[SERVICE].replace(UNBUILT.encode(), json.dumps(about["build"]).encode(), 1)
    _write(files, target)
    return {name: len(data) for name, data in sorted(files.items())}


def style_table(model: Model) -> dict[str, Any]:
    """The named styles of a model as the page takes them: names, works, embeddings and places on the map.

    Also the Gaussian from which the page draws random styles, as the base64 of float32; None where the model has none.
    """
    known = places()
    styles = [
        {
            "name": name,
            "title": style.title,
            "artist": style.artist,
            "year": style.year,
            "place": known.get(name),
            "embedding": [float(f"{number:.7g}") for number in style.embedding],
        }
        for name, style in model.styles.items()
    ]
    return {"model": model.fingerprint, "styles": styles, "gaussian": _gaussian(model)}


def _gaussian(model: Model) -> dict[str, str] | None:
    try:
        gaussian = StyleGaussian.open(model.name, model.fingerprint)
    except StyleError:
        return None
    return {
        "mean": base64.b64encode(np.ascontiguousarray(gaussian.mean, "<f4").tobytes()).decode(),
        "factor": base64.b64encode(np.ascontiguousarray(gaussian.factor, "<f4").tobytes()).decode(),
    }


def _about(model: Model, graphs: dict[str, bytes], precision: int, pictures: dict[str, Path]) -> dict[str, Any]:
    regions = model.settings.regions
    assert regions is not None  # `page_graphs` makes sure
    table = style_table(model)
    for style in table["styles"]:
        style["thumbnail"] = f"styles/{style['name']}.jpg" if style["name"] in pictures else None
    return {
        "pasticcio": __version__,
        "onnxruntime": VERSION,
        "name": model.name,
        "precision": precision,
        "embedding": model.embedding,
        "style_side": model.style_side,
        "graphs": sorted(name.removesuffix(".onnx") for name in graphs if name.endswith(".onnx")),
        "weights": external(graphs),
        "regions": {
            "multiple": regions.multiple,
            "margin": regions.margin,
            "scales": list(regions.scales),
            "channels": sum(regions.layers),
        },
        "options": schema(Options, leave_out=["mask"]),
        **table,
    }


def _on_demand(name: str) -> bool:
    """Whether a file is kept for use without a network only once it was loaded: no browser needs all of these."""
    return name.startswith(("ort/", "model/pixels-int8")) or name == SERVICE


def _check_new(target: Path) -> None:
    try:
        there = os.listdir(target)
    except FileNotFoundError:
        return
    except NotADirectoryError as error:
        raise OutputError(f"cannot write {target}: it, or what is above it, is a file; name a new folder") from error
    except OSError as error:
        raise OutputError(f"cannot write {target}: {error.strerror or error}; name another folder") from error
    if there:
        raise OutputError(f"{target} has files already, and a page is written whole; name a new folder, or remove it")


def _write(files: dict[str, bytes], target: Path) -> None:
    make_folder(target.parent)
    with working_folder(target.parent) as made:
        page = made / "page"
        for name, data in files.items():
            path = page / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if target.is_dir():
            target.rmdir()
        os.replace(page, target)
