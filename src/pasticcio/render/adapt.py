"""A style fitted to one photo, by a few steps on a sketch of it; the model stays as it is.

An embedding is predicted from a style alone, and is a compromise for all photos. What becomes of a style depends on the
photo, too: on how much of it is even, and on its contrasts. Here the photo is rendered small, a sketch, and the
embedding takes a few steps down the loss of this sketch. The Gram matrices of a sketch are not those of the picture,
since its strokes are as large and all else is smaller. So the sketch is not asked for the style's own, but for these
plus what sketch and picture differ by at the start (space mapping: Bandler et al. 1994, "Space mapping technique for
electromagnetic optimization"). After the first steps a larger sketch takes the place of the first. From a certain size
on the time does not grow with the photo. The first steps go where a model has learned that they should, if it has
(`steps.onnx`, see `nn.steps`), and else down the gradient, as all later ones do.

Departure from the paper, whose embedding depends on the style alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import StyleError
from pasticcio.image.picture import Array, as_batch
from pasticcio.image.resize import resized
from pasticcio.kept import pixels_key
from pasticcio.render.slope import Grams, Row, Slope, Slopes
from pasticcio.render.strength import at_strength

if TYPE_CHECKING:
    from pasticcio.render.stylizer import Stylizer

SKETCH, LARGER = 112**2, 224**2  # pixels, at most
MEASURED = 384**2  # pixels, at most, of the picture with which a sketch is compared
LEAST, FLAT = 16, 4  # shortest side, and longest as a multiple of the shortest: what is longer is pressed together
GRID = 8  # both sides of a sketch are multiples of it
LENGTHS = 0.05, 0.06  # of the first step on either sketch at strength 1, where embeddings have a length of about 1
KEPT = 0.8, 0.5  # decay of the mean of gradients on either
USUAL = 0.95  # decay of the mean of their squared lengths
STEEP = 1e4  # length of a gradient that is none, as of a photo of one color: normalizations divide by almost nothing
CONTENT = 0.5  # factor on the content loss, at strength 1
LEARNED = 4  # steps on the first sketch, which a model may have learned, see `training.steps`
WEAKER = 2.25  # power of the strength by which it is divided
FAINT = 0.01  # strength from which down it weighs no more


def eased(strength: float) -> float:
    """The strength of the embedding at which a descent begins, and the factor on its steps.

    An embedding between the photo's own and the style's has less style, and so has one that is fitted with a larger
    weight of the content. The second has more style at the same content, so a descent begins nearer to the style.
    """
    return strength * (2 - strength) if strength < 1 else strength


Way = Callable[[Slopes, int, int], Row]
"""Where a step goes, (1, E): from what is known at its place, its number on the sketch, and that of all there."""


class Sketch:
    """A photo, rendered small.

    Args:
        stylizer: of a model that has the graph of the loss, as the shipped ones.
        photo: (H, W, 3) in [0, 1].
        alpha: (H, W) in [0, 1]: what is transparent counts as the mean of the rest; None for all opaque.
    """

    def __init__(self, stylizer: Stylizer, photo: Array, alpha: Array | None = None) -> None:
        self._stylizer = stylizer
        if alpha is not None:
            share = alpha[:, :, None]
            mean = (share * photo).sum((0, 1)) / max(1.0, float(share.sum()))
            photo = mean + share * (photo - mean)
        self._photo = _sized(photo, MEASURED, 1)
        self._sketches = [_sized(photo, most, GRID) for most in (SKETCH, LARGER)]

    def fit(self, embedding: Row, view: Array, steps: int, strength: float = 1.0, own: Row | None = None) -> Row:
        """The embedding of a style, fitted to the photo.

        Args:
            embedding: (E,), as predicted, at strength 1.
            view: the style's picture as the style prediction network sees it, (1, 3, H, W) in [0, 1].
            steps: more come nearer to the picture.
            strength: see `Options`; the less it is, the more the photo's content counts, and the nearer to the photo's
                own embedding the descent begins. Where it is 0 nothing is fitted.
            own: the photo's own embedding, (E,); None to begin at the style's, whatever the strength.

        Raises:
            ModelError: a model without this graph.
            StyleError: a loss that is not finite.
        """
        if own is not None:
            embedding = at_strength(self._stylizer, own, embedding, eased(strength))
        if strength == 0:
            return embedding
        slope = Slope(self._stylizer, embedding)
        row = embedding[None].astype(np.float32)
        wanted = self._stylizer.style_grams.get(pixels_key(view), lambda: slope.grams(view))
        rendered = slope.grams(self._render(self._photo, row))
        place, done = row.astype(np.float64), 0
        for ways, sketch, count in zip(self._ways(row), self._sketches, (min(steps, LEARNED), steps), strict=True):
            if done == count:
                break
            drawn = slope.grams(self._render(sketch, row))
            aim = {layer: gram + drawn[layer] - rendered[layer] for layer, gram in wanted.items()}
            self._descend(slope, place, sketch, aim, ways, range(done, count), strength)
            done = count
        found: Row = place[0].astype(np.float32)
        return found

    def _render(self, content: Array, row: Row) -> Array:
        return self._stylizer.run(self._stylizer.model.transfer, content=content, embedding=row)

    def _descend(
        self,
        slope: Slope,
        place: NDArray[np.float64],
        sketch: Array,
        aim: Grams,
        way: Way,
        steps: range,
        strength: float,
    ) -> None:
        """Move an embedding, (1, E), by some steps."""
        weight = CONTENT / max(strength, FAINT) ** WEAKER
        for step in steps:
            found = slope(place.astype(np.float32), sketch, aim, weight)
            if not math.isfinite(found.loss):
                raise StyleError(f"the loss of step {step + 1} is {found.loss}; the style or the model is damaged")
            if found.length > STEEP * max(weight, 1.0):
                break
            place += eased(strength) * way(found, step - steps.start, len(steps))

    def _ways(self, first: Row) -> Iterator[Way]:
        """The way of each step on either sketch: on the first as the model has learned it, if it has."""
        graph = self._stylizer.model.steps
        yield _Mean(LENGTHS[0], KEPT[0]) if graph is None else self._learned(graph, first)
        yield _Mean(LENGTHS[1], KEPT[1])

    def _learned(self, graph: Path, first: Row) -> Way:
        gradients = np.zeros((LEARNED, first.shape[1]), np.float32)

        def way(found: Slopes, step: int, steps: int) -> Row:
            gradients[step] = found.gradient[0]
            return self._stylizer.run(graph, gradients=gradients, start=first, step=np.array([step]))

        return way


class _Mean:
    """Steps down the mean of the gradients, each shorter than the last.

    Args:
        length: of the first.
        kept: decay of the mean.
    """

    def __init__(self, length: float, kept: float) -> None:
        self._length, self._kept = length, kept
        self._mean: Any = 0.0
        self._square = 0.0

    def __call__(self, found: Slopes, step: int, steps: int) -> Row:
        self._mean = self._kept * self._mean + (1 - self._kept) * found.direction
        self._square = USUAL * self._square + (1 - USUAL) * found.length**2
        usual = math.sqrt(self._square / (1 - USUAL ** (step + 1))) + 1e-12
        far = self._length * (1 - step / steps)
        down: Row = -far * self._mean / (1 - self._kept ** (step + 1)) / usual
        return down


def _sized(photo: Array, most: int, grid: int) -> Array:
    """A photo with at most so many pixels, and sides that are multiples of the grid, as a batch of one."""
    height, width = photo.shape[:2]
    ratio = min(max(width / height, 1 / FLAT), FLAT)
    area = min(height * width, most)
    across = max(LEAST, grid * round(math.sqrt(area * ratio) / grid))
    down = max(LEAST, grid * int(area / across / grid))
    return np.ascontiguousarray(as_batch(resized(photo, (across, down))))
