"""The log of a training run: a line of JSON per logged step, and the same for TensorBoard."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pasticcio.errors import OutputError
from pasticcio.files import write_whole


@dataclass(frozen=True)
class Progress:
    """What one step of training did.

    Attributes:
        step, steps: how many are done, and how many there are.
        losses: the objective ("total") and its parts, means over the batch.
        gradient: norm before clipping.
        learning_rate: of this step.
        pictures_per_second: a running mean.
    """

    step: int
    steps: int
    losses: Mapping[str, float]
    gradient: float
    learning_rate: float
    pictures_per_second: float


StepReport = Callable[[Progress], None]
"""Called after every step of training."""


LOG = "log.jsonl"


class Record:
    """The run's log: a JSON line per entry, and TensorBoard's file where that is installed."""

    def __init__(self, folder: Path, step: int) -> None:
        path = folder / LOG
        if path.exists():  # what a killed run logged after its checkpoint happens again
            lines = path.read_text().splitlines()
            write_whole(path, "".join(f"{line}\n" for line in lines if _step(line) <= step).encode())
        self.file = path.open("a")
        self.board = None
        with contextlib.suppress(ImportError):
            from torch.utils.tensorboard import SummaryWriter

            self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=step or None)

    def __enter__(self) -> Record:
        return self

    def __exit__(self, *exception: object) -> None:
        self.file.close()
        if self.board is not None:
            self.board.close()

    def add(self, progress: Progress) -> None:
        """Log one step."""
        values = {
            **progress.losses,
            "gradient": progress.gradient,
            "learning_rate": progress.learning_rate,
            "pictures_per_second": round(progress.pictures_per_second, 3),
        }
        try:
            self.file.write(json.dumps({"step": progress.step, **values}) + "\n")
            self.file.flush()
        except OSError as error:
            raise OutputError(f"cannot write {self.file.name}: {error.strerror or error}") from error
        if self.board is not None:
            for name, value in values.items():
                self.board.add_scalar(name, value, progress.step)


def _step(line: str) -> float:
    """The step of a line; none is so late as that of half a line, which a killed run may leave at the end."""
    try:
        return float(json.loads(line)["step"])
    except (ValueError, KeyError, TypeError):
        return math.inf
