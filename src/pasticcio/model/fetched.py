"""Models fetched from the Hugging Face Hub, see `hub`: under owner, name and commit in the cache folder."""

from __future__ import annotations

import os
import re
from pathlib import Path

from pasticcio.cache import cache_folder

NAME = re.compile(r"(?P<owner>\w[\w.-]*)/(?P<model>\w[\w.-]*)(@(?P<revision>\w[\w./-]*))?")
MAIN = "main"  # the revision that a name without one means
COMMIT = re.compile(r"[0-9a-f]{40}")


def pulled(name: str) -> Path | None:
    """The folder of a model that `hub.pull` fetched; None where the name is none of the hub, or was not fetched.

    Args:
        name: OWNER/MODEL, or OWNER/MODEL@REVISION, as `pull` was given it, or with the commit.
    """
    found = NAME.fullmatch(name)
    if found is None:
        return None
    folder = place(found)
    revision = found["revision"] or MAIN
    try:
        commit = revision if COMMIT.fullmatch(revision) else note(folder, revision).read_text("ascii")
    except (OSError, ValueError):
        return None
    return folder / commit if COMMIT.fullmatch(commit) and os.path.isdir(folder / commit) else None


def place(found: re.Match[str]) -> Path:
    """The folder that has a folder for each commit of a model."""
    return cache_folder() / "hub" / found["owner"] / found["model"]


def note(folder: Path, revision: str) -> Path:
    """The file that has the commit of a revision; a branch may have slashes in its name."""
    return folder / f"{revision.replace('/', '%2F')}.commit"
