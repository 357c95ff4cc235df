"""Gradient descent on the pixels of one picture at one size."""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from threading import current_thread, main_thread

import torch
from torch import Tensor

from pasticcio.baselines.objective import Losses, Objective
from pasticcio.baselines.settings import Settings
from pasticcio.errors import TrainingError
from pasticcio.image.picture import Array
from pasticcio.nn.tensors import to_array

FIRST_STEP = 0.02  # of L-BFGS: mean change of a pixel in [0, 1]
HISTORY = 50  # steps that L-BFGS remembers


@dataclass(frozen=True)
class Step:
    """One iteration.

    Attributes:
        iteration: its number at this scale, from 1.
        iterations: of this scale.
        scale, scales: number of the scale, from 1, and of all scales.
        losses: of the picture at this iteration: "total" and its weighted parts "content" and "style".
        best: the lowest total so far at this scale.
        seconds: since the first iteration of this scale, without the time spent in `report`.
        image: returns the best picture so far at this scale, (H, W, 3) in [0, 1].
    """

    iteration: int
    iterations: int
    scale: int
    scales: int
    losses: Losses
    best: float
    seconds: float
    image: Callable[[], Array]


IterationReport = Callable[[Step], None]


class _Enough(Exception):  # noqa: N818 (no error: it is the way out of torch's optimizer)
    """The last iteration is done."""


class Descent:
    """The optimization of one picture at one size.

    Args:
        objective: the loss.
        start: (1, 3, H, W) in [0, 1].
        settings: of which `method`, `iterations` and `learning_rate` are used.
        finish: applied to a picture, (H, W, 3), before it is reported.
        scale, scales: number of this scale and of all scales, for `report`.
        report: called after every iteration.

    Attributes:
        best: the picture with the lowest loss so far, (1, 3, H, W) in [0, 1].
        losses: of that picture.
        before: losses of the start.
        iteration: iterations made so far.
        interrupted: whether Ctrl-C ended the descent.
    """

    def __init__(
        self,
        objective: Objective,
        start: Tensor,
        settings: Settings,
        *,
        finish: Callable[[Array], Array] = lambda image: image,
        scale: int = 1,
        scales: int = 1,
        report: IterationReport | None = None,
    ) -> None:
        self.objective, self.settings, self.finish, self.report = objective, settings, finish, report
        self.scale, self.scales = scale, scales
        self.pixels = start.detach().clone(memory_format=torch.contiguous_format)  # L-BFGS flattens them
        self.best = self.pixels.clone()
        self.losses: Losses = {"total": math.inf}
        self.before: Losses = {}
        self.iteration = 0
        self.interrupted = False
        self._spent, self._clock = 0.0, 0.0

    def run(self) -> Tensor:
        """Iterate until the last iteration or Ctrl-C; returns the best picture, (1, 3, H, W) in [0, 1].

        Raises:
            TrainingError: the loss of the start is not finite.
        """
        self._clock = time.perf_counter()
        try:
            with suppress(_Enough), self._noticing_ctrl_c():
                while self._descend():
                    pass
        except KeyboardInterrupt:
            self.interrupted = True
            if not self.before:  # within the first iteration
                self.losses = self.before = self.objective.measure(to_array(self.best))
        self.best = self.objective.shown(self.best).detach()
        return self.best

    @contextmanager
    def _noticing_ctrl_c(self) -> Iterator[None]:
        """Make Ctrl-C also set `interrupted`: Python drops an exception that is raised while an object is freed."""

        def notice(number: int, frame: object) -> None:
            self.interrupted = True
            raise KeyboardInterrupt

        if current_thread() is not main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield  # the program has a handler of its own
            return
        signal.signal(signal.SIGINT, notice)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _descend(self) -> bool:
        """Run the optimizer from the best picture until it stops; returns whether the loss fell."""
        before = self.losses["total"]
        if self.settings.method == "adam":
            self._run_adam()
        else:
            self._run_lbfgs()
        return self.losses["total"] < before

    def _run_adam(self) -> None:
        self.pixels.requires_grad_(True)
        adam = torch.optim.Adam([self.pixels], lr=self.settings.learning_rate)
        while True:  # until `_account` raises
            adam.zero_grad()
            self._evaluate().backward()  # type: ignore[no-untyped-call]
            self._account()
            adam.step()

    def _run_lbfgs(self) -> None:
        # The sum of the absolute changes of torch's first step is 1, which is nothing for a picture. So the variables
        # are pixels divided by a scale, with which pixels change by FIRST_STEP each. A run starts from the best
        # picture, since a line search that failed may have ended anywhere.
        scale = FIRST_STEP * self.best.numel()
        free = (self.best / scale).requires_grad_(True)
        lbfgs = torch.optim.LBFGS(
            [free],
            max_iter=self.settings.iterations,
            max_eval=2 * self.settings.iterations + 2,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            history_size=HISTORY,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            lbfgs.zero_grad()
            self.pixels = free * scale
            total = self._evaluate()
            total.backward()  # type: ignore[no-untyped-call]
            self._account()
            return total

        lbfgs.step(closure)  # type: ignore[no-untyped-call]

    def _evaluate(self) -> Tensor:
        found = self.objective(self.pixels)
        self._found = {name: value.detach() for name, value in found.items()}
        return found["total"]

    def _account(self) -> None:
        """Keep the best picture, report, and stop after the last iteration."""
        values = {name: float(value) for name, value in self._found.items()}
        if not self.before:
            if not math.isfinite(values["total"]):
                raise TrainingError(f"the loss of the start is {values['total']}; the pictures or weights are damaged")
            self.before = values
        if values["total"] < self.losses["total"]:
            self.losses = values
            with torch.no_grad():
                self.best.copy_(self.pixels)
        self.iteration += 1
        self._spent += time.perf_counter() - self._clock
        if self.report:
            self.report(self._step(values))
        self._clock = time.perf_counter()
        if self.interrupted:
            raise KeyboardInterrupt
        if self.iteration >= self.settings.iterations:
            raise _Enough

    def _step(self, losses: Losses) -> Step:
        return Step(
            iteration=self.iteration,
            iterations=self.settings.iterations,
            scale=self.scale,
            scales=self.scales,
            losses=losses,
            best=self.losses["total"],
            seconds=self._spent,
            image=lambda: self.finish(to_array(self.objective.shown(self.best))),
        )
