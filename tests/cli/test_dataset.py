"""The command that makes data sets."""

import json

import numpy as np
import pytest
from PIL import Image

from pasticcio.image.read import read_picture

FAST = ("--styles", "random", "--size", "32", "--engine", "threads", "--workers", "1")


@pytest.fixture
def source(tmp_path):
    for name in ("a/1", "a/2", "b/3"):
        path = tmp_path / "in" / f"{name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((40, 50, 3), 99, np.uint8)).save(path)
    return tmp_path / "in"


def test_a_tree_with_a_style_for_every_picture(here, source, tmp_path, style_file):
    styles = tmp_path / "styles"
    styles.mkdir()
    for name in ("one", "two"):
        (styles / f"{name}.png").write_bytes(style_file.read_bytes())
    code, said, _ = here(
        "dataset", source, "out", "--styles", styles, "--engine", "threads", "--workers", 1, "--json",
        "--strength", "0.5,1", "--styles-per-picture", 2, "--size", 48, "--crop", 32, "--format", "png",
    )  # fmt: skip
    assert code == 0
    rows = [json.loads(line) for line in said.splitlines()]
    assert [row["key"] for row in rows] == ["a/1-0", "a/1-1", "a/2-0", "a/2-1", "b/3-0", "b/3-1"]
    assert {row["style"] for row in rows[:2]} == {"one", "two"}
    assert all(0.5 <= row["strength"] <= 1 for row in rows)
    for row in rows:
        assert read_picture(tmp_path / "out" / row["file"]).pixels.shape == (32, 32, 3)


def test_a_run_of_shards_goes_on_and_bad_pictures_are_named(here, source, tmp_path):
    (source / "a" / "0.jpg").write_bytes(b"no picture")
    for number in (2, 1):
        code, said, complaints = here(
            "dataset", source, "out", *FAST, "--as", "shards", "--shard-size", 2, "--shard", f"{number}/2"
        )
        assert said == f"out: {2 if number == 2 else 1} pictures made, {0 if number == 2 else 1} not\n"
        assert code == (0 if number == 2 else 1)
    assert "a/0.jpg is not a picture" in complaints
    arguments = ("dataset", source, "out", *FAST, "--as", "shards", "--shard-size", 2)
    code, _, complaints = here(*arguments)
    assert code == 2
    assert "go on with --resume" in complaints
    code, said, _ = here(*arguments, "--resume", "--max-bad", 1)
    assert (code, said) == (1, "out: 3 pictures made, 1 not\n")
    code, _, complaints = here(*arguments, "--resume", "--max-bad", 0)
    assert code == 2
    assert "1 pictures cannot be used, and --max-bad is 0" in complaints


def test_a_bad_picture_is_named_once_in_however_many_styles(here, source):
    (source / "a" / "0.jpg").write_bytes(b"no picture")
    code, said, complaints = here("dataset", source, "out", *FAST, "--styles-per-picture", 2)
    assert (code, said) == (1, "out: 6 pictures made, 2 not\n")
    assert complaints.count("a/0.jpg is not a picture") == 1
    assert "more" not in complaints


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--strength", "much"), "strength is 'much'; give a number"),
        (("--strength", "1,0.5"), "strength is 1,0.5; the lower must be first"),
        (("--strength", "2"), "strength is 2"),
        (("--shard", "3"), "shard is '3'; give i/n"),
        (("--as", "zip"), "as is 'zip'"),
        (("--max-bad", "-1"), "max-bad is -1"),
        (("--styles-per-picture", "0"), "styles_per_picture is 0"),
        (("--model", "nowhere"), "no model named 'nowhere'"),
    ],
)
def test_options_outside_their_range_are_one_line(options, said, here, source, tmp_path):
    code, _, complaints = here("dataset", source, "out", *FAST, *options)
    assert code == 2
    assert said in complaints
    assert len(complaints.splitlines()) == 1
    assert not (tmp_path / "out").exists()
