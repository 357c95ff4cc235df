import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from pasticcio import __version__
from pasticcio.images import open_image


def run(*arguments, cwd=None):
    command = [sys.executable, "-m", "pasticcio", *map(str, arguments)]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120", "TERM": "dumb"}
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=environment)


def test_stylize_writes_a_picture(photo_file, style_file, tmp_path, model_folder):
    out = tmp_path / "out.png"
    done = run("stylize", photo_file, "--style", style_file, "-o", out, "--strength", 0.5, "--model", model_folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.strip() == str(out)
    assert open_image(out).shape == open_image(photo_file).shape


def test_default_output_is_named_after_both(photo_file, tmp_path):
    done = run("stylize", photo_file, "-s", "sunflowers", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "photo-sunflowers.png").exists()


def test_saved_and_weighted_styles(photo_file, style_file, tmp_path, model_folder):
    saved = tmp_path / "mine.json"
    done = run("embed", style_file, "-o", saved, "--style-size", 200, "--model", model_folder)
    assert (done.returncode, done.stdout.strip()) == (0, str(saved)), done.stderr
    done = run(
        "stylize", photo_file, "-s", f"{saved}:0.25", "-s", f"{style_file}:0.75", "--colours", "match",
        "--model", model_folder, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "photo-mine-style.png").exists()
    done = run("stylize", photo_file, "-s", saved, "-s", f"{style_file}:1", "--model", model_folder, cwd=tmp_path)
    assert done.returncode == 2
    assert "has no weight; write" in done.stderr
    assert run("embed", style_file, "-o", tmp_path / "mine.txt").returncode == 2


def test_a_folder_of_photos(photo_file, style_file, tmp_path, model_folder):
    folder, out = tmp_path / "photos", tmp_path / "out"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(photo_file.read_bytes())
    (folder / "bad.jpg").write_bytes(photo_file.read_bytes()[:500])
    arguments = ("stylize", folder, "-s", style_file, "-s", "dance", "--all-pairs", "-o", out, "--json")
    done = run(*arguments)
    assert done.returncode == 1
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(lines) == 6
    assert sorted(Path(line["out"]).name for line in lines if line["out"]) == [
        "a-dance.jpg", "a-style.jpg", "b-dance.jpg", "b-style.jpg",
    ]  # fmt: skip
    assert [line["photo"] for line in lines if line["error"]] == [str(folder / "bad.jpg")] * 2
    assert "bad.jpg is damaged or cut off" in done.stderr
    (folder / "bad.jpg").unlink()
    done = run(*arguments[:-1], "--resume")
    assert (done.returncode, done.stdout.strip()) == (0, "0 pictures made, 4 were there already, 0 not")
    assert run("stylize", folder, "-s", style_file).returncode == 2
    assert run("stylize", photo_file, "-s", style_file, "--resume").returncode == 2


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"photo": "none.jpg"}, "no such file: none.jpg"),
        ({"photo": "text.jpg"}, "is not a picture"),
        ({"photo": "cut.jpg"}, "cut off"),
        ({"style": "sunflowerz"}, "did you mean sunflowers"),
        ({"model": "defaul"}, "did you mean default"),
        ({"out": "no/folder/out.png"}, "no folder"),
        ({"out": "out.doc"}, "suffix '.doc'"),
        ({"strength": "3"}, "strength is 3"),
        ({"style": "sunflowers:0.5"}, "sum to 0.5"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(change, message, photo_file, tmp_path):
    (tmp_path / "text.jpg").write_text("not a picture")
    (tmp_path / "cut.jpg").write_bytes(photo_file.read_bytes()[:9000])
    before = set(tmp_path.iterdir())
    values = {
        "photo": photo_file.name,
        "style": "sunflowers",
        "out": "out.png",
        "model": "default",
        "strength": "1",
    } | change
    done = run(
        "stylize", values["photo"], "--style", values["style"], "-o", values["out"], "--model", values["model"],
        "--strength", values["strength"], cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stdout == ""
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1
    assert message in lines[0]
    assert set(tmp_path.iterdir()) == before


def test_demo_says_where_the_pictures_are(tmp_path):
    done = run("demo", "-o", tmp_path / "demo")
    assert done.returncode == 0, done.stderr
    pictures = list((tmp_path / "demo").iterdir())
    assert len(pictures) == 16
    assert f"16 pictures are in {tmp_path / 'demo'}" in done.stdout


def test_lists():
    styles = run("styles").stdout
    assert "wheat-field-with-cypresses" in styles
    assert "Vincent van Gogh, 1889" in styles
    assert run("models").stdout.startswith("default ")
    assert run("--version").stdout == f"pasticcio {__version__}\n"


def test_help_names_every_command():
    text = run("--help").stdout
    for command in ("stylize", "demo", "styles", "models", "train", "evaluate"):
        assert command in text


def test_smoke_recipe_from_the_command_line(tmp_path):
    """The recipe as its first lines say, then a picture with the model it leaves."""
    root = Path(__file__).parents[1]
    generate = [sys.executable, root / "scripts" / "generate_pictures.py", "runs/smoke/pictures"]
    subprocess.run(generate, cwd=tmp_path, check=True)
    done = run("train", root / "recipes" / "smoke.toml", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("runs/smoke/model")
    photo = "runs/smoke/pictures/photos/000.png"
    done = run(
        "stylize",
        photo,
        "-s",
        "runs/smoke/pictures/styles/001.png",
        "--model",
        "runs/smoke/model",
        "-o",
        "o.png",
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr


def test_bad_recipe_is_one_line(tmp_path):
    (tmp_path / "bad.toml").write_text("stepz = 3")
    done = run("train", tmp_path / "bad.toml")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "did you mean steps" in done.stderr
