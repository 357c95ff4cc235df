"""The command refine."""

import pytest

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
