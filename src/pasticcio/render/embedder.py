"""Embedder: from a picture, a file, a folder or a name to a style."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio import __version__, cache
from pasticcio.errors import StyleError, nearest
from pasticcio.image.picture import Array, Source, list_pictures, open_image, to_pil
from pasticcio.image.resize import as_batch
from pasticcio.model.folder import Model
from pasticcio.render.options import SPREAD, Options
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.style import Style

RANDOM, LIKE = "random", "like:"
STYLE_RANGE = 192, 512  # short side of the style pictures that the models were trained on
MAX_ASPECT = 4  # of a style picture: the middle of a longer one is taken
EMBEDDINGS, MOST_EMBEDDINGS = "embeddings", 1000  # folder in the cache folder, and files in it
Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


class Embedder:
    """Styles for one model; several threads may use one.

    Args:
        model: the model.
        predict: its style prediction network: pictures (B, 3, H, W) in [0, 1] to embeddings (B, E).
    """

    def __init__(self, model: Model, predict: Predict) -> None:
        self.model = model
        self._network = predict
        self._known: dict[tuple[str, int, int, int], NDArray[np.float32]] = {}  # by file: 100 numbers each

    def __call__(
        self,
        picture: Source | Style,
        name: str,
        side: int,
        recolor: Callable[[Array], Array],
        options: Options,
        place: int = 0,
    ) -> Style:
        """The style of a picture, a file, a folder or a name, see `Stylizer.embed`.

        Args:
            picture, name, side: see there.
            recolor: what is done to the picture's colors first.
            options: `seed` and `spread` of them, for "random" and "like:...".
            place: among the styles of one picture: each draws for itself.
        """
        if _is_drawn(picture):
            assert isinstance(picture, str)
            seed = None if options.seed is None else (options.seed, place)
            if picture == RANDOM:
                return self._random(lambda gaussian: gaussian.sample(np.random.default_rng(seed)), name or RANDOM)
            if picture.startswith(LIKE):
                like = self(picture[len(LIKE) :], "", side, recolor, options)
                return self._random(
                    lambda gaussian: gaussian.near(
                        like.embedding,
                        SPREAD if options.spread is None else options.spread,
                        np.random.default_rng(seed),
                    ),
                    name or f"{LIKE}{like.name}",
                )
        found = self._found(picture)
        if self.model.table and not isinstance(found, Style):
            known = ", ".join(self.model.styles)
            raise StyleError(f"model {self.model.name} cannot look at a picture; it knows the styles {known}")
        if isinstance(found, Style):
            if found.model != self.model.fingerprint:
                raise StyleError(
                    f"style {found.name or 'given'} belongs to model {found.model}, not to {self.model.name} "
                    f"({self.model.fingerprint}); embed its picture with this model"
                )
            return found
        if not name and isinstance(found, (str, os.PathLike)):
            name = os.path.basename(os.fspath(found))
        if isinstance(found, (str, os.PathLike)) and os.path.isdir(found):
            pictures = list_pictures(found)
            styles = [self(path, "", side, recolor, options) for path in pictures]
            mean = np.mean([style.embedding for style in styles], axis=0)
            return Style(mean, self.model.fingerprint, name)
        key = _file_key(found, side) if recolor is unchanged else None
        if key is None:
            return Style(self._predict(recolor(open_image(found)), side), self.model.fingerprint, name)
        if key not in self._known:
            file = self._content_key(key)
            embedding = self._kept(file)
            if embedding is None:
                embedding = self._predict(open_image(found), side)
                cache.keep(embedding.tobytes(), EMBEDDINGS, file)
                cache.thin(MOST_EMBEDDINGS, EMBEDDINGS)
            self._known[key] = embedding
        return Style(self._known[key], self.model.fingerprint, name)

    def _kept(self, file: str) -> NDArray[np.float32] | None:
        """The embedding in a file of the cache folder."""
        data = cache.load(EMBEDDINGS, file)
        if data is None or len(data) != 4 * self.model.embedding:
            return None
        embedding = np.frombuffer(data, np.float32)
        return embedding if np.isfinite(embedding).all() else None

    def _predict(self, image: Array, side: int) -> NDArray[np.float32]:
        """The embedding (E,) of a style picture (H, W, 3) in [0, 1]."""
        row: NDArray[np.float32] = self._network(as_batch(style_view(image, side)))[0]
        return row

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

    def _random(self, draw: Callable[[StyleGaussian], NDArray[np.float32]], name: str) -> Style:
        gaussian = StyleGaussian.open(self.model.name, self.model.fingerprint)
        return Style(draw(gaussian), self.model.fingerprint, name)

    def has_picture(self, style: Source | Style) -> bool:
        """Whether a style is looked at here and now, so that its colors could be changed first."""
        return not _is_drawn(style) and not isinstance(self._found(style), Style)

    def _found(self, picture: Source | Style) -> Source | Style:
        """What a name means: a named or saved style, or else the picture itself."""
        if not isinstance(picture, (str, os.PathLike)):
            return picture
        if not os.path.exists(picture):
            styles = self.model.styles
            name = os.fspath(picture)
            if name not in styles:
                raise StyleError(f"no such file and no named style: {name}; {nearest(name, styles)}")
            return styles[name]
        return Style.load(picture) if os.fspath(picture).lower().endswith(".json") else picture


def unchanged(image: Array) -> Array:
    """The picture as it is."""
    return image


def style_view(image: Array, side: int) -> Array:
    """A style picture as the style prediction network sees it: the short side brought to `side` pixels."""
    height, width = image.shape[:2]
    longest = MAX_ASPECT * min(height, width)
    top, left = max(0, height - longest) // 2, max(0, width - longest) // 2
    image = image[top : top + longest, left : left + longest]
    height, width = image.shape[:2]
    scale = side / min(height, width)
    size = max(side, round(width * scale)), max(side, round(height * scale))
    if size == (width, height):
        return image
    return open_image(to_pil(image).resize(size, Image.Resampling.BICUBIC))


def _is_drawn(style: Source | Style) -> bool:
    """Whether it is "random" or "like:..."; files of such names come first."""
    return isinstance(style, str) and (style == RANDOM or style.startswith(LIKE)) and not os.path.exists(style)


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
