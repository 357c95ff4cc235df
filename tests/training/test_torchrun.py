"""The command train in several processes that torchrun starts."""

import json
import os
import socket
import subprocess
import sys

import pytest

from conftest import ROOT
from pasticcio.training.config import read_recipe
from pasticcio.training.model_folder import load_network

RECIPE = ROOT / "recipes" / "smoke.toml"


@pytest.mark.slow
def test_two_processes_train_one_model(pictures, tmp_path):
    """torchrun starts two; they end with one log and the weights of one model, which one of them exports."""
    out, script = tmp_path / "pair", tmp_path / "command.py"
    script.write_text(
        "import os, pathlib, pasticcio.training.export as module\n"
        "def export(folder):  # writing graphs takes most of a minute and is tested elsewhere\n"
        "    (pathlib.Path(folder) / f'exported-by-{os.environ[\"RANK\"]}').touch()\n"
        "module.export = export\n"
        "from pasticcio.cli.main import main\n"
        "main()\n"
    )
    command = [
        sys.executable, "-m", "torch.distributed.run", "--nproc-per-node=2", "--rdzv-backend=c10d",
        "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1", str(script),
        "train", str(RECIPE),
    ]  # fmt: skip
    settings = {
        "steps": 3, "sample_steps": 0, "log_steps": 1, "out": out, "data.workers": 0,
        "data.photos": pictures / "photos", "data.styles": pictures / "styles",
    }  # fmt: skip
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    loopback = next(name for _, name in socket.if_nameindex() if name.startswith("lo"))
    # Without the name of an interface, gloo waits forever on a host without a network.
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": loopback}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3]
    (config,) = read_recipe(RECIPE)
    assert load_network(out / "model").config == config.network
    assert [path.name for path in (out / "model").glob("exported-by-*")] == ["exported-by-0"]
