"""The commands optimize and tune."""

import json
import shutil
import signal
import subprocess
import time

import pytest

from pasticcio.image.read import open_image
from pasticcio.training.model_folder import load_network, write_config

QUICK = ("--vgg", "random", "--size", 48, "--start", "photo")


def test_optimize_writes_a_picture_and_its_losses(run, photo_file, style_file, tmp_path):
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


def test_interrupted_optimize_writes_the_best_so_far(command, environment, photo_file, style_file, tmp_path):
    out, preview = tmp_path / "out.png", tmp_path / "out-preview.png"
    arguments = ("optimize", photo_file, "-s", style_file, "-o", out, "--iterations", 100_000, "--preview", 1, *QUICK)
    process = subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
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
def test_bad_input_is_one_line_and_exit_code_2(run, arguments, message, photo_file, tmp_path):
    values = arguments if "--vgg" in arguments else (*arguments, "--vgg", "random")
    done = run("optimize", photo_file.name, *values, "--size", 48)
    assert done.returncode == 2, done.stderr
    lines = [line for line in done.stderr.strip().splitlines() if line.startswith("pasticcio:")]
    assert len(lines) == 1
    assert message in lines[0]
    assert "Traceback" not in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["photo.jpg"]


def test_tune_makes_a_model_that_the_other_commands_know(
    here, photo_file, style_file, pictures, model_folder, table_folder, tmp_path, monkeypatch
):
    def export(folder):
        """What takes most of a minute: the graphs of a table of two styles, which `table_folder` has already."""
        assert (folder / "model.safetensors").exists()
        for graph in table_folder.glob("*.onnx"):
            shutil.copy(graph, folder)
        write_config(folder, json.loads((folder / "config.json").read_bytes()))

    monkeypatch.setattr("pasticcio.baselines.tune.export", export)
    second = shutil.copy(photo_file, tmp_path / "cat.jpg")
    code, said, error = here(
        "tune", style_file, second, "-o", "mine", "--photos", pictures / "photos", "--model", model_folder,
        "--steps", 2, "--vgg", "random", "--crop", 32, "--style-size", 48,
    )  # fmt: skip
    assert code == 0, error
    assert said.strip().splitlines()[-1] == "mine"
    assert "2 steps; over 6 photos content" in said
    assert load_network(tmp_path / "mine").config == load_network(table_folder).config  # so these are its graphs
    assert here("styles", "--model", "mine")[1] == "style\ncat\n"
    assert "table of 2 styles" in here("models", "mine")[1]
    code, _, error = here("stylize", photo_file, "-s", "style", "--model", "mine", "-o", "out.png")
    assert code == 0, error
    code, _, error = here("stylize", photo_file, "-s", style_file, "--model", "mine", "-o", "no.png")
    assert (code, "it knows the styles style, cat" in error) == (2, True)
    assert json.loads((tmp_path / "mine" / "config.json").read_text())["styles"] == ["style", "cat"]
    code, _, error = here("tune", style_file, "-o", "mine")
    assert (code, "mine is there already" in error) == (2, True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--seed 3", "--seed is only for --start noise; leave it out"),
        ("--start photo --model other", "--model is only for --start network; leave it out"),
        ("--style-layer relu1_1=1 --style-weight 3", "--style-weight is only for the default style layers"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(arguments, message, here, photo_file, tmp_path):
    code, said, error = here("optimize", photo_file.name, "-s", photo_file.name, "-o", "o.png", *arguments.split())
    assert (code, said) == (2, "")
    assert message in error
    assert not (tmp_path / "o.png").exists()


def test_going_on_with_a_tuning_takes_no_other_options(here, style_file):
    for arguments in ("--steps 0", "--crop 64", "--row-only", "--photos photos", "--style-size 128"):
        code, said, error = here("tune", style_file, "-o", "mine", "--resume", *arguments.split())
        assert (code, said) == (2, "")
        assert f"{arguments.split()[0]} is only for a new run, and --resume goes on with the options" in error
