"""Embedder: a style from a picture, from a folder of pictures, or by chance."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pasticcio import __version__, cache
from pasticcio.image.picture import Array, Source, as_batch
from pasticcio.image.read import open_image
from pasticcio.image.resize import style_view
from pasticcio.kept import Kept, pixels_key
from pasticcio.model.folder import Model
from pasticcio.render.find import LIKE, RANDOM, Draw, Given, Several, find
from pasticcio.render.options import SPREAD
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.style import Style

STYLE_RANGE = 192, 512  # short side of the style pictures that the models were trained on
EMBEDDINGS, MOST_EMBEDDINGS = "embeddings", 1000  # folder in the cache folder, and files in it
SEEN = 16  # embeddings kept by the pixels that were embedded
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def style_side(asked: int | None, height: float, width: float) -> int:
    """The short side, in pixels, at which style pictures are embedded for a photo of that height and width.

    Args:
        asked: the side that the caller asks for, if any, see `Options`.
        height, width: of the photo, at the size at which it is rendered.
    """
    return asked or int(np.clip(min(height, width), *STYLE_RANGE))


@dataclass(frozen=True)
class View:
    """How a style picture is prepared before it is embedded.

    Attributes:
        side: its short side in pixels.
        recolor: changes its colors, float32 (H, W, 3) in [0, 1]; None for no change.
    """

    side: int
    recolor: Callable[[Array], Array] | None = None


@dataclass(frozen=True)
class Chance:
    """What random styles depend on.

    Attributes:
        seed: None for other draws each time.
        spread: see `Options`.
        place: number of the style among those of one picture; each draws for itself.
    """

    seed: int | None = None
    spread: float = SPREAD
    place: int = 0

    def generator(self) -> np.random.Generator:
        """A new generator, the same for the same seed and place."""
        return np.random.default_rng(None if self.seed is None else (self.seed, self.place))


class Embedder:
    """Styles for one model; several threads may use one.

    Args:
        model: the model.
        predict: its style prediction network: pictures (B, 3, H, W) in [0, 1] to embeddings (B, E).
    """

    def __init__(self, model: Model, predict: Predict) -> None:
        self.model = model
        self._network = predict
        self._seen: Kept[NDArray[np.float32]] = Kept(SEEN)
        self._known: dict[tuple[str, int, int, int], NDArray[np.float32]] = {}  # by file: 100 numbers each

    def style(self, given: Given, view: View, chance: Chance, name: str = "") -> Style:
        """The style that is meant, embedded or drawn where it is not known yet.

        Args:
            given: see `Stylizer.embed`.
            view: for a picture.
            chance: for "random" and "like:...".
            name: of the style; by default the file's.

        Raises:
            ImageError, StyleError: see `Stylizer.embed`.
        """
        found = find(given, self.model)
        if isinstance(found, Style):
            return found
        if isinstance(found, Draw):
            return self._drawn(found, view, chance, name)
        if isinstance(found, Several):
            return self._mean(found, view, name)
        return self.embed(found, view, name)

    def embed(self, picture: Source, view: View, name: str = "") -> Style:
        """The style of one picture; of a file it is kept, and read again only when the file has changed."""
        if not name and isinstance(picture, (str, os.PathLike)):
            name = Path(picture).name
        key = _file_key(picture, view.side)
        if view.recolor is not None:
            embedding = self._predict(view.recolor(open_image(picture)), view.side)
        elif key is None:
            embedding = self._predict(open_image(picture), view.side)
        else:
            embedding = self._known[key] = self._of_file(key, picture)
        return Style(embedding, self.model.fingerprint, name)

    def _of_file(self, key: tuple[str, int, int, int], picture: Source) -> NDArray[np.float32]:
        """The embedding of a file: from memory, from the cache folder, or from the network."""
        if key in self._known:
            return self._known[key]
        file = self._content_key(key)
        embedding = self._kept(file)
        if embedding is None:
            embedding = self._predict(open_image(picture), key[-1])
            cache.keep(embedding.tobytes(), EMBEDDINGS, file)
            cache.thin(MOST_EMBEDDINGS, EMBEDDINGS)
        return embedding

    def _mean(self, folder: Several, view: View, name: str) -> Style:
        """The mean of the styles of a folder's pictures."""
        mean = np.mean([self.embed(path, view).embedding for path in folder.files], axis=0)
        return Style(mean, self.model.fingerprint, name or folder.name)

    def _drawn(self, draw: Draw, view: View, chance: Chance, name: str) -> Style:
        """A random style; near another one if the draw says so."""
        gaussian = StyleGaussian.open(self.model.name, self.model.fingerprint)
        if not draw.near:
            return Style(gaussian.sample(chance.generator()), self.model.fingerprint, name or RANDOM)
        like = self.style(draw.near, view, replace(chance, place=0))
        embedding = gaussian.near(like.embedding, chance.spread, chance.generator())
        return Style(embedding, self.model.fingerprint, name or f"{LIKE}{like.name}")

    def _kept(self, file: str) -> NDArray[np.float32] | None:
        """The embedding in a file of the cache folder."""
        data = cache.load(EMBEDDINGS, file)
        if data is None or len(data) != 4 * self.model.embedding:
            return None
        embedding = np.frombuffer(data, np.float32)
        return embedding if np.isfinite(embedding).all() else None

    def _predict(self, image: Array, side: int) -> NDArray[np.float32]:
        """The embedding (E,) of a style picture (H, W, 3) in [0, 1]; those of the last pictures are kept.

        The same photo is rendered again and again while somebody looks for its strength, which needs its own embedding.
        """
        batch = _batch(image, side)
        return self._seen.get(pixels_key(batch), lambda: self._network(batch)[0]).copy()

    def _content_key(self, file: tuple[str, int, int, int]) -> str:
        """A name for an embedding in the cache folder: of the picture's bytes and all else that it depends on."""
        path, *_, side = file
        digest = hashlib.sha256(f"{__version__} {self.model.fingerprint} {side} ".encode())
        try:
            with open(path, "rb") as content:
                while chunk := content.read(1 << 20):
                    digest.update(chunk)
        except OSError:
            open_image(path)  # says why
            raise
        return digest.hexdigest()[:40]


def seen(given: Given, model: Model, view: View) -> Array | None:
    """What the network sees of a style that is one picture, (1, 3, H, W) in [0, 1]; None for any other style.

    Raises:
        ImageError, StyleError: see `Stylizer.embed`.
    """
    found = find(given, model)
    if isinstance(found, (Style, Draw, Several)):
        return None
    image = open_image(found)
    return _batch(image if view.recolor is None else view.recolor(image), view.side)


def _batch(image: Array, side: int) -> Array:
    return np.ascontiguousarray(as_batch(style_view(image, side)))


def _file_key(picture: Source, side: int) -> tuple[str, int, int, int] | None:
    """What tells one state of a file from another, and the size it is looked at; None for what is no file."""
    if not isinstance(picture, (str, os.PathLike)):
        return None
    try:
        status = os.stat(picture)
    except OSError:
        return None  # opening it will say why
    if not stat.S_ISREG(status.st_mode):
        return None
    return os.path.abspath(picture), status.st_mtime_ns, status.st_size, side
