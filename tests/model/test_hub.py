"""Models of the hub, against a stand-in of it on this machine."""

from __future__ import annotations

import base64
import errno
import hashlib
import json
import re
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from pasticcio import DownloadError, Model, ModelError, OutputError, Stylizer
from pasticcio.cache import cache_folder
from pasticcio.cli.main import app
from pasticcio.model import hub
from pasticcio.model.fetched import pulled
from pasticcio.model.folder import SHIPPED

pytest.importorskip("huggingface_hub")


class StandIn:
    """What the hub answers to fetching and publishing; a model is a list of commits, each the files of a folder."""

    def __init__(self) -> None:
        self.commits: dict[str, list[tuple[str, dict[str, bytes]]]] = {}
        self.asked: list[str] = []
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                stand_in.asked.append(f"{self.command} {self.path}")
                code, headers, data = stand_in.answer(self.command, self.path.partition("?")[0], body)
                self.send_response(code)
                for key, value in {**headers, "Content-Length": str(len(data))}.items():
                    self.send_header(key, value)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data)

            do_GET = do_POST = do_HEAD = answer  # noqa: N815

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def add(self, name: str, files: dict[str, bytes]) -> str:
        """Another commit of a model."""
        before = self.commits.setdefault(name, [])
        commit = hashlib.sha1(f"{name}{len(before)}".encode()).hexdigest()
        before.append((commit, files))
        return commit

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body."""
        if path == "/api/validate-yaml":  # of a model card
            return self._json({"errors": [], "warnings": []})
        if path == "/api/repos/create":
            return self._json({"url": f"{self.url}/{json.loads(body).get('organization', 'me')}/new"})
        if found := re.fullmatch(r"/api/models/([\w-]+/[\w-]+)/(revision|tree|preupload|commit)/([\w.-]+)", path):
            name, kind, revision = found.groups()
            if kind == "preupload":
                files = json.loads(body)["files"]
                modes = [{"path": one["path"], "uploadMode": "regular", "shouldIgnore": False} for one in files]
                return self._json({"files": modes})
            if kind == "commit":
                lines = [json.loads(line) for line in body.splitlines()]
                files = {
                    line["value"]["path"]: base64.b64decode(line["value"]["content"])
                    for line in lines
                    if line["key"] == "file"
                }
                commit = self.add(name, files)
                return self._json(
                    {"commitUrl": f"{self.url}/{name}/commit/{commit}", "commitOid": commit, "success": True}
                )
            if (known := self._commit(name, revision)) is None:
                code = "RevisionNotFound" if name in self.commits else "RepoNotFound"
                return 404, {"X-Error-Code": code}, b"{}"
            commit, files = known
            if kind == "tree":
                rows = [
                    {"type": "file", "path": one, "size": len(data), "oid": "0" * 40} for one, data in files.items()
                ]
                return self._json(rows)
            return self._json({"id": name, "sha": commit, "siblings": [{"rfilename": one} for one in files]})
        if found := re.fullmatch(r"/([\w-]+/[\w-]+)/resolve/([\w.-]+)/(.+)", path):
            known = self._commit(found[1], found[2])
            if known is not None and found[3] in known[1]:
                data = known[1][found[3]]
                etag = hashlib.sha256(data).hexdigest()
                return 200, {"ETag": f'"{etag}"', "X-Repo-Commit": known[0]}, data
        return 404, {}, b"{}"

    def _commit(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        known = self.commits.get(name, [])
        if revision == "main":
            return known[-1] if known else None
        return next((one for one in known if one[0] == revision), None)

    @staticmethod
    def _json(value: object) -> tuple[int, dict[str, str], bytes]:
        return 200, {"Content-Type": "application/json"}, json.dumps(value).encode()


@pytest.fixture
def there(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[StandIn]:
    stand_in = StandIn()
    monkeypatch.setenv("HF_ENDPOINT", stand_in.url)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_TOKEN", "hf_none")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_HUB_DISABLE_XET", "1")
    yield stand_in
    stand_in.server.shutdown()
    stand_in.server.server_close()


def shipped() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (SHIPPED / "default").iterdir() if path.suffix != ".safetensors"}


def graphs_only() -> dict[str, bytes]:
    """The shipped model without its weights, whose hash leaves its table too."""
    files = shipped()
    config = json.loads(files["config.json"])
    config["sha256"] = {name: digest for name, digest in config["sha256"].items() if name in files}
    return {**files, "config.json": json.dumps(config).encode()}


def test_pull_opens_without_a_network_afterwards(there: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    commit = there.add("me/mine", {**graphs_only(), "evil.py": b"raise SystemExit"})
    with pytest.raises(ModelError, match="pasticcio pull me/mine"):
        Model.open("me/mine")
    folder = hub.pull("me/mine")
    assert folder.name == commit
    assert sorted(path.name for path in folder.iterdir()) == sorted(graphs_only())  # nothing else, and no links
    assert not any(path.is_symlink() for path in folder.iterdir())
    asked = len(there.asked)
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    for name in ("me/mine", "me/mine@main", f"me/mine@{commit}"):
        assert Model.open(name).fingerprint == Model.open().fingerprint
    assert Stylizer("me/mine").embed("dance").embedding.shape == (100,)
    assert len(there.asked) == asked
    with pytest.raises(DownloadError, match="cannot fetch me/mine"):
        hub.pull("me/mine")
    assert Model.open("me/mine").folder == folder


def test_a_pinned_revision_stays(there: StandIn) -> None:
    first = there.add("me/mine", graphs_only())
    hub.pull(f"me/mine@{first}")
    second = there.add("me/mine", {**graphs_only(), "README.md": b"newer"})
    assert hub.pull("me/mine").name == second
    assert Model.open(f"me/mine@{first}").folder.name == first
    assert Model.open("me/mine").folder.name == second


@pytest.mark.parametrize("spoil", ["changed", "missing", "no hashes"])
def test_a_damaged_model_is_refused_and_leaves_nothing(there: StandIn, spoil: str) -> None:
    files = graphs_only()
    if spoil == "changed":
        files["predict.onnx"] = files["predict.onnx"][:-1] + b"?"
    elif spoil == "missing":
        del files["pixels.onnx"]
    else:
        config = json.loads(files["config.json"])
        del config["sha256"]
        files["config.json"] = json.dumps(config).encode()
    there.add("me/mine", files)
    with pytest.raises(ModelError, match="damaged: p" if spoil != "no hashes" else "no table of hashes"):
        hub.pull("me/mine")
    assert pulled("me/mine") is None
    assert list(cache_folder().joinpath("hub/me/mine").iterdir()) == []


def test_a_full_disk_is_no_fault_of_the_connection(there: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    there.add("me/mine", graphs_only())
    monkeypatch.setattr(huggingface_hub.HfApi, "snapshot_download", full)
    with pytest.raises(OutputError, match="cannot fetch me/mine: No space left on device; make room"):
        hub.pull("me/mine")


def test_what_the_hub_does_not_have(there: StandIn) -> None:
    there.add("me/mine", graphs_only())
    with pytest.raises(DownloadError, match="no such revision"):
        hub.pull("me/mine@v9")
    with pytest.raises(DownloadError, match="no such model"):
        hub.pull("me/other")


@pytest.mark.parametrize("name", ["mine", "../../etc", "a/b/c", "me/..", "me/mine@../x", "/me", ""])
def test_names_that_are_none(name: str, there: StandIn) -> None:
    with pytest.raises(ModelError):
        hub.pull(name)
    assert there.asked == []
    assert pulled(name) is None


def test_push_and_pull_by_the_commands(there: StandIn, tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    shutil.copytree(SHIPPED / "default", folder)
    (folder / "notes.txt").write_text("private")
    done = CliRunner().invoke(app, ["push", str(folder), "me/new"])
    assert done.exit_code == 0, done.output
    ((commit, files),) = there.commits["me/new"]
    assert done.output.strip() == f"me/new@{commit}"
    assert files == {path.name: path.read_bytes() for path in (SHIPPED / "default").iterdir()}
    done = CliRunner().invoke(app, ["pull", "me/new"])
    assert done.exit_code == 0, done.output
    assert commit in done.output
    (folder / "transfer.onnx").write_bytes(b"")
    with pytest.raises(ModelError, match=r"damaged: transfer\.onnx"):
        hub.push(folder, "me/new")
    assert len(there.commits["me/new"]) == 1
