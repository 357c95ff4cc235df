"""The commands train and quantize."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pasticcio.cli.training import training_extra
from pasticcio.errors import MissingExtraError


@pytest.mark.slow
def test_smoke_recipe_from_the_command_line(run, tmp_path):
    """The recipe as its first lines say, then a picture with the model it leaves."""
    root = Path(__file__).parents[2]
    generate = [sys.executable, root / "scripts" / "generate_pictures.py", "runs/smoke/pictures"]
    subprocess.run(generate, cwd=tmp_path, check=True)
    done = run("train", root / "recipes" / "smoke.toml", "--set", "steps=12", "--set", "sample_steps=6")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().endswith("runs/smoke/model")
    photo = "runs/smoke/pictures/photos/000.png"
    style = "runs/smoke/pictures/styles/001.png"
    done = run("stylize", photo, "-s", style, "--model", "runs/smoke/model", "-o", "o.png")
    assert done.returncode == 0, done.stderr


def test_bad_recipe_is_one_line(run, tmp_path):
    (tmp_path / "bad.toml").write_text("stepz = 3")
    done = run("train", tmp_path / "bad.toml")
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "did you mean steps" in done.stderr


def test_styles_for_a_table_of_styles_are_refused(here, table_folder, pictures):
    code, _, error = here("quantize", table_folder, "--photos", pictures / "photos", "--styles", pictures / "styles")
    assert code == 2
    assert "--styles is only for models that predict styles from pictures" in error


def test_training_says_which_extra_is_missing_and_lets_threads_sleep(monkeypatch):
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    with pytest.raises(MissingExtraError, match=r"pip install 'pasticcio\[train\]'"), training_extra():
        import package_that_is_not_there  # noqa: F401
    assert os.environ.pop("OMP_WAIT_POLICY") == "PASSIVE"
