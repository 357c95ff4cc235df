import json
import os
import signal
import subprocess
import sys
import time

import pytest

from pasticcio.image.picture import open_image

ENVIRONMENT = {**os.environ, "NO_COLOR": "1", "COLUMNS": "120", "TERM": "dumb"}
QUICK = ("--vgg", "random", "--size", 48, "--start", "photo")


def command(*arguments):
    return [sys.executable, "-m", "pasticcio", *map(str, arguments)]


def run(*arguments, cwd=None):
    return subprocess.run(command(*arguments), capture_output=True, text=True, cwd=cwd, env=ENVIRONMENT)


def test_optimize_writes_a_picture_and_its_losses(photo_file, style_file, tmp_path):
    out = tmp_path / "out.jpg"
    done = run(
        "optimize", photo_file, "-s", f"{style_file}:0.4", "-s", f"{photo_file}:0.6", "-o", out, *QUICK,
        "--iterations", 4,
        "--style-layer", "relu1_1=5", "--content-layer", "relu2_1=1", "--pooling", "average", "--preview", 1,
        "--colors", "luminance", "--mask", style_file, "--method", "adam", "--smooth", 1,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert open_image(out).shape == (32, 48, 3)
    assert done.stdout.startswith(f"{out}  total ")
    assert "total_variation" in done.stdout
    assert done.stdout.strip().endswith("4 iterations")
    assert not (tmp_path / "out-preview.png").exists()


def test_interrupted_optimize_writes_the_best_so_far(photo_file, style_file, tmp_path):
    out, preview = tmp_path / "out.png", tmp_path / "out-preview.png"
    arguments = ("optimize", photo_file, "-s", style_file, "-o", out, "--iterations", 100_000, "--preview", 1, *QUICK)
    process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=ENVIRONMENT)
    deadline = time.monotonic() + 120
    while not preview.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.05)
    assert preview.exists()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130, errors
    assert open_image(out).shape == (32, 48, 3)
    assert b"Traceback" not in errors


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("-s", "dance", "-o", "o.png"), "dance is a named style"),
        (("-s", "none.jpg", "-o", "o.png"), "no such file: none.jpg"),
        (("-s", "photo.jpg", "-o", "o.doc"), "suffix '.doc'"),
        (("-s", "photo.jpg", "-o", "o.png", "--start", "paint"), "start is 'paint'"),
        (("-s", "photo.jpg", "-o", "o.png", "--style-layer", "relu4_1"), "write relu4_1=1"),
        (("-s", "photo.jpg", "-o", "o.png", "--style-layer", "relu9_1=1"), "relu9_1"),
        (("-s", "photo.jpg:0.5", "-o", "o.png"), "sum to 0.5"),
        (("-s", "photo.jpg", "-o", "o.png", "--vgg", "none.pth"), "no such file: none.pth"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(arguments, message, photo_file, tmp_path):
    values = arguments if "--vgg" in arguments else (*arguments, "--vgg", "random")
    done = run("optimize", photo_file.name, *values, "--size", 48, cwd=tmp_path)
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.strip().splitlines() if line.startswith("pasticcio:")]
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.jpg"]


def test_tune_makes_a_model_that_the_other_commands_know(photo_file, style_file, pictures, model_folder, tmp_path):
    done = run(
        "tune", style_file, "-o", "mine", "--photos", pictures / "photos", "--model", model_folder, "--steps", 2,
        "--vgg", "random", "--crop", 32, "--style-size", 48, cwd=tmp_path,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1] == "mine"
    assert "2 steps; over 6 photos content" in done.stdout
    assert run("styles", "--model", "mine", cwd=tmp_path).stdout == "style\n"
    assert "table of 1 styles" in run("models", "mine", cwd=tmp_path).stdout
    done = run("stylize", photo_file, "-s", "style", "--model", "mine", "-o", "out.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    done = run("stylize", photo_file, "-s", style_file, "--model", "mine", "-o", "no.png", cwd=tmp_path)
    assert (done.returncode, "it knows the styles style" in done.stderr) == (2, True)
    assert json.loads((tmp_path / "mine" / "config.json").read_text())["styles"] == ["style"]
    done = run("tune", style_file, "-o", "mine", cwd=tmp_path)
    assert (done.returncode, "mine is there already" in done.stderr) == (2, True)
