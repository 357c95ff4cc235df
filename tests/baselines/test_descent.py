import contextlib
import signal
from itertools import pairwise

import numpy as np
import pytest
import torch

from pasticcio.baselines.descent import Descent
from pasticcio.baselines.objective import Objective
from pasticcio.baselines.settings import Settings
from pasticcio.errors import TrainingError


class Target(Objective):
    """A loss without networks: the distance from a gray. Raises `error` the first time it is asked."""

    def __init__(self, error=None):
        self.device, self.error = torch.device("cpu"), error

    def shown(self, pixels):
        return pixels.clamp(0, 1)

    def __call__(self, pixels):
        error, self.error = self.error, None
        if error:
            raise error
        return {"total": (pixels - 0.25).square().sum(), "content": torch.zeros(())}


def descent(objective=None, report=None, **settings):
    start = torch.full((1, 3, 32, 32), 0.75)
    return Descent(objective or Target(), start, Settings(iterations=8, **settings), report=report)


@pytest.mark.parametrize("method", ["lbfgs", "adam"])
def test_every_iteration_is_reported_and_the_best_is_kept(method):
    seen = []
    run = descent(method=method, learning_rate=0.1, report=seen.append)
    best = run.run()
    assert [step.iteration for step in seen] == list(range(1, run.iteration + 1))  # L-BFGS may be done early
    assert run.losses["total"] == min(step.losses["total"] for step in seen) == seen[-1].best
    assert run.losses["total"] < 0.5 * run.before["total"]
    assert run.objective(best)["total"].item() == pytest.approx(run.losses["total"], rel=1e-5, abs=1e-6)
    assert all(a.seconds <= b.seconds for a, b in pairwise(seen))


def test_interrupted_keeps_the_best_so_far():
    seen = []

    def interrupt(step):
        seen.append(step)
        if step.iteration == 5:
            raise KeyboardInterrupt

    run = descent(method="adam", report=interrupt)
    best = run.run()
    assert (run.interrupted, run.iteration, len(seen)) == (True, 5, 5)
    assert run.losses["total"] == min(step.losses["total"] for step in seen) < seen[0].losses["total"]
    assert np.abs(best[0].permute(1, 2, 0).numpy() - seen[-1].image()).max() < 1e-6


def test_a_ctrl_c_that_python_drops_still_ends_the_run():
    def drop(step):
        if step.iteration == 3:
            with contextlib.suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)

    run = descent(report=drop)
    run.run()
    assert (run.interrupted, run.iteration) == (True, 3)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_interrupted_within_the_first_iteration_keeps_the_start():
    run = descent(Target(KeyboardInterrupt()))
    best = run.run()
    assert (run.interrupted, run.iteration) == (True, 0)
    assert run.losses == run.before
    assert (best == 0.75).all()


def test_a_loss_that_is_not_finite_at_the_start_is_an_error():
    class Nothing(Target):
        def __call__(self, pixels):
            return {"total": (pixels * float("nan")).sum()}

    with pytest.raises(TrainingError, match="loss of the start is nan"):
        descent(Nothing()).run()
