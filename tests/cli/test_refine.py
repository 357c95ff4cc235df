"""The command refine."""

import functools

import numpy as np
import pytest

from pasticcio import refine
from pasticcio.image.read import open_image
from pasticcio.style.style import Style


def test_refine_writes_a_style_that_stylize_takes(here, photo_file, style_file, tmp_path):
    code, said, error = here(
        "refine", style_file, "-o", "better.json", "--photos", photo_file, "--steps", 2, "--style-size", 96
    )
    assert code == 0, error
    assert said.startswith("better.json  loss ")
    assert Style.load(tmp_path / "better.json").name == style_file.name
    code, _, error = here("stylize", photo_file, "-s", "better.json", "-o", "out.png")
    assert code == 0, error
    assert open_image(tmp_path / "out.png").shape == open_image(photo_file).shape


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-o", "better.png"), "a style file ends in .json"),
        (("-o", "none/better.json"), "there is no folder none"),
        (("-o", "better.json", "--steps", 0), "steps is 0"),
        (("-o", "better.json", "--style-size", 10), "style_size is 10"),
        (("-o", "better.json", "--photos", "nowhere"), "no such file or folder: nowhere"),
    ],
)
def test_bad_input_is_one_line_and_no_file(arguments, message, here, style_file, photo_file, tmp_path):
    code, said, error = here("refine", style_file, "--photos", photo_file, *arguments)
    assert (code, said) == (2, "")
    assert message in error
    assert not list(tmp_path.glob("better*"))


def test_stylize_refines_for_its_photo(here, photo_file, style_file, tmp_path, monkeypatch):
    monkeypatch.setattr("pasticcio.render.refine.refine", functools.partial(refine, steps=2))
    for out, more in (("plain.png", ()), ("refined.png", ("--refine", "--style-size", 96))):
        code, said, error = here("stylize", photo_file, "-s", style_file, "-o", out, *more)
        assert code == 0, error
        assert said.strip() == out
    plain, refined = (open_image(tmp_path / f"{name}.png") for name in ("plain", "refined"))
    assert plain.shape == refined.shape
    assert not np.array_equal(plain, refined)


def test_only_pictures_are_refined_and_only_for_one_photo(here, photo_file, style_file, tmp_path):
    code, said, error = here("stylize", photo_file, "-s", "dance", "-o", "out.png", "--refine")
    assert (code, said) == (2, "")
    assert "--refine is for style pictures, and dance is none" in error
    (tmp_path / "photos").mkdir()
    code, _, error = here("stylize", "photos", "-s", style_file, "-o", "out", "--refine")
    assert code == 2
    assert "--refine is only for a single photo, and photos is a folder" in error
    assert not list(tmp_path.glob("out*"))
