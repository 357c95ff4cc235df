"""Networks that torch.compile compiles, on the CPU: the steps of the networks that are not compiled.

Each in a process of its own: the types that tests check at every call of a network cannot be compiled.
"""

import json
import os
import subprocess
import sys

import pytest
from torch._inductor.cpp_builder import get_cpp_compiler
from torch._inductor.exc import InvalidCxxCompiler

from conftest import ROOT

SCRIPT = """
import json, sys
from pathlib import Path
from pasticcio.errors import TrainingError
from pasticcio.training.config import read_recipe
from pasticcio.training.train import Run

(config,) = read_recipe(Path(sys.argv[1]), sys.argv[2:])
run = Run(config)
try:
    rows = [run.advance(parts)[0] for parts in run.parts()]
except TrainingError as error:
    sys.exit(str(error))
print(json.dumps(rows))
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


@pytest.mark.slow
@pytest.mark.skipif(not os.environ.get("PASTICCIO_COMPILED"), reason="takes minutes; PASTICCIO_COMPILED=1 runs it")
def test_compiled_steps_are_those_of_the_networks_as_they_are(steps):
    try:
        get_cpp_compiler()
    except InvalidCxxCompiler as error:
        pytest.skip(f"needs a compiler of C++, which torch.compile calls: {error}; 'apt-get install g++' gets one")
    wanted, found = steps(), steps("compile=true")
    assert found.returncode == 0, found.stderr[-2000:]
    for row, one in zip(json.loads(found.stdout), json.loads(wanted.stdout), strict=True):
        assert row == pytest.approx(one, rel=1e-3)


def test_without_a_compiler_it_is_said_what_to_do(steps):
    done = steps("compile=true", CXX="no-such-compiler")
    assert done.returncode == 1
    said = done.stderr.splitlines()[-1]
    assert said.startswith("torch.compile fails on this machine: ")
    assert "no-such-compiler" in said
    assert said.endswith("; install the compiler that it names, or set compile = false")
