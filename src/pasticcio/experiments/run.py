"""The experiments by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from pasticcio.errors import OptionError, nearest
from pasticcio.experiments import knowledge, observed, smoothness, trials
from pasticcio.experiments.context import Context
from pasticcio.files import write_whole

__all__ = ["NAMES", "TRAINED", "Context", "run"]

TRAINED = ("count", "kinds", "bottleneck", "conditioned")  # experiments that train
EXPERIMENTS: dict[str, Callable[[Context], str]] = {
    "observed": observed.run,
    "knowledge": knowledge.run,
    "smoothness": smoothness.run,
    **{name: partial(trials.run, name) for name in TRAINED},
}
NAMES = tuple(EXPERIMENTS)


def run(name: str, context: Context) -> str:
    """Run one experiment, or the rest of one that was broken off; returns its table in Markdown.

    The table is also written to `context.results`, and the figure to `context.out`.

    Raises:
        OptionError: an unknown name.
        PasticcioError: see the modules of the experiments.
    """
    if name not in EXPERIMENTS:
        raise OptionError(f"no experiment {name!r}; {nearest(name, EXPERIMENTS)}")
    context.results.mkdir(parents=True, exist_ok=True)
    if context.out:
        context.out.mkdir(parents=True, exist_ok=True)
    text = EXPERIMENTS[name](context)
    write_whole(context.results / f"{name}.md", (text + "\n").encode())
    return text
