"""Public weights of image-recognition networks: where they are, how they are fetched and read.

torchvision's files are named by the user's choice of network and downloaded once into the cache
(`$XDG_CACHE_HOME/pasticcio`, by default `~/.cache/pasticcio`).
"""

from __future__ import annotations

import hashlib
import http.client
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from pasticcio.cache import cache_folder
from pasticcio.errors import ConfigError, DownloadError, ModelError
from pasticcio.files import alone

if TYPE_CHECKING:
    from torch import Tensor

    from pasticcio.nn.vgg import Vgg

CHUNK = 1 << 20
TIMEOUT = 30.0

Download = Callable[[int, int], None]


@dataclass(frozen=True)
class PublicFile:
    """A file on the web and the first digits of its sha256."""

    url: str
    sha256: str

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[1]


TORCHVISION = {
    "vgg16": PublicFile("https://download.pytorch.org/models/vgg16-397923af.pth", "397923af"),
    "vgg19": PublicFile("https://download.pytorch.org/models/vgg19-dcbb9e9d.pth", "dcbb9e9d"),
    "inception_v3": PublicFile("https://download.pytorch.org/models/inception_v3_google-0cc3c7bd.pth", "0cc3c7bd"),
}


def fetch(file: PublicFile, folder: Path | None = None, progress: Download | None = None) -> Path:
    """The local copy of `file`, downloaded if it is not there; a broken download is resumed.

    The sha256 of a copy that is there is compared too, as far as the publisher names it: 8 of its digits.

    Args:
        file: what to fetch.
        folder: where to keep it; by default the cache.
        progress: called with bytes so far and bytes in all (0 where unknown).

    Raises:
        DownloadError: offline, refused, or the checksum differs; a copy that was there is left as it is.
    """
    folder = folder or cache_folder()
    path = folder / file.name
    part = path.with_name(path.name + ".part")
    try:
        if os.path.exists(path) and not (digest := sha256(path)).startswith(file.sha256):
            raise DownloadError(
                f"{path} is damaged, or another file: its sha256 begins {digest[:8]}, not {file.sha256}; remove "
                "it, and it is downloaded anew"
            )
        while not os.path.exists(path):
            folder.mkdir(parents=True, exist_ok=True)
            with alone(part) as there:  # another process that downloads the file is waited for
                if there:
                    _download(file.url, part, progress)
                    _check_digest(file, part)
                    part.replace(path)
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise DownloadError(
            f"cannot download {file.url}: {reason}; go online and try again, or save the file as {path}"
        ) from error
    return path


def _check_digest(file: PublicFile, part: Path) -> None:
    digest = sha256(part)
    if not digest.startswith(file.sha256):
        part.unlink()
        raise DownloadError(
            f"{file.url}: sha256 begins {digest[:8]}, not {file.sha256}; the download was discarded, try again"
        )


def _download(url: str, part: Path, progress: Download | None) -> None:
    done = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={done}-"} if done else {})
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and done:  # nothing left to send: the part is whole, or longer than the file
            return
        raise
    with response:
        resumed = response.status == 206
        done = done if resumed else 0
        total = done + int(response.headers.get("Content-Length") or 0)
        with part.open("ab" if resumed else "wb") as out:
            while chunk := response.read(CHUNK):
                out.write(chunk)
                done += len(chunk)
                if progress:
                    progress(done, total)
    if total and done < total:
        raise OSError(f"connection closed after {done} of {total} bytes")


def sha256(path: Path) -> str:
    """Hexadecimal sha256 of a file."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def read_state(path: Path) -> Mapping[str, Tensor]:
    """Tensors by name, from safetensors or from a torch file of tensors alone (nothing else is unpickled).

    Raises:
        ModelError: missing or unreadable file.
    """
    from pickle import UnpicklingError

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        state: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        return state
    # Every format has its own errors for damaged files.
    except (OSError, SafetensorError, UnpicklingError, RuntimeError, EOFError, KeyError, ValueError) as error:
        raise ModelError(f"cannot read weights {path}: {error}") from error


def guess_vgg(weights: str) -> str:
    """The name for `load_vgg` of the loss network whose weights a file holds; of no file, "vgg19".

    Raises:
        ModelError: missing or unreadable file, or the weights of something else.
    """
    if weights in ("", "random"):
        return "vgg19"
    path = Path(weights)
    if not os.path.isfile(path):
        raise ModelError(f"no such file: {path}; name the weights of a VGG, or none to download torchvision's")
    names = read_state(path).keys()
    marks = {"conv1_1.weight": "vgg19-normalised", "conv11.weight": "vgg19-small", "features.34.weight": "vgg19"}
    found = next((name for mark, name in marks.items() if mark in names), "vgg16")
    if found == "vgg16" and "features.28.weight" not in names:
        raise ModelError(f"{path} holds the weights of no VGG that is known here")
    return found


def load_vgg(
    name: str,
    layers: Sequence[str],
    weights: str = "",
    pooling: Literal["max", "average"] = "max",
    padding: Literal["zero", "reflect"] = "zero",
    progress: Download | None = None,
) -> Vgg:
    """A loss network with its weights.

    Args:
        name: "vgg16", "vgg19" (torchvision), "vgg19-normalised" or "vgg19-small".
        layers: activations it should return.
        weights: file of the weights; empty downloads torchvision's; "random" draws them, always the
            same, for runs that only have to run.
        pooling, padding: see `VggConfig`.
        progress: of the download.

    Raises:
        ConfigError: unknown name, unknown layer, or a network whose weights are not public.
        DownloadError, ModelError: the weights cannot be had or do not fit.
    """
    from pasticcio.nn.vgg import Vgg, VggConfig

    loaders = {
        "vgg16": (16, Vgg.load_torchvision),
        "vgg19": (19, Vgg.load_torchvision),
        "vgg19-normalised": (19, Vgg.load_normalised),
        "vgg19-small": (19, Vgg.load_small),
    }
    if name not in loaders:
        raise ConfigError(f"loss network {name!r} is unknown; known: {', '.join(loaders)}")
    if not weights and name not in TORCHVISION:
        raise ConfigError(f"loss network {name!r} needs its weights' file; vgg16 and vgg19 can be downloaded")
    depth, load = loaders[name]
    widths = {"widths": (16, 32, 64, 128, 128)} if name == "vgg19-small" else {}
    try:
        vgg = Vgg(VggConfig(depth=depth, pooling=pooling, padding=padding, **widths), layers)  # type: ignore[arg-type]
    except ValueError as error:
        raise ConfigError(str(error)) from error
    if weights == "random":
        vgg.randomize(seed=0)
        return vgg
    path = Path(weights) if weights else fetch(TORCHVISION[name], progress=progress)
    try:
        load(vgg, read_state(path))
    except (KeyError, RuntimeError) as error:
        raise ModelError(f"{path} does not hold the weights of {name}: {error}") from error
    return vgg
