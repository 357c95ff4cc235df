"""What every experiment is given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pasticcio.experiments.material import Material
from pasticcio.progress import Report


@dataclass(frozen=True, kw_only=True)
class Context:
    """Pictures, folders and settings of an experiment.

    Attributes:
        data: folder of photos.csv, paintings.csv and textures.csv with their pictures.
        weights: folder of the loss networks and of Inception-v3.
        results: folder for what is kept between runs.
        out: folder of the figures; None for none.
        model: name or folder of the model that is examined.
        side: of photos and styles, in pixels.
        amount: number of pairs, ways or pictures; 0 for the experiment's own number.
        optimize: "observed": number of pairs of each group that are optimized too.
        iterations: "observed": of that optimization.
        recipe: of the experiments that train.
        seeds: of the experiments that train: number of models for every setting.
        changes: `key=value` over the recipe.
        report: called with the name of a part, its steps done and their number.
    """

    data: Path
    weights: Path
    results: Path
    out: Path | None = None
    model: str = "default"
    side: int = 192
    amount: int = 0
    optimize: int = 0
    iterations: int = 60
    recipe: Path = Path("recipes/generalization.toml")
    seeds: int = 3
    changes: Sequence[str] = ()
    report: Callable[[str, int, int], None] | None = None

    @property
    def material(self) -> Material:
        """The pictures and the loss network."""
        return Material.of(self.data, self.weights)

    def reporter(self, part: str) -> Report | None:
        """`report` for one part."""
        report = self.report
        return None if report is None else lambda done, total: report(part, done, total)
