import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
import urllib.request

import pytest
import torch
from safetensors.torch import save_file

from pasticcio.cache import cache_folder
from pasticcio.errors import ConfigError, DownloadError, ModelError
from pasticcio.training.pretrained import TORCHVISION, PublicFile, fetch, guess_vgg, load_vgg, read_state

CONTENT = bytes(range(256)) * 40_000


class Server(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT, with ranges; at first breaks off half way where asked to."""

    breaks = 0
    ranges: list = []  # noqa: RUF012

    def do_GET(self):
        wanted = self.headers.get("Range")
        type(self).ranges.append(wanted)
        start = int(re.fullmatch(r"bytes=(\d+)-", wanted)[1]) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        if type(self).breaks:
            type(self).breaks -= 1
            self.wfile.write(CONTENT[start : start + 5_000_000])
            return
        self.wfile.write(CONTENT[start:])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    Server.breaks, Server.ranges = 0, []
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    digest = hashlib.sha256(CONTENT).hexdigest()[:8]
    yield PublicFile(f"http://127.0.0.1:{running.server_port}/weights-{digest}.pth", digest)
    running.shutdown()
    running.server_close()
    thread.join()


def test_a_download_is_kept(server, tmp_path):
    seen = []
    path = fetch(server, tmp_path, lambda done, total: seen.append((done, total)))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    fetch(server, tmp_path)
    assert len(Server.ranges) == 1


def test_a_broken_download_is_resumed(server, tmp_path):
    Server.breaks = 1
    with pytest.raises(DownloadError, match=r"connection closed|IncompleteRead"):
        fetch(server, tmp_path)
    assert not (tmp_path / server.name).exists()
    assert fetch(server, tmp_path).read_bytes() == CONTENT
    assert Server.ranges[0] is None
    assert int(re.search(r"\d+", Server.ranges[1])[0]) > 0


def test_wrong_checksum_is_discarded(server, tmp_path):
    with pytest.raises(DownloadError, match="not 00000000"):
        fetch(PublicFile(server.url, "00000000"), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_offline_says_where_to_put_the_file(tmp_path):
    file = PublicFile("http://127.0.0.1:9/weights.pth", "00000000")
    with pytest.raises(DownloadError, match=f"save the file as {tmp_path / 'weights.pth'}"):
        fetch(file, tmp_path)


def test_cache_follows_xdg(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "pasticcio"


def test_published_files_carry_their_checksum_in_their_name():
    for file in TORCHVISION.values():
        assert file.sha256 in file.name


@pytest.mark.network("download.pytorch.org")
@pytest.mark.parametrize("file", TORCHVISION.values(), ids=TORCHVISION.keys())
def test_published_files_are_still_there(file):
    with urllib.request.urlopen(urllib.request.Request(file.url, method="HEAD"), timeout=30) as answer:
        assert answer.status == 200


def test_torch_files_are_read_without_unpickling_more_than_tensors(tmp_path):
    torch.save({"a": torch.ones(2)}, tmp_path / "good.pth")
    assert read_state(tmp_path / "good.pth")["a"].tolist() == [1, 1]
    torch.save({"a": print}, tmp_path / "bad.pth")
    for name in ("bad.pth", "none.pth", "none.safetensors"):
        with pytest.raises(ModelError, match=name):
            read_state(tmp_path / name)


def test_torchvision_file_makes_a_loss_network(tmp_path):
    state = {"features.0.weight": torch.rand(64, 3, 3, 3), "features.0.bias": torch.rand(64)}
    torch.save(state, tmp_path / "vgg.pth")
    vgg = load_vgg("vgg16", ["relu1_1"], str(tmp_path / "vgg.pth"))
    assert torch.equal(vgg.convs["relu1_1"].weight, state["features.0.weight"])
    with pytest.raises(ModelError, match="does not hold the weights of vgg16"):
        load_vgg("vgg16", ["relu1_2"], str(tmp_path / "vgg.pth"))


def test_unknown_networks_are_explained():
    with pytest.raises(ConfigError, match="vgg17"):
        load_vgg("vgg17", ["relu1_1"])
    with pytest.raises(ConfigError, match="relu9_9"):
        load_vgg("vgg16", ["relu9_9"], "random")
    with pytest.raises(ConfigError, match="needs its weights"):
        load_vgg("vgg19-normalised", ["relu1_1"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("conv1_1.weight", "vgg19-normalised"),
        ("conv11.weight", "vgg19-small"),
        ("features.34.weight", "vgg19"),
        ("features.28.weight", "vgg16"),
    ],
)
def test_a_file_of_weights_says_which_network_it_is(name, kind, tmp_path):
    path = tmp_path / "weights.safetensors"
    save_file({name: torch.zeros(1)}, path)
    assert guess_vgg(str(path)) == kind


def test_weights_of_something_else_are_refused(tmp_path):
    assert guess_vgg("") == guess_vgg("random") == "vgg19"
    with pytest.raises(ModelError, match="no such file"):
        guess_vgg(str(tmp_path / "none.pth"))
    save_file({"fc.weight": torch.zeros(1)}, tmp_path / "other.safetensors")
    with pytest.raises(ModelError, match="of no VGG"):
        guess_vgg(str(tmp_path / "other.safetensors"))


def test_two_processes_with_one_cache_download_once(server, tmp_path):
    script = (
        "import sys; from pathlib import Path; from pasticcio.training.pretrained import PublicFile, fetch;"
        "print(fetch(PublicFile(*sys.argv[1:3]), Path(sys.argv[3])))"
    )
    command = [sys.executable, "-c", script, server.url, server.sha256, str(tmp_path)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    assert {process.communicate()[0].strip() for process in processes} == {str(tmp_path / server.name)}
    assert (tmp_path / server.name).read_bytes() == CONTENT
    assert len(Server.ranges) == 1
    assert os.listdir(tmp_path) == [server.name]


def test_a_damaged_copy_is_named_and_left(server, tmp_path):
    path = tmp_path / server.name
    path.write_bytes(b"cut off")
    with pytest.raises(DownloadError, match=r"is damaged, or another file: .* remove it, and it is downloaded anew"):
        fetch(server, tmp_path)
    assert path.read_bytes() == b"cut off"
    path.unlink()
    assert fetch(server, tmp_path).read_bytes() == CONTENT


def test_a_part_of_other_bytes_never_becomes_the_file(server, tmp_path):
    (tmp_path / f"{server.name}.part").write_bytes(b"of another file")
    with pytest.raises(DownloadError, match="the download was discarded, try again"):
        fetch(server, tmp_path)
    assert fetch(server, tmp_path).read_bytes() == CONTENT
