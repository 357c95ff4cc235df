"""Random styles as data augmentation (Jackson et al. 2018, "Style augmentation").

    from pasticcio.augment import RandomStyle

    augment = RandomStyle(strength=0.5, probability=0.5, seed=1)
    batch = augment(batch)        # torch tensor or array (B, 3, H, W) or (3, H, W) in [0, 1]
    picture = augment(picture)    # PIL picture

Works on the CPU by onnxruntime alone; torch is needed only by those who pass its tensors.
"""

from __future__ import annotations

import hashlib
import os
import sys
import threading
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from pasticcio.errors import ImageError, OptionError, StyleError
from pasticcio.image.picture import to_pil
from pasticcio.image.read import open_image
from pasticcio.image.resize import at_least
from pasticcio.model.folder import Model
from pasticcio.model.names import ONNXRUNTIME
from pasticcio.render.declare import check_value
from pasticcio.render.options import shared
from pasticcio.render.strength import at_strength
from pasticcio.render.stylizer import MIN_SIDE, Stylizer
from pasticcio.style.gaussian import StyleGaussian

if TYPE_CHECKING:
    import torch

Pictures = TypeVar("Pictures", "Image.Image", "torch.Tensor", NDArray[Any])

_loaded: dict[tuple[str, int], Stylizer] = {}  # by model and threads
_lock = threading.Lock()


class RandomStyle:
    """A callable that gives each picture a random style.

    Styles are drawn from the Gaussian of the embeddings of the styles that the model was trained on, and each picture's
    own style gives way to the style drawn, by `strength` (see `at_strength`). Shapes stay, colors and textures change
    (Jackson et al. 2018).

    A copy costs nothing: the networks are loaded at the first picture, once in a process, however many copies there
    are. So it can be handed to a DataLoader's workers or to a `multiprocessing.Pool`, started in any way.

    What a seed promises: the style of a picture depends on the seed, the epoch (see `set_epoch`), the picture's
    content, and how many times the same copy of this object has seen that content in this epoch; on nothing else. So
    it is the same in every run, in whichever worker, batch or order the picture comes, and other pictures have other
    styles. Copies in other processes count from 0. Workers that a DataLoader starts anew for every epoch therefore
    repeat their styles unless `set_epoch` is called before each; workers that persist, and a single process, go on
    counting and draw other styles every time. Without a seed all draws differ every time, everywhere.

    Args:
        strength: 0 is no change of style, 1 the drawn style in full, up to 1.5; or a pair, for a strength drawn evenly
            between the two for each picture.
        probability: share of the pictures that are changed at all.
        seed: 0 or more, for the same draws in every run; None for others each time.
        model: name of a shipped model, or a model folder.
        gaussian: where styles are drawn from; by default that of the model's training styles.
        threads: threads for the networks, per process.

    Raises:
        OptionError: strength, probability or seed outside their range.
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
        for value in (low, high):
            check_value("strength", value, **shared("strength"))
        if low > high:
            raise OptionError(f"strength is {strength}; the lower must be first")
        check_value("probability", probability, range=(0.0, 1.0))
        if seed is not None:
            check_value("seed", seed, **shared("seed"))
        self.strength = float(low), float(high)
        self.probability = float(probability)
        self.seed = seed
        self.epoch = 0
        self.model = Model.open(model)
        self.gaussian = gaussian or StyleGaussian.open(self.model.name, self.model.fingerprint)
        self.threads = threads
        if self.gaussian.model != self.model.fingerprint:
            raise StyleError(
                f"the Gaussian belongs to model {self.gaussian.model}, not to {self.model.name} "
                f"({self.model.fingerprint})"
            )
        self._forget()

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch: with a seed, the draws of another epoch are others, and those of the same one the same.

        Call it in the process that iterates over a DataLoader, before each epoch. Workers that persist keep the
        copy that they have, and go on counting.

        Args:
            epoch: 0 or more; a new object is in epoch 0.

        Raises:
            OptionError: an epoch below 0 or no whole number.
        """
        check_value("epoch", epoch, type=int, range=(0, None))
        self.epoch = epoch
        self._forget()

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
        torch = sys.modules.get("torch")  # where it is not imported there are no tensors
        if torch is not None and isinstance(pictures, torch.Tensor):
            plain = pictures.detach().cpu().as_subclass(torch.Tensor)
            values = self._array((plain.float() if plain.dtype == torch.bfloat16 else plain).numpy())
            changed = torch.from_numpy(values).to(pictures.device, pictures.dtype)
            return changed.as_subclass(type(pictures))  # type: ignore[no-any-return]
        raise ImageError(f"a {type(pictures).__name__} is no picture; give a PIL picture, an array or a torch tensor")

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_process": -1}

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
        chosen, strengths, drawn = [], [], []
        for place, picture in enumerate(values):
            rng = self._generator(picture)
            if rng.random() < self.probability:
                chosen.append(place)
                strengths.append(rng.uniform(*self.strength))
                drawn.append(self.gaussian.sample(rng))
        if not chosen:
            return values
        stylizer = _stylizer(self.model, self.threads)
        shown = at_least(np.ascontiguousarray(values[chosen]), MIN_SIDE, (2, 3))
        own = stylizer.run(self.model.predict, style=shown)
        mixed = at_strength(stylizer, own, np.stack(drawn), np.array(strengths, np.float32)[:, None])
        images = stylizer.run(self.model.transfer, content=shown, embedding=mixed)
        changed = values.copy()
        changed[chosen] = np.clip(images[:, :, : values.shape[2], : values.shape[3]], 0, 1)
        return changed

    def _generator(self, picture: NDArray[np.float32]) -> np.random.Generator:
        """What the draws for a picture, (3, H, W), come from."""
        if self.seed is None:
            return np.random.default_rng()
        content = np.ascontiguousarray(picture)
        key = int.from_bytes(hashlib.blake2b(content.tobytes(), digest_size=8).digest(), "big")
        with _lock:
            if self._process != os.getpid():
                self._forget()
            seen = self._seen.get(key, 0)
            self._seen[key] = seen + 1
        return np.random.default_rng([self.seed, self.epoch, key, seen])

    def _forget(self) -> None:
        """Count the pictures seen from 0."""
        self._seen: dict[int, int] = {}  # by a digest of their content
        self._process = os.getpid()  # that counted: a copy in another process counts for itself


def _stylizer(model: Model, threads: int) -> Stylizer:
    """The model, loaded once in a process."""
    key = str(model.folder), threads
    with _lock:
        if key not in _loaded:
            _loaded[key] = Stylizer(model, threads=threads, runtime=ONNXRUNTIME)  # the same everywhere, no measuring
        return _loaded[key]
