"""Every kind of bad picture, through every way into the command: whole pictures and lines that name the others."""

import io
import json
import os
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
from bad_pictures import FILES, make
from PIL import Image

from pasticcio.files import PREFIX
from pasticcio.image.read import read_picture
from pasticcio.model.sessions import Sessions
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embeddings import Embeddings

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes and sockets in folders")

LONGEST = 10.0  # seconds that a picture may take
SKIPPED = {"dangling.png", "loop.png", "endless.png", "null.png", "pipe.png", "socket.jpg"}  # of a folder
UNKNOWN = {"no-number.ppm", "no-most.ppm"}  # of a folder: by their suffix they need not be pictures


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    """The files of every kind in folders by their suffix, so that no two outputs have one name; the rest above them."""
    folder = tmp_path_factory.mktemp("kinds") / "bad"
    make(folder)
    for name in FILES:
        place = folder / Path(name).suffix[1:]
        if not place.exists():
            place.mkdir()
        os.rename(folder / name, place / name)
    return folder


@pytest.fixture
def unpainted(monkeypatch):
    """Photos come back as they were read: what is bad is found out before they are rendered."""
    monkeypatch.setattr(Stylizer, "paint", lambda self, photo, *_: photo)
    monkeypatch.setattr(Sessions, "load", lambda *_: None)


@contextmanager
def in_time(name):
    """Fail if it takes longer than a picture may."""

    def late(*_):
        pytest.fail(f"{name} takes more than {LONGEST} seconds")

    before = signal.signal(signal.SIGALRM, late)
    signal.setitimer(signal.ITIMER_REAL, LONGEST)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def lines_of(error):
    """The lines of standard error without those of progress bars."""
    return [line for line in error.splitlines() if not line.startswith(("stylizing", "embedding"))]


def said_well(code, out, error, made):
    """Either a picture, or exit code 2 and one line; no traceback, no half file, nothing left."""
    lines = error.splitlines()
    assert all(line.startswith("pasticcio: ") for line in lines), error
    if code == 0:
        assert len(lines) <= 1  # a note
        read_picture(made)
        os.unlink(made)
    else:
        assert (code, out, len(lines)) == (2, "", 1), (code, out, error)
    assert [name for name in os.listdir() if name.startswith(PREFIX) or name == made] == []
    return code == 0


def test_a_file(bad, here, unpainted):
    made = []
    for path in (path for path in bad.rglob("*") if not path.is_dir() or path.suffix):
        with in_time(path.name):
            made += [path.name] * said_well(*here("stylize", "--out", "o.png", "-s", "dance", "--", path), "o.png")
    assert {"trailing.jpg", "deep.png", "exif-loop.jpg", "cmyk.tif", "pages.tif"} <= set(made)
    assert not {"empty.jpg", "bomb.png", "tall.tif", "pipe.png", "endless.png", "cut.jpg"} & set(made)


def test_standard_input(here, unpainted, monkeypatch):
    made = []
    for name, data in FILES.items():
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
        with in_time(name):
            made += [name] * said_well(*here("stylize", "-", "-s", "dance", "-o", "o.png"), "o.png")
    assert 20 < len(made) < len(FILES) - 20


def test_a_style_and_a_mask(bad, here, unpainted, monkeypatch, photo_file):
    monkeypatch.setattr(Stylizer, "paint", lambda self, photo, styles, *_: self.embed(styles[0][0]) and photo)
    monkeypatch.setattr(Stylizer, "embed", lambda self, style: read_picture(style))
    kinds = [path for path in bad.rglob("*") if not path.is_dir()]
    for path in kinds:
        with in_time(path.name):
            said_well(*here("stylize", photo_file, "-s", path, "-o", "o.png"), "o.png")


def test_a_folder_is_rendered_but_for_what_is_named(bad, here):
    code, out, error = here("stylize", bad, "-s", "dance", "-o", "out", "--json")
    lines = lines_of(error)
    assert code == 1
    assert all(line.startswith("pasticcio: ") for line in lines), error
    found = [json.loads(line) for line in out.splitlines()]
    assert len(found) == len(FILES) - len(UNKNOWN) + 2  # locked.png, and a name that is not UTF-8
    for one in found:
        if one["error"]:
            assert "pasticcio: " + " ".join(one["error"].splitlines()) in lines
        else:
            with Image.open(one["out"]) as image:
                image.load()
    made = {Path(one["out"]) for one in found if one["out"]}
    assert {path for path in Path("out").rglob("*") if path.is_file()} == made
    assert 20 < len(made) < len(found) - 20
    (left_out,) = (line for line in lines if "left out of" in line)
    assert left_out.startswith(f"pasticcio: {len(SKIPPED | UNKNOWN)} files are left out of {bad}: ")
    assert all(name in left_out for name in SKIPPED | UNKNOWN)


def test_a_folder_is_embedded_but_for_what_is_named(bad, here):
    code, out, error = here("embed", bad, "--each", "-o", "table.npz")
    lines = lines_of(error)
    assert code == 1
    assert all(line.startswith("pasticcio: ") for line in lines), error
    count = len(Embeddings.load(Path("table.npz")))
    assert out == f"table.npz: {count} embeddings, {len(lines) - 1} pictures could not be read\n"
    assert count + len(lines) - 1 == len(FILES) - len(UNKNOWN) + 2


def test_a_table_of_pictures_names_the_bad_ones(bad, here):
    names = [*sorted(SKIPPED), "jpg/cut.jpg", "jpg/gray.jpg"]
    Path("table.csv").write_text("file\n" + "".join(f"{bad / name}\n" for name in names))
    with in_time("a table"):
        code, out, error = here("embed", "table.csv", "-o", "table.npz")
    assert (code, out) == (1, "table.npz: 1 embeddings, 7 pictures could not be read\n")
    assert all(line.startswith("pasticcio: ") for line in lines_of(error)), error
    assert all(f"/{name}" in error for name in SKIPPED)


@pytest.mark.parametrize("name", ["flipped.jpg", "tall.tif", "animated.gif", "text-bomb.png"])
def test_in_a_process_of_its_own(name, run, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / name).write_bytes(FILES[name])
    os.mkfifo(tmp_path / "photos" / "pipe.png")
    for arguments, options in (
        (["photos", "-o", "out"], {}),
        (["-", "-o", "o.png"], {"input": FILES[name]}),
    ):
        done = run("stylize", *arguments, "-s", "dance", timeout=60, **options)
        error = done.stderr if isinstance(done.stderr, str) else done.stderr.decode()
        good = name == "animated.gif"
        assert done.returncode == (0 if good else 2 if options else 1), error
        assert all(line.startswith("pasticcio: ") for line in lines_of(error)), error
        assert (tmp_path / "o.png").exists() == bool(good and options)
    assert not list(tmp_path.rglob(f"{PREFIX}*"))
