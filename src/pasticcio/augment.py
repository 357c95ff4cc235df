"""Random styles as data augmentation (Jackson et al. 2018, "Style augmentation").

    from pasticcio.augment import RandomStyle

    augment = RandomStyle(strength=0.5, probability=0.5, seed=1)
    batch = augment(batch)        # torch tensor or array (B, 3, H, W) or (3, H, W) in [0, 1]
    picture = augment(picture)    # PIL picture

Works on the CPU by onnxruntime alone; torch is needed only by those who pass its tensors.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.errors import ImageError, OptionError
from pasticcio.image.picture import to_pil
from pasticcio.image.read import open_image
from pasticcio.model.folder import Model
from pasticcio.model.names import ONNXRUNTIME
from pasticcio.render.options import MAX_STRENGTH
from pasticcio.render.stylizer import MIN_SIDE, Stylizer
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.style import towards

if TYPE_CHECKING:
    import torch

Pictures = TypeVar("Pictures", "Image.Image", "torch.Tensor", NDArray[Any])

_loaded: dict[tuple[str, int], Stylizer] = {}  # by model and threads
_lock = threading.Lock()


class RandomStyle:
    """A callable that gives each picture a random style.

    Styles are drawn from the Gaussian of the embeddings of the styles that the model was trained on and
    mixed with each picture's own: own + strength (drawn - own). As in the paper of style augmentation,
    shapes stay and colors and textures change.

    A copy of it costs nothing: the networks are loaded at the first picture, once in a process however
    many copies of it there are, so it can be handed to a DataLoader's workers, started in any way. In each
    worker of a DataLoader it draws other styles, and other ones in every epoch; with a seed the same ones in
    every run of as many workers.

    Args:
        strength: 0 is no change of style, 1 the drawn style in full; or a pair, for a strength drawn evenly
            between the two for each picture.
        probability: share of the pictures that are changed at all.
        seed: for the same draws in every run; None for others each time.
        model: name of a shipped model, or a model folder.
        gaussian: where styles are drawn from; by default that of the model's training styles.
        threads: threads for the networks, per process.

    Raises:
        OptionError: strength or probability outside their range.
        StyleError: a Gaussian of another model, or none.
        ModelError: see `Model.open`.
    """

    def __init__(
        self,
        strength: float | tuple[float, float] = 0.5,
        probability: float = 1.0,
        seed: int | None = None,
        model: str | os.PathLike[str] = "default",
        gaussian: StyleGaussian | None = None,
        threads: int = 1,
    ) -> None:
        low, high = strength if isinstance(strength, tuple) else (strength, strength)
        if not 0.0 <= low <= high <= MAX_STRENGTH:
            raise OptionError(f"strength is {strength}; it must be between 0 and {MAX_STRENGTH:g}, the lower first")
        if not 0.0 <= probability <= 1.0:
            raise OptionError(f"probability is {probability:g}; it must be between 0 and 1")
        self.strength = float(low), float(high)
        self.probability = float(probability)
        self.seed = seed
        self.model = Model.open(model)
        self.gaussian = gaussian or StyleGaussian.open(self.model.name, self.model.fingerprint)
        self.threads = threads
        if self.gaussian.model != self.model.fingerprint:
            # load says it in full where it reads a file; this one was handed over
            from pasticcio.errors import StyleError

            raise StyleError(
                f"the Gaussian belongs to model {self.gaussian.model}, not to {self.model.name} "
                f"({self.model.fingerprint})"
            )
        self._rng: np.random.Generator | None = None
        self._drawn_in: tuple[int, int] | None = None

    def __call__(self, pictures: Pictures) -> Pictures:
        """Change the style of a picture or a batch.

        Args:
            pictures: a PIL picture; or a torch tensor or numpy array (3, H, W) or (B, 3, H, W), uint8 or
                floating point in [0, 1].

        Returns:
            The same kind, size, type and device. PIL pictures come back as RGB.

        Raises:
            ImageError: another kind, or values outside their range.
        """
        if isinstance(pictures, Image.Image):
            image = open_image(pictures)
            return to_pil(self._batch(image.transpose(2, 0, 1)[None])[0].transpose(1, 2, 0))
        if isinstance(pictures, np.ndarray):
            return self._array(pictures)
        if type(pictures).__module__.partition(".")[0] == "torch":
            import torch

            values = self._array(pictures.detach().cpu().numpy())
            return torch.from_numpy(values).to(pictures.device)
        raise ImageError(f"a {type(pictures).__name__} is no picture; give a PIL picture, an array or a torch tensor")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_rng": None, "_drawn_in": None}

    def __repr__(self) -> str:
        return (
            f"RandomStyle(strength={self.strength}, probability={self.probability:g}, seed={self.seed}, "
            f"model={self.model.name!r})"
        )

    def _array(self, pictures: NDArray[Any]) -> NDArray[Any]:
        if pictures.ndim not in (3, 4) or pictures.shape[-3] != 3 or 0 in pictures.shape:
            raise ImageError(f"an array of shape {pictures.shape} is no (3, H, W) picture or (B, 3, H, W) batch")
        whole = pictures.dtype == np.uint8
        if not whole and not np.issubdtype(pictures.dtype, np.floating):
            raise ImageError(f"pictures of {pictures.dtype} cannot be read; use uint8 or floating point in [0, 1]")
        values = pictures.astype(np.float32) / (np.float32(255) if whole else np.float32(1))
        low, high = float(values.min()), float(values.max())
        if not (low >= -1e-3 and high <= 1 + 1e-3):
            raise ImageError(
                f"pictures must lie in [0, 1]; these span {low:g} to {high:g}: augment before you normalize"
            )
        changed = self._batch(values if values.ndim == 4 else values[None])
        changed = changed if values.ndim == 4 else changed[0]
        if whole:
            changed = np.clip(changed * 255 + np.float32(0.5), 0, 255)
        return changed.astype(pictures.dtype)

    def _batch(self, values: NDArray[np.float32]) -> NDArray[np.float32]:
        """(B, 3, H, W) in [0, 1] to the same."""
        rng = self._generator()
        chosen = np.flatnonzero(rng.random(len(values)) < self.probability)
        if not len(chosen):
            return values
        strengths = rng.uniform(*self.strength, len(chosen)).astype(np.float32)[:, None]
        drawn = np.stack([self.gaussian.sample(rng) for _ in chosen])
        stylizer = _stylizer(self.model, self.threads)
        shown = _at_least(np.ascontiguousarray(values[chosen]))
        own = stylizer.run(self.model.predict, style=shown)
        mixed = towards(own, drawn, strengths)
        images = stylizer.run(self.model.transfer, content=shown, embedding=mixed.astype(np.float32))
        changed = values.copy()
        changed[chosen] = np.clip(images[:, :, : values.shape[2], : values.shape[3]], 0, 1)
        return changed

    def _generator(self) -> np.random.Generator:
        """The generator of this process, anew in every worker and epoch of a DataLoader."""
        worker, worker_seed = _worker()
        here = os.getpid(), worker_seed
        if self._rng is None or self._drawn_in != here:
            # the DataLoader's own seed changes with the epoch: that, where no seed is given; else what of
            # it is the same in every run
            parts = None if self.seed is None else [self.seed, worker, worker_seed]
            self._rng = np.random.default_rng(parts)
            self._drawn_in = here
        return self._rng


def _worker() -> tuple[int, int]:
    """Number and seed of the DataLoader's worker that this process is; 0 and 0 where it is none."""
    import sys

    if "torch.utils.data" in sys.modules:
        info = sys.modules["torch.utils.data"].get_worker_info()
        if info is not None:
            return int(info.id) + 1, int(info.seed)
    return 0, 0


def _stylizer(model: Model, threads: int) -> Stylizer:
    """The model, loaded once in a process."""
    key = str(model.folder), threads
    with _lock:
        if key not in _loaded:
            _loaded[key] = Stylizer(model, threads=threads, runtime=ONNXRUNTIME)  # the same everywhere, no measuring
        return _loaded[key]


def _at_least(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """Pictures smaller than the graphs accept, reflected to the right and downwards."""
    down, right = (max(0, MIN_SIDE - side) for side in values.shape[2:])
    if not down and not right:
        return values
    mode = "reflect" if min(values.shape[2:]) > 1 else "edge"
    return np.pad(values, ((0, 0), (0, 0), (0, down), (0, right)), mode=mode)  # type: ignore[call-overload,no-any-return]
