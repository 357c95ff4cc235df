"""The pictures and the loss network of the experiments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pasticcio.errors import DataError, ImageError
from pasticcio.experiments.measures import CONTENT, STYLE
from pasticcio.image.listing import find_pictures
from pasticcio.image.picture import Array
from pasticcio.image.resize import style_view
from pasticcio.nn.vgg import Vgg
from pasticcio.space.pictures import open_reduced
from pasticcio.training.pretrained import load_vgg


@dataclass(frozen=True)
class Material:
    """Tables of pictures with a column "split", and the loss network.

    Attributes:
        photos, paintings, textures: .csv tables; rows of the split "train" may be trained on.
        vgg: weights of the normalized VGG-19, in which all losses are measured.
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
            return [entry.path for entry in find_pictures(getattr(self, kind), split)]
        except ImageError as error:
            raise DataError(f"the experiments need {getattr(self, kind)}: {error}") from error

    def loss_network(self) -> Vgg:
        """The normalized VGG-19 with the layers of the content and style losses."""
        return load_vgg("vgg19-normalised", sorted({*CONTENT, *STYLE}), str(self.vgg), padding="reflect")


def draw(files: Sequence[Path], count: int, rng: np.random.Generator) -> list[Path]:
    """Draw `count` files at random; no file is drawn a second time before every file was drawn once."""
    rounds = -(-count // len(files))
    order = np.concatenate([rng.permutation(len(files)) for _ in range(rounds)])
    return [files[int(i)] for i in order[:count]]


def read_square(path: Path, side: int) -> Array:
    """The center square of a picture file, (side, side, 3) in [0, 1]."""
    image = style_view(open_reduced(path, side), side)
    top, left = (image.shape[0] - side) // 2, (image.shape[1] - side) // 2
    return np.ascontiguousarray(image[top : top + side, left : left + side])
