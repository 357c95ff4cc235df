"""A folder of photos on disks that are full, read-only, locked or failing, and machines without a home or /tmp."""

import os
import subprocess
import sys
import tempfile

import numpy as np
import pytest
from PIL import Image

from pasticcio import cache
from pasticcio.errors import OutputError
from pasticcio.files import PREFIX
from pasticcio.image.read import read_picture
from pasticcio.render.batch import plan, run
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer

COUNT = 6


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def disk(tmp_path):
    """A disk of 40 kB that can be made read-only."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=40k", "none", place], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount a disk")
    yield place
    subprocess.run(["umount", "-l", place], check=True)


def outcomes(photos, out, resume=False):
    return list(run(Stylizer(threads=1), plan(photos, [("dance", 1.0)], out), Options(), resume=resume))


def whole(out):
    """The outputs, every one of which can be read."""
    found = sorted(path.name for path in out.rglob("*.png"))
    assert not [name for name in found if name.startswith(PREFIX)]
    for path in out.rglob("*.png"):
        read_picture(path)
    return found


def test_a_full_disk_ends_single_photos_and_the_next_run_goes_on(photos, disk):
    found = outcomes(photos, disk / "out")
    bad = [str(one.error) for one in found if one.error]
    assert 0 < len(bad) < COUNT
    assert all("No space left on device" in error for error in bad)
    assert len(whole(disk)) == COUNT - len(bad)
    subprocess.run(["mount", "-o", "remount,size=4m", disk], check=True)
    assert not any(one.error for one in outcomes(photos, disk / "out", resume=True))
    assert len(whole(disk)) == COUNT


def test_a_disk_that_is_only_read_is_named(photos, disk):
    subprocess.run(["mount", "-o", "remount,ro", disk], check=True)
    for out in (disk, disk / "out"):
        assert all("Read-only file system" in str(one.error) for one in outcomes(photos, out))


@pytest.mark.parametrize(("code", "where"), [(5, "write"), (5, "replace"), (13, "open"), (28, "close")])
def test_faults_of_the_disk_end_single_photos(code, where, photos, tmp_path, monkeypatch):
    real, count = os.replace, [0]

    def fail(source, target):
        count[0] += 1
        if count[0] % 2 and os.fspath(target).endswith("dance.png"):
            raise OSError(code, os.strerror(code))
        real(source, target)

    monkeypatch.setattr(os, "replace", fail)
    found = outcomes(photos, tmp_path / "out")
    assert [os.strerror(code) in str(one.error) for one in found] == [True, False] * (COUNT // 2)
    assert len(whole(tmp_path / "out")) == COUNT // 2


LOCKED = """
import contextlib, os, sys
from pasticcio.cli.main import main
out = sys.argv.pop()
sys.argv += ["warm"]  # so that everything is imported: another user may not read the interpreter's own files
with contextlib.suppress(SystemExit), open(os.devnull, "w") as nowhere, contextlib.redirect_stdout(nowhere):
    main()
os.setgroups([]); os.setgid(65534); os.setuid(65534)
sys.argv[-1] = out
main()
"""


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to become somebody else")
def test_what_another_user_may_not_read_or_write_is_named(photos, tmp_path):
    for path in (tmp_path, *tmp_path.parents):
        if path.stat().st_uid == os.getuid() and path != path.parent and "pytest" in str(path):
            path.chmod(0o755)
    (photos / "0.png").chmod(0)
    (photos / "locked").mkdir(mode=0o700)
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "open").mkdir()
    (tmp_path / "open").chmod(0o777)

    def call(*arguments):
        environment = {**os.environ, "HOME": "/nonexistent", "PASTICCIO_CACHE": "1", "NO_COLOR": "1"}
        environment.pop("XDG_CACHE_HOME", None)
        command = [sys.executable, "-c", LOCKED, "stylize", str(photos), "-s", "dance", "-o", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, cwd=tmp_path)

    done = call(str(tmp_path / "open" / "out"))
    assert done.returncode == 1, done.stderr
    assert done.stdout == f"{COUNT - 1} pictures made, 1 not\n"
    lines = [line for line in done.stderr.splitlines() if line.startswith("pasticcio:")]
    assert len(lines) == 2
    assert "0.png: Permission denied" in lines[0]
    assert "locked (cannot be read: Permission denied)" in lines[1]
    done = call(str(tmp_path / "closed" / "out"))
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "Permission denied" in done.stderr
    assert not list((tmp_path / "closed").iterdir())


@pytest.mark.parametrize("fault", ["no home", "no home and no /tmp", "read-only", "a file in its place"])
def test_without_a_cache_everything_works(fault, tmp_path, monkeypatch, photo):
    monkeypatch.setenv("PASTICCIO_CACHE", "1")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.chdir(tmp_path)
    if fault.startswith("no home"):
        monkeypatch.setattr("pathlib.Path.home", lambda: _raise(RuntimeError("Could not determine home directory.")))
        monkeypatch.setattr(tempfile, "gettempdir", lambda: str(tmp_path / "tmp"))
        if "tmp" in fault:
            monkeypatch.setattr(tempfile, "gettempdir", lambda: _raise(FileNotFoundError(2, "No usable directory")))
    else:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        if fault == "read-only":
            monkeypatch.setattr("pasticcio.cache.write_whole", lambda *_: _raise(OutputError("Read-only file system")))
        else:
            (tmp_path / "cache").write_text("no folder")
    Image.fromarray(photo[:60, :60]).save(tmp_path / "style.png")
    for _ in range(2):
        assert Stylizer(threads=1).embed("style.png").embedding.shape == (100,)
    assert cache.load_table("runtimes.json") == {}


def _raise(error):
    raise error
