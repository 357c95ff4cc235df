"""Progress bars on standard error, one for each thing that is under way."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from rich.progress import Progress, TaskID

    from pasticcio.progress import Report
    from pasticcio.training.log import StepReport


class Bars:
    """Bars that are drawn from their first report on; before it, nothing is shown and rich is not imported."""

    def __init__(self) -> None:
        self._drawn: Progress | None = None
        self._rows: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._drawn:
            self._drawn.stop()

    def show(self, name: str, done: int, total: int | None, text: str = "", visible: bool = True) -> None:
        """Draw the bar of that name.

        Args:
            name: stands before the bar.
            done, total: parts done, and all; None where nobody knows how many there are.
            text: stands behind the bar.
            visible: False hides the bar.
        """
        drawn = self._drawn = self._drawn or _start()
        if name not in self._rows:
            self._rows[name] = drawn.add_task(name, total=total, text=text)
        drawn.update(self._rows[name], completed=done, total=total, text=text, visible=visible)

    def report(self, name: str) -> Report:
        """What draws the bar of that name when the library calls it."""
        return lambda done, total: self.show(name, done, total)

    def download(self, done: int, total: int) -> None:
        """Draw the bytes of a download, until all are there."""
        self.show("download, bytes", done, total or None, visible=done < total)

    def training(self, name: str) -> StepReport:
        """What draws the steps of a training with their losses."""
        return lambda step: self.show(
            name, step.step, step.steps, f"{losses_text(step.losses)}  {step.pictures_per_second:.1f} pictures/s"
        )


def losses_text(losses: Mapping[str, float]) -> str:
    """Losses with their names, to three digits."""
    return "  ".join(f"{name} {value:.3g}" for name, value in losses.items())


def _start() -> Progress:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    progress = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[text]}", markup=False),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    )
    progress.start()
    return progress
