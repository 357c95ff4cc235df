"""The commands that fetch a model from the Hugging Face Hub and publish one there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def pull(
    name: Annotated[str, typer.Argument(help="OWNER/MODEL, or OWNER/MODEL@REVISION: a branch, a tag or a commit.")],
) -> None:
    """Fetch a model from the Hugging Face Hub; afterwards --model OWNER/MODEL needs no network."""
    from pasticcio.model.folder import Model
    from pasticcio.model.hub import pull as fetch

    folder = fetch(name)
    model = Model.open(folder)
    typer.echo(f"{name}: model {model.name} {model.fingerprint}, commit {folder.name}, in {folder}")


def push(
    folder: Annotated[Path, typer.Argument(help="A model folder.")],
    name: Annotated[str, typer.Argument(help="OWNER/MODEL; made if it is new.")],
    private: Annotated[bool, typer.Option("--private", help="Hide a model that is new.")] = False,
) -> None:
    """Publish a model folder on the Hugging Face Hub; log in with 'hf auth login' first."""
    from pasticcio.model.hub import push as publish

    commit = publish(folder, name, private=private)
    typer.echo(f"{name}@{commit}")
