import hashlib

import pytest

from pages import served
from pasticcio.errors import DownloadError
from pasticcio.page import runtime


def test_a_folder_without_the_files_is_refused(tmp_path):
    with pytest.raises(DownloadError, match=r"has no ort\.wasm\.min\.mjs .*npm install onnxruntime-web@1"):
        runtime.runtime_files(tmp_path)


def test_files_of_another_version_are_refused(tmp_path):
    for name in runtime.FILES:
        (tmp_path / name).write_bytes(b"another")
    with pytest.raises(DownloadError, match=r"ort\.wasm\.min\.mjs is not that of onnxruntime-web"):
        runtime.runtime_files(tmp_path)


def test_a_package_with_another_hash_is_discarded(tmp_path, monkeypatch):
    (tmp_path / "package.tgz").write_bytes(b"x" * 1000)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with served(tmp_path) as address:
        monkeypatch.setattr(runtime, "URL", f"{address}package.tgz")
        with pytest.raises(DownloadError, match="its sha512 is not the expected one"):
            runtime.runtime_files()
    assert not (tmp_path / "cache").exists()
    with pytest.raises(DownloadError, match=r"cannot download .*--runtime-folder"):  # nobody serves it any more
        runtime.runtime_files()


@pytest.mark.network("registry.npmjs.org")
def test_the_package_of_the_registry_is_the_one_that_is_pinned(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    files = runtime.runtime_files()
    assert {hashlib.sha256(files[name]).hexdigest() for name in runtime.FILES} == set(runtime.FILES.values())
    assert b"MIT License" in files["LICENSE.txt"]
    monkeypatch.setattr(runtime, "URL", "http://127.0.0.1:9/")  # a second page downloads nothing
    assert runtime.runtime_files().keys() == files.keys()
