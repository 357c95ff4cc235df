"""Models from the Hugging Face Hub: fetched once by name, and then used without a network; and published there.

A model that was fetched lies in the cache folder, under its owner, its name and the commit that it was fetched at. What
a name means is decided when it is fetched, and not again until `pull` is called again.
"""

from __future__ import annotations

import errno
import importlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pasticcio.errors import DownloadError, ModelError, OutputError
from pasticcio.extras import extra
from pasticcio.files import working_folder, write_whole
from pasticcio.model.checks import HASHES, hashes
from pasticcio.model.fetched import COMMIT, MAIN, NAME, note, place
from pasticcio.model.folder import FILES, Model

LOG_IN = "log in with 'hf auth login'"
FULL = {errno.ENOSPC, errno.EROFS, getattr(errno, "EDQUOT", errno.ENOSPC)}  # of a disk, not of a connection


def pull(name: str, *, token: str | None = None) -> Path:
    """Fetch a model from the hub, or its newest version; afterwards `Model.open(name)` opens it without a network.

    Args:
        name: OWNER/MODEL, or OWNER/MODEL@REVISION, where the revision is a branch, a tag or a commit.
        token: for models that are not public; by default the one that huggingface_hub finds.

    Returns:
        The model's folder.

    Raises:
        ModelError: no such name; what is there is no complete model, or its files are not those of its configuration.
        DownloadError: no connection, no such model or revision, or no access.
        OutputError: the cache folder cannot be written.
        MissingExtraError: huggingface_hub is not installed.
    """
    found = NAME.fullmatch(name)
    if found is None:
        raise ModelError(f"{name!r} is no name of a model on the hub; give OWNER/MODEL or OWNER/MODEL@REVISION")
    repository, home, revision = f"{found['owner']}/{found['model']}", place(found), found["revision"] or MAIN
    with _hub("fetching a model") as hub:
        api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token)
        with _asking(hub, f"cannot fetch {name}"):
            commit = api.model_info(repository, revision=revision).sha
        if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
            raise DownloadError(f"cannot fetch {name}: the hub names no commit for it")
        try:
            home.mkdir(parents=True, exist_ok=True)
            if not os.path.isdir(home / commit):
                with working_folder(home) as fetched:
                    with _asking(hub, f"cannot fetch {name}"):
                        api.snapshot_download(
                            repository, revision=commit, allow_patterns=list(FILES), local_dir=fetched
                        )
                    shutil.rmtree(fetched / ".cache", ignore_errors=True)  # the hub's own notes
                    _check(fetched, name)
                    _move(fetched, home / commit)
            write_whole(note(home, revision), commit.encode("ascii"))
        except OSError as error:
            raise OutputError(f"cannot write {home}: {error.strerror or error}") from error
    return home / commit


def push(folder: str | os.PathLike[str], name: str, *, private: bool = False, token: str | None = None) -> str:
    """Publish a model folder on the hub, where the name is made if it is new.

    Args:
        folder: of a complete model; only its own files are sent.
        name: OWNER/MODEL.
        private: hide a model that is new.
        token: with the right to write; by default the one that huggingface_hub finds.

    Returns:
        The commit, which pins this version: OWNER/MODEL@COMMIT.

    Raises:
        ModelError: no such name, no complete model, or files that are not those of its configuration.
        DownloadError: no connection, or no access.
        MissingExtraError: huggingface_hub is not installed.
    """
    found = NAME.fullmatch(name)
    if found is None or found["revision"]:
        raise ModelError(f"{name!r} is no name for a model on the hub; give OWNER/MODEL")
    _check(Path(folder), os.fspath(folder))
    with _hub("publishing a model") as hub, _asking(hub, f"cannot publish {name}"):
        api = hub.HfApi(endpoint=os.environ.get("HF_ENDPOINT"), token=token)
        api.create_repo(name, private=private, exist_ok=True)
        done = api.upload_folder(repo_id=name, folder_path=os.fspath(folder), allow_patterns=list(FILES))
    return str(done.oid)


def _check(folder: Path, name: str) -> None:
    """Make sure that a folder is a complete model whose files have the hashes of its configuration."""
    table = Model.open(folder).config.get(HASHES)
    if not table:
        raise ModelError(f"{name} has no table of hashes in its config.json; export it with a newer version")
    if table != (there := hashes(folder)):
        wrong = sorted(file for file in {*table, *there} if table.get(file) != there.get(file))
        raise ModelError(f"{name} is damaged: {', '.join(wrong)} differs from the sha256 in its config.json")


def _move(fetched: Path, target: Path) -> None:
    """Give a fetched folder its name; another process may have been faster."""
    try:
        os.rename(fetched, target)
    except OSError:
        if not os.path.isdir(target):
            raise


@contextmanager
def _hub(what: str) -> Iterator[Any]:
    """huggingface_hub, without its progress bars and its usage statistics."""
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    with extra("hub", what):
        import huggingface_hub
        import huggingface_hub.errors

        bars: Any = importlib.import_module("huggingface_hub.utils")  # which does not declare what it exports
    quiet = bars.are_progress_bars_disabled()
    bars.disable_progress_bars()
    try:
        yield huggingface_hub
    finally:
        if not quiet:
            bars.enable_progress_bars()


@contextmanager
def _asking(hub: Any, what: str) -> Iterator[None]:
    """Errors of the hub and of the connection as one line."""
    try:
        yield
    except hub.errors.RevisionNotFoundError as error:
        raise DownloadError(f"{what}: it has no such revision") from error
    except hub.errors.GatedRepoError as error:
        raise DownloadError(f"{what}: its owner grants access; ask on its page, and {LOG_IN}") from error
    except hub.errors.RepositoryNotFoundError as error:
        raise DownloadError(f"{what}: no such model, or none that you may see; {LOG_IN}") from error
    except hub.errors.HfHubHTTPError as error:
        code = getattr(getattr(error, "response", None), "status_code", None)
        raise DownloadError(f"{what}: the hub answered {code}; try again later, or {LOG_IN}") from error
    except Exception as error:
        if isinstance(error, OSError) and error.errno in FULL:
            raise OutputError(f"{what}: {error.strerror}; make room, or set XDG_CACHE_HOME") from error
        if isinstance(error, (OSError, hub.errors.LocalEntryNotFoundError)) or "http" in type(error).__module__:
            said = str(error).strip().partition("\n")[0]
            raise DownloadError(f"{what}: {said or type(error).__name__}; check the connection") from error
        raise
