"""Kill one of two training processes at random moments, go on, and compare with a run that was never broken.

    python scripts/kill_training.py [--kills 20] [--steps 100] [--torchrun] [--seed 0]

A run that lost a process is resumed, and that one is killed too, until it ends; then another run begins, until there
were so many kills. Every run must have logged each step once, with the losses of the unbroken run, and must have left
its weights. With --torchrun, which takes seconds to start, torchrun starts both processes and ends the other one when
one is killed; without it they are forks of this process.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from generate_pictures import generate
from safetensors.torch import load_file
from together import begin

from pasticcio.files import PREFIX
from pasticcio.training.checkpoint import CHECKPOINT
from pasticcio.training.config import TrainConfig, read_recipe
from pasticcio.training.log import LOG
from pasticcio.training.train import train

RECIPE = Path(__file__).parents[1] / "recipes" / "smoke.toml"
SETTINGS = (  # the smallest networks: a step takes some hundredths of a second
    "batch=2",
    "accumulate=2",
    "log_steps=1",
    "sample_steps=0",
    "checkpoint_minutes=0.005",
    "network.quarter=8",
    "network.eighth=8",
    "network.predictor_widths=[4, 4, 8]",
    "network.predictor_hidden=8",
    "loss_network.name='vgg19-small'",
    "data.workers=0",
    "data.epochs=true",
    "data.crop=32",
    "data.photo_short=[32, 48]",
    "data.style_crop=32",
    "data.style_short=[32, 48]",
    "data.style_size=[32, 32]",
)
PROCESSES = 2
GRACE = 3.0  # seconds in which the other process may notice that one is gone


def recipe(place: Path, out: str, steps: int) -> TrainConfig:
    """What is trained, to a folder of `place`."""
    more = [f"data.{kind}={place / 'pictures' / kind}" for kind in ("photos", "styles")]
    (config,) = read_recipe(RECIPE, [*SETTINGS, *more, f"out={place / out}"])
    return dataclasses.replace(config, steps=steps)


@dataclasses.dataclass
class Launched:
    """The processes of a run.

    Attributes:
        numbers: gives those that train, of which some may not have started yet.
        ended: whether all are gone.
        finish: waits for the others once one was killed, or for all; returns whether all ended well.
    """

    numbers: Callable[[], Sequence[int]]
    ended: Callable[[], bool]
    finish: Callable[[], bool]


def launch_forks(config: TrainConfig, place: Path) -> Launched:
    """Start the processes as forks."""
    forks = begin(PROCESSES, lambda _: train(config, resume=True), place)

    def finish() -> bool:
        while all(fork.exitcode in (None, 0) for fork in forks) and any(fork.exitcode is None for fork in forks):
            time.sleep(0.01)
        for fork in forks:
            fork.join(GRACE)
            fork.kill()
            fork.join()
        return all(fork.exitcode == 0 for fork in forks)

    return Launched(
        lambda: [fork.pid for fork in forks if fork.pid and fork.exitcode is None],
        lambda: all(fork.exitcode is not None for fork in forks),
        finish,
    )


def launch_torchrun(config: TrainConfig, place: Path) -> Launched:
    """Start the processes with torchrun."""
    command = [
        sys.executable, "-m", "torch.distributed.run", f"--nproc-per-node={PROCESSES}", "--rdzv-backend=c10d",
        "--rdzv-endpoint=127.0.0.1:0", "--local-addr=127.0.0.1", __file__,
        "--train", str(place), Path(config.out).name, str(config.steps),
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"}
    errors = (place / "torchrun.log").open("w")
    agent = subprocess.Popen(command, env=environment, stdout=errors, stderr=errors)

    def numbers() -> list[int]:
        listed = Path(f"/proc/{agent.pid}/task/{agent.pid}/children")
        return [int(number) for number in listed.read_text().split()] if listed.exists() else []

    return Launched(numbers, lambda: agent.poll() is not None, lambda: agent.wait() == 0)


def steps_logged(config: TrainConfig) -> list[dict[str, float]]:
    """The log of a run; half a line at its end does not count."""
    rows = []
    log = Path(config.out) / LOG
    for line in log.read_text().splitlines() if log.exists() else ():
        with contextlib.suppress(ValueError):
            rows.append(json.loads(line))
    return rows


def differences(config: TrainConfig, unbroken: TrainConfig) -> list[str]:
    """What a run that was broken and resumed has otherwise than the unbroken one."""
    rows, wanted = steps_logged(config), steps_logged(unbroken)
    if [row["step"] for row in rows] != [row["step"] for row in wanted]:
        return [f"{config.out}: logged {len(rows)} steps instead of {len(wanted)}, or others"]
    wrong = [
        f"{config.out}: step {row['step']} has the loss {row['total']} instead of {one['total']}"
        for row, one in zip(rows, wanted, strict=True)
        if abs(row["total"] - one["total"]) > 1e-5 * abs(one["total"])
    ]
    found, weights = (load_file(Path(run.out) / CHECKPOINT) for run in (config, unbroken))
    wrong += [
        f"{config.out}: other {name}"
        for name in weights
        if not torch.allclose(found[name], weights[name], rtol=1e-4, atol=1e-5)
    ]
    return wrong + [f"{config.out}: {path.name} is left" for path in Path(config.out).rglob(f"{PREFIX}*")]


def torture(kills: int, steps: int, seed: int, torchrun: bool = False) -> list[str]:
    """Kill so many processes of as many runs as that takes; returns what was wrong."""
    launch = launch_torchrun if torchrun else launch_forks
    draw, wrong, done, runs, late = random.Random(seed), list[str](), 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        generate(place / "pictures", count=7, side=48)
        unbroken = recipe(place, "unbroken", steps)
        begun = time.monotonic()
        launched = launch(unbroken, place)
        while not steps_logged(unbroken) and not launched.ended():
            time.sleep(0.01)
        start = time.monotonic() - begun
        if not launched.finish():
            return [f"the unbroken run fails: {said(place)}"]
        length = time.monotonic() - begun - start
        while done < kills:
            runs += 1
            config = recipe(place, f"run-{runs}", steps)
            ended = False
            while not ended:
                launched = launch(config, place)
                # Some kills fall into the start, most into a step some steps further on.
                more, rest = draw.randint(0, max(1, min(steps - 1, 3 * steps // kills))), draw.random()
                begun_at = len(steps_logged(config))
                while more and len(steps_logged(config)) < begun_at + more and not launched.ended():
                    time.sleep(0.005)
                time.sleep(rest * (length / steps if more else start))
                numbers = launched.numbers() if done < kills else []
                reached = len(steps_logged(config))
                with contextlib.suppress(ProcessLookupError):
                    if numbers:
                        os.kill(draw.choice(numbers), signal.SIGKILL)
                killed = bool(numbers)
                ended = launched.finish()
                done += killed and not ended
                late += killed and ended
                if not killed and not ended:
                    return [*wrong, f"run {runs} fails: {said(place)}"]
                if killed and not ended:
                    print(f"kill {done}: at step {reached} of {steps}", flush=True)
            wrong += differences(config, unbroken)
    print(f"{done} kills in {runs} runs of {steps} steps, which take {length:.1f} s after a start of {start:.1f} s")
    return wrong


def said(place: Path) -> str:
    """What the processes that failed have said."""
    return "\n".join(path.read_text() for path in (*place.glob("failed-*"), *place.glob("torchrun.log")))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--torchrun", action="store_true", help="start both processes with torchrun")
    parser.add_argument("--train", nargs=3, metavar=("PLACE", "OUT", "STEPS"), help="be one of both processes")
    arguments = parser.parse_args()
    if arguments.train:
        place, out, steps = arguments.train
        train(recipe(Path(place), out, int(steps)), resume=True)
        return
    wrong = torture(arguments.kills, arguments.steps, arguments.seed, arguments.torchrun)
    for line in wrong:
        print(line)
    print("every run has the losses and weights of the unbroken one" if not wrong else f"{len(wrong)} faults")
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
