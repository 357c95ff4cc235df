"""Every remedy that a message names is done, and helps."""

import importlib
import os
import re
import shutil

import numpy as np
import pytest
from PIL import Image

from pasticcio import Stylizer
from pasticcio.cli.main import COMMANDS
from pasticcio.errors import ImageError
from pasticcio.image.read import read_picture
from pasticcio.image.write import save_picture
from pasticcio.model.config import EXPORT, REMEDY


@pytest.fixture
def files(tmp_path, monkeypatch, photo):
    """Photos, styles and masks, good and bad ones, in the folder of the process."""
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photo[:48, :64]).save("photo.png")
    Image.fromarray(photo[48:96, :64]).save("style.png")
    Image.new("L", (64, 48), 200).save("mask.png")
    Image.new("L", (30, 30), 200).save("square.png")
    for folder in ("photos", "paintings"):
        (tmp_path / folder).mkdir()
    shutil.copy("photo.png", "photos/a.png")
    shutil.copy("style.png", "paintings/p.png")
    wide = Image.fromarray(np.zeros((48, 64, 3), np.uint8))
    exif = Image.Exif()
    exif[0x010E] = "x" * 70_000
    wide.save("exif.png", exif=exif)
    return tmp_path


CASES = [  # a command that is refused, what its message says, and the command that the message asks for
    ("photo.png -s style.png --max-megapixels 0.001", "--max-megapixels 0.004", "photo.png -s style.png {remedy}"),
    ("photos -s style.png -o o --max-megapixels 0.0001", "--max-megapixels 0.004", "photos -s style.png -o o {remedy}"),
    ("photos -s style.png", "with --out", "photos -s style.png --out o"),
    ("photos -s style.png -o photos", "photos/stylized", "photos -s style.png -o {remedy}"),
    ("photos -s paintings -o paintings", "name another folder with --out", "photos -s paintings --out other"),
    ("photo.png -s style.png -o style.png", "name another file", "photo.png -s style.png -o other.png"),
    ("photo.png -s style.png -o o.doc", ".png", "photo.png -s style.png -o o{remedy}"),
    ("exif.png -s style.png -o o.jpg", "--strip", "exif.png -s style.png -o o.jpg {remedy}"),
    ("photo.png -s style.png:0.5 -s dance", "dance:0.5", "photo.png -s style.png:0.5 -s {remedy}"),
    ("photo.png -s style.png:0.5 -s dance", "leave out the weights", "photo.png -s style.png -s dance"),
    ("photo.png -s dance --seed 1", "leave it out", "photo.png -s dance"),
    ("photo.png -s dance --quality 50", "leave it out", "photo.png -s dance"),
    ("photo.png -s danse", "dance", "photo.png -s {remedy}"),
    ("photo.png -s dance --statistics exact --tile 0", "leave one of", "photo.png -s dance --statistics exact"),
    ("photo.png -s dance --tile 8", "64", "photo.png -s dance --tile {remedy}"),
    ("photo.png -s dance --mask mask.png --mask mask.png", "give one for all", "photo.png -s dance --mask mask.png"),
    ("photo.png -s dance --mask square.png", "the photo's proportions", "photo.png -s dance --mask mask.png"),
    ("photo.png -s dance --resume", "leave it out", "photo.png -s dance"),
    ("photo.png -s dance -o - --json", "without --json", "photo.png -s dance -o -"),
]  # fmt: skip


@pytest.mark.parametrize(("refused", "remedy", "done"), CASES)
def test_what_stylize_advises_helps(refused, remedy, done, here, files):
    code, _, error = here("stylize", *refused.split())
    lines = [line for line in error.splitlines() if line.startswith("pasticcio:")]
    assert code in (1, 2)
    assert len(lines) == 1
    assert remedy in lines[0]
    assert not re.search(r"Traceback|\n\s+File", error)
    code, _, error = here("stylize", *done.format(remedy=remedy).split())
    assert code == 0, error


def test_the_limit_on_pixels_advises_what_the_place_has(here, files, monkeypatch):
    """Where there is no option, for styles, masks and `embed`, none is named."""
    monkeypatch.setattr("pasticcio.image.read.MAX_MEGAPIXELS", 0.001)
    monkeypatch.setitem(read_picture.__kwdefaults__, "max_megapixels", 0.001)
    for command in (
        "stylize photo.png -s style.png --max-megapixels 1 -o o.png",
        "stylize photo.png -s dance --mask mask.png --max-megapixels 1 -o o.png",
        "embed style.png -o o.json",
    ):
        code, _, error = here(*command.split())
        assert code == 2
        assert "max-megapixels" not in error
        (call,) = re.findall(r"make it smaller \(in Python: (read_picture\(\.\.\., max_megapixels=[0-9.]+\))\)", error)
    better = eval(call.replace("...", "'style.png'"), {"read_picture": read_picture})
    assert Stylizer(threads=1).stylize(read_picture("photo.png", max_megapixels=1), better).size == (64, 48)
    (files / "big").mkdir()
    Image.new("RGB", (1237, 1001)).save("big/a.png")  # 1.238237 million: rounded down it would not do
    code, _, error = here("stylize", "big", "-s", "dance", "-o", "o", "--max-megapixels", "1")
    (number,) = re.findall(r"raise it with --max-megapixels ([0-9.]+) or else", error)
    assert read_picture("big/a.png", max_megapixels=float(number)).pixels.shape == (1001, 1237, 3)


def test_exif_data_that_are_too_long_are_left_out_as_python_is_told(files):
    picture = read_picture("exif.png")
    with pytest.raises(Exception, match=r"\(in Python: strip=True\)"):
        save_picture(picture, "o.jpg")
    save_picture(picture, "o.jpg", strip=True)


def test_a_pipe_copied_into_a_file_is_read(files):
    os.mkfifo("pipe.png")
    with pytest.raises(ImageError, match="copy what it gives into a file first"):
        read_picture("pipe.png")
    os.remove("pipe.png")
    shutil.copy("photo.png", "pipe.png")
    assert read_picture("pipe.png").pixels.shape == (48, 64, 3)


def test_what_makes_graphs_anew_is_there():
    (name,) = re.findall(r"in Python: ([a-z.]+)\(folder\)", EXPORT)
    module, _, function = name.rpartition(".")
    assert callable(getattr(importlib.import_module(module), function))
    assert set(re.findall(r"pasticcio ([a-z]+)", REMEDY)) <= COMMANDS.keys()
