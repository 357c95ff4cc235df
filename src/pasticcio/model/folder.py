"""A model on disk: a folder with its configuration, weights, ONNX graphs and card."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pasticcio.errors import ModelError, nearest
from pasticcio.model.config import CONFIG, EXPORT, ModelConfig
from pasticcio.model.fetched import NAME, pulled

if TYPE_CHECKING:
    from pasticcio.style.style import Style

SHIPPED = Path(__file__).parent / "shipped"
PREDICT = "predict.onnx"
TRANSFER = "transfer.onnx"
PIXELS = "pixels.onnx"
PIXELS_INT8 = "pixels-int8.onnx"
REGIONS = "regions.onnx"
GRAPHS = PREDICT, TRANSFER, PIXELS, PIXELS_INT8, REGIONS
GRAMS, SLOPE = "grams.onnx", "slope.onnx"
CONTENT_WEIGHT = "content_weight"  # input of `SLOPE`
STRENGTH = "strength.onnx"
STEPS = "steps.onnx"
JUDGE = "judge.safetensors"  # weights that `GRAMS` and `SLOPE` read
WEIGHTS = "model.safetensors"
MEASURED = STRENGTH, STEPS  # graphs that an export does not write: scripts add them
TEXTS = "README.md", "LICENSE", "NOTICE"
FILES = CONFIG, *GRAPHS, GRAMS, SLOPE, *MEASURED, JUDGE, WEIGHTS, *TEXTS  # all that a model may hold


@dataclass(frozen=True)
class Model:
    """A model folder that holds all that stylizing needs.

    >>> Model.open("default").embedding
    100

    Attributes:
        folder: path of the folder.
        settings: its configuration.
    """

    folder: Path
    settings: ModelConfig

    @property
    def name(self) -> str:
        """Of the model."""
        return self.settings.name

    @property
    def fingerprint(self) -> str:
        """First digits of the sha256 of its weights; styles carry it."""
        return self.settings.fingerprint

    @property
    def embedding(self) -> int:
        """Length of its style embeddings; of a table of styles, their number."""
        return self.settings.embedding

    @property
    def style_side(self) -> int:
        """Short side, in pixels, to which a style picture is brought before it is embedded."""
        return self.settings.style_side

    @property
    def table(self) -> bool:
        """Whether it has a fixed number of styles, known by name, and cannot embed pictures."""
        return self.settings.table

    @property
    def config(self) -> Mapping[str, Any]:
        """The JSON object in `config.json`; `settings` has its values with their types."""
        return self.settings.raw

    @property
    def predict(self) -> Path:
        """The graph style picture -> embedding."""
        return self.folder / PREDICT

    @property
    def transfer(self) -> Path:
        """The graph content picture, embedding -> stylized picture."""
        return self.folder / TRANSFER

    @property
    def pixels(self) -> Path | None:
        """`transfer` from bytes to bytes, whose weights it reads; None in a folder of an earlier version."""
        return self._optional(PIXELS)

    @property
    def pixels_int8(self) -> Path | None:
        """`pixels` with convolutions in 8 bits; None where `pasticcio quantize` has not made it."""
        return self._optional(PIXELS_INT8)

    @property
    def grams(self) -> Path | None:
        """The graph style picture -> Gram matrices; None where the predictor holds no loss network."""
        return self._optional(GRAMS)

    @property
    def slope(self) -> Path | None:
        """The graph embedding, photo, Gram matrices -> loss and its gradient.

        None as for `grams`, and where it is of an earlier version, which sees photos of one size alone.
        """
        path = self._optional(SLOPE)
        return path if path and CONTENT_WEIGHT in self.config["inputs"][SLOPE] else None

    @property
    def strength(self) -> Path | None:
        """The graph own and wanted embeddings, strengths -> embeddings; None where strength is a straight line."""
        return self._optional(STRENGTH)

    @property
    def steps(self) -> Path | None:
        """The graph gradients, beginning, number of a step -> its way; None where steps go down the gradient."""
        return self._optional(STEPS)

    def _optional(self, name: str) -> Path | None:
        path = self.folder / name
        return path if name in self.settings.graphs and os.path.isfile(path) else None

    @property
    def regions(self) -> Path:
        """The transfer graph with several styles in one picture and given statistics; its weights are in `transfer`.

        Raises:
            ModelError: the folder, of an earlier version, has none.
        """
        path = self.folder / REGIONS
        if self.settings.regions is None or not os.path.isfile(path):
            raise ModelError(f"{self.folder} has no {REGIONS} for masks, transparency and tiles; {EXPORT}")
        return path

    @property
    def bytes(self) -> int:
        """Size of the graphs on disk."""
        return sum((self.folder / name).stat().st_size for name in GRAPHS if os.path.isfile(self.folder / name))

    @property
    def styles(self) -> dict[str, Style]:
        """The styles known by name: of a table all of them, else the named styles in the package."""
        # Imported here: they need numpy, which listing models does not.
        import numpy as np

        from pasticcio.style.named import list_styles
        from pasticcio.style.style import Style

        if not self.table:
            return list_styles(self.name)
        rows = np.eye(self.embedding, dtype=np.float32)
        names = self.settings.styles
        return {name: Style(row, self.fingerprint, name) for name, row in zip(names, rows, strict=True)}

    @classmethod
    def open(cls, name: str | os.PathLike[str] = "default") -> Model:
        """A shipped model by name, any model folder by path, or a model of the hub that was fetched, see `hub.pull`.

        Raises:
            ModelError: unknown name, or an incomplete or damaged folder.
        """
        folder = _found(os.fspath(name))
        missing = [file for file in (CONFIG, TRANSFER) if not os.path.isfile(folder / file)]
        if missing:
            raise ModelError(f"{folder} is no complete model: {' and '.join(missing)} missing")
        model = cls(folder, ModelConfig.read(folder))
        if not model.table and not os.path.isfile(model.predict):
            raise ModelError(f"{folder} is no complete model: {PREDICT} missing")
        return model


def list_models() -> list[Model]:
    """The models that ship with the package.

    >>> [model.name for model in list_models()]
    ['default', 'fast']
    """
    return [Model.open(name) for name in _shipped()]


def _found(name: str) -> Path:
    """The folder of a model.

    Raises:
        ModelError: there is none.
    """
    shipped = _shipped()
    if name in shipped or os.path.isdir(name):
        return shipped.get(name, Path(name))
    if (folder := pulled(name)) is not None:
        return folder
    advice = (
        f"'pasticcio pull {name}' fetches it if it is on the hub" if NAME.fullmatch(name) else nearest(name, shipped)
    )
    raise ModelError(f"no model named {name!r} and no such folder; {advice}")


def _shipped() -> dict[str, Path]:
    return {path.parent.name: path.parent for path in sorted(SHIPPED.glob(f"*/{CONFIG}"))}
