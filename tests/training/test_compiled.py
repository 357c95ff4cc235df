"""Where torch.compile cannot compile the networks, it is said.

In a process of its own: the types that tests check at every call of a network cannot be compiled.
"""

import os
import subprocess
import sys

import pytest

from conftest import ROOT

SCRIPT = """
import sys
from pathlib import Path
from pasticcio.errors import TrainingError
from pasticcio.training.config import read_recipe
from pasticcio.training.train import Run

(config,) = read_recipe(Path(sys.argv[1]), sys.argv[2:])
run = Run(config)
try:
    for parts in run.parts():
        run.advance(parts)
except TrainingError as error:
    sys.exit(str(error))
"""


@pytest.fixture
def steps(pictures, tmp_path):
    """Takes two steps, with settings of a recipe and variables of the environment."""

    def take(*settings, **variables):
        more = [f"data.{kind}={pictures / kind}" for kind in ("photos", "styles")]
        more += [f"out={tmp_path / 'run'}", "data.workers=0", "reuse=1", "steps=2", "sample_steps=0", "batch=2"]
        more += ["data.crop=32", "data.style_crop=32", "data.style_size=[32, 32]", *settings]
        command = [sys.executable, "-c", SCRIPT, str(ROOT / "recipes" / "smoke.toml"), *more]
        environment = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "compiled"), **variables}
        return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=380)

    return take


def test_without_a_compiler_it_is_said_what_to_do(steps):
    done = steps("compile=true", CXX="no-such-compiler")
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("torch.compile fails on this machine: ")
    assert "no-such-compiler" in said
    assert said.endswith("; install the compiler that it names, or set compile = false")
