"""The command page: the static page."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pasticcio.cli.arguments import ModelOption


def page(
    out: Annotated[Path, typer.Argument(help="The folder to write: a new one, or an empty one.")],
    model: ModelOption = "fast",
    precision: Annotated[
        int, typer.Option(help="Bits of the weights: 16, half of the bytes, or 32. Arithmetic has 32 in both.")
    ] = 16,
    runtime_folder: Annotated[
        Path | None,
        typer.Option(
            "--runtime-folder",
            help="Where the files of onnxruntime-web are, such as node_modules/onnxruntime-web/dist; by default they "
            "are downloaded from the npm registry, once.",
        ),
    ] = None,
) -> None:
    """Write the page as static files, which stylize in a browser without a server of ours."""
    from pasticcio.cli.progress import Bars
    from pasticcio.model.folder import Model
    from pasticcio.page.build import build_page

    with Bars() as bars:
        files = build_page(out, Model.open(model), precision, runtime_folder, bars.download)
    models = sum(size for name, size in files.items() if name.startswith("model/"))
    typer.echo(f"{out}  {len(files)} files, {sum(files.values()) / 1e6:.1f} MB, of which the graphs {models / 1e6:.1f}")
