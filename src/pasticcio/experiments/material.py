"""The pictures and the loss network of the experiments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pasticcio.errors import DataError, PasticcioError
from pasticcio.experiments.evaluate import CONTENT, STYLE
from pasticcio.nn.vgg import Vgg
from pasticcio.space.embeddings import find_pictures
from pasticcio.training.pretrained import load_vgg

SEED = 2017


@dataclass(frozen=True)
class Material:
    """The pictures of the experiments: tables with a column "split".

    Attributes:
        photos, paintings, textures: .csv tables; rows of split "train" may be trained on.
        vgg: file of the normalised VGG-19, in which all losses are measured.
    """

    photos: Path
    paintings: Path
    textures: Path
    vgg: Path

    @classmethod
    def of(cls, data: Path, weights: Path) -> Material:
        """The tables of a data folder and the network of a weights folder, by their usual names."""
        return cls(
            data / "photos.csv", data / "paintings.csv", data / "textures.csv",
            weights / "vgg19_normalised_conv4_1.safetensors",
        )  # fmt: skip

    def files(self, kind: str, split: str) -> list[Path]:
        """Pictures of a kind ("photos", "paintings", "textures") and split.

        Raises:
            DataError: there are none.
        """
        try:
            found = [entry.path for entry in find_pictures([getattr(self, kind)], split)]
        except PasticcioError as error:
            raise DataError(f"the experiments need {getattr(self, kind)}: {error}") from error
        if not found:
            raise DataError(f"{getattr(self, kind)} has no rows of split {split!r}")
        return found

    def loss_network(self) -> Vgg:
        """The normalised VGG-19 with the layers of content and style losses."""
        return load_vgg("vgg19-normalised", sorted({*CONTENT, *STYLE}), str(self.vgg), padding="reflect")


def draw(files: Sequence[Path], count: int, rng: np.random.Generator) -> list[Path]:
    """So many at random; each of them once before any twice."""
    rounds = -(-count // len(files))
    order = np.concatenate([rng.permutation(len(files)) for _ in range(rounds)])
    return [files[int(i)] for i in order[:count]]
