"""onnxruntime-web, which runs the graphs in a browser: its files, from the npm registry or from a folder.

Version and hashes are pinned: what a page runs is what was tested with it.
"""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import os
import tarfile
import urllib.error
import urllib.request
from pathlib import Path

from pasticcio.cache import cache_folder
from pasticcio.errors import DownloadError, OutputError
from pasticcio.files import make_folder, write_whole
from pasticcio.model.package import import_package
from pasticcio.progress import Report

VERSION = "1.30.0"
URL = f"https://registry.npmjs.org/onnxruntime-web/-/onnxruntime-web-{VERSION}.tgz"
SHA512 = "q0y+JrrtukXSzsBWEMccVfqX25LRmosXHF+CaRJmg8pZClzcV7svNc4rKY3jL02Vb7QmRMDs1SigqR4CXAfKYQ=="  # of the package
WASM = {  # files, and their sha256
    "ort.wasm.min.mjs": "219e6a1fc8a9938268d18efca3c91d310bd2f4a59bbd13744df5b2b7fc6cee3b",
    "ort-wasm-simd-threaded.mjs": "e13f7f94fc51b4ca72b12faeb1ee95f4ace6dfbc8939bc718aabdc0a27c4299b",
    "ort-wasm-simd-threaded.wasm": "3398c10d07d229bd91b364548e130e0e51a8e5704b88c7c083ebbeb78842dee2",
}
WEBGPU = {  # another build of the same, which browsers with WebGPU load in its place
    "ort.webgpu.min.mjs": "3dffff71811bc13a3a3d9591c57ca5ee5735b8f5f3eaf789510b02bb040ae3a0",
    "ort-wasm-simd-threaded.asyncify.mjs": "3d1c85995364bb643302fc6fd877a0c3ba5ae72401815e0f24828a53d9191e28",
    "ort-wasm-simd-threaded.asyncify.wasm": "39f9f0894d478800487ed9f7dbe92618498db320cf55c8e3d89adff8dce658da",
}
FILES = {**WASM, **WEBGPU}
LICENSES = {"LICENSE": "LICENSE.txt", "ThirdPartyNotices.txt": "ThirdPartyNotices.txt"}
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 1 << 20


def kept_folder() -> Path:
    """The folder in the cache folder that keeps what was downloaded; it may not exist."""
    return cache_folder() / f"onnxruntime-web-{VERSION}"


def runtime_files(folder: str | os.PathLike[str] | None = None, report: Report | None = None) -> dict[str, bytes]:
    """The files of onnxruntime-web that a page needs, with their license, by name.

    Args:
        folder: that has them, such as `node_modules/onnxruntime-web/dist`; by default they are downloaded once.
        report: called with the bytes downloaded so far, and in all.

    Raises:
        DownloadError: they cannot be had, or are not those of the pinned version.
    """
    if folder is not None:
        return {**_read(Path(folder)), **_licenses()}
    try:
        return {**_read(kept_folder()), **_licenses()}
    except DownloadError:
        files = _unpacked(_downloaded(report))
    try:
        make_folder(kept_folder())
        for name, data in files.items():
            write_whole(kept_folder() / name, data)
    except OutputError:
        pass  # the next page downloads them again
    return {**files, **_licenses()}


def _read(folder: Path) -> dict[str, bytes]:
    files = {}
    for name, wanted in FILES.items():
        try:
            files[name] = (folder / name).read_bytes()
        except OSError as error:
            raise DownloadError(
                f"{folder} has no {name} ({error.strerror or error}): it must be the folder dist of onnxruntime-web "
                f"{VERSION}, from 'npm install onnxruntime-web@{VERSION}'"
            ) from error
        if hashlib.sha256(files[name]).hexdigest() != wanted:
            raise DownloadError(f"{folder / name} is not that of onnxruntime-web {VERSION}; install this version")
    return files


def _downloaded(report: Report | None) -> bytes:
    """The package, whose hash is compared before anything is read from it."""
    parts, done = [], 0
    try:
        with urllib.request.urlopen(URL, timeout=TIMEOUT) as response:
            total = int(response.headers.get("Content-Length") or 0)
            while chunk := response.read(CHUNK):
                parts.append(chunk)
                done += len(chunk)
                if report:
                    report(done, max(total, done))
    except (urllib.error.URLError, http.client.HTTPException, OSError) as error:
        reason = getattr(error, "reason", None) or error
        raise DownloadError(
            f"cannot download {URL}: {reason}; go online and try again, or name the folder dist of onnxruntime-web "
            f"{VERSION} with --runtime-folder"
        ) from error
    data = b"".join(parts)
    if hashlib.sha512(data).digest() != base64.b64decode(SHA512):
        raise DownloadError(f"{URL}: its sha512 is not the expected one; the download was discarded, try again")
    return data


def _unpacked(package: bytes) -> dict[str, bytes]:
    files = {}
    with tarfile.open(fileobj=io.BytesIO(package), mode="r:gz") as archive:
        for name in FILES:
            member = archive.extractfile(f"package/dist/{name}")
            assert member is not None  # the hash of the package says so
            files[name] = member.read()
    return files


def _licenses() -> dict[str, bytes]:
    """The license and the notices of onnxruntime: the Python package, of the same sources, has them, npm's has not."""
    folder = Path(import_package("onnxruntime").__file__).parent
    return {new: (folder / old).read_bytes() for old, new in LICENSES.items() if (folder / old).is_file()}
