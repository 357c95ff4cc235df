"""The style of one painting, made better by gradient descent on its embedding; the model stays as it is.

A style prediction network sees a painting once, and its embedding is seldom the best one for that painting. Here the
loss of training is lowered over crops of photos with the embedding alone free. The gradient comes from a graph of the
model (`slope.onnx`), so no training framework is needed. The result is a style of the very model: rendering costs
nothing more.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from pasticcio.errors import OptionError, StyleError
from pasticcio.image.crop import varied_crop
from pasticcio.image.picture import Array, Source, as_batch, as_depth, as_float
from pasticcio.image.read import open_image, read_rgb
from pasticcio.image.resize import resized, style_view
from pasticcio.render.declare import check_value
from pasticcio.render.embedder import style_side
from pasticcio.render.slope import Grams, Row, Slope, Slopes
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import Style

CROPS, CROP = 4, 112  # crops of photos in a step, and their side in pixels
SHORT = 144, 448  # short side, in pixels, at which photos are cut, as in training
STEPS = 20
RATE = 0.02  # length of the first step down a gradient of usual length, where embeddings have a length of 1
KEPT = 0.5  # share of the step before, which is added
LATEST = 10  # gradients whose mean length is the usual one
OUTLYING = 2.0  # times the usual length: longer gradients are cut to that
MEASURED = 3  # batches of crops on which the losses before and after are measured
MOST = 32  # photos

T = TypeVar("T")
StepReport = Callable[[int, int, float], None]
"""Called with the number of a step from 1, the number of all steps and the loss."""


@dataclass(frozen=True)
class Refined:
    """The result of `refine`.

    >>> Refined(Style([0.5, -1.0], model="d2fd47733c83", name="mine"), before=9.5, after=8.25).style.name
    'mine'

    Attributes:
        style: of the model, with the refined embedding.
        before: loss with the predicted embedding: content and style, weighted as in training.
        after: loss with the refined one, over the same crops.
    """

    style: Style
    before: float
    after: float


def refine(
    stylizer: Stylizer,
    painting: Source,
    photos: Sequence[Source],
    *,
    steps: int = STEPS,
    side: int | None = None,
    name: str = "",
    seed: int = 0,
    report: StepReport | None = None,
) -> Refined:
    """Find the embedding with which a model renders photos nearest to a painting, from the predicted one on.

    Where the loss ends higher than it was, the predicted embedding is kept.

    >>> from pasticcio import Stylizer
    >>> y, x = np.mgrid[:256, :256].astype(np.uint8)
    >>> photo, painting = np.stack([x, y, x ^ y], axis=2), np.stack([x & y, x | y, 255 - x], axis=2)
    >>> refined = refine(Stylizer(runtime="onnxruntime"), painting, [photo], steps=3)
    >>> refined.after < refined.before
    True

    Args:
        stylizer: of a model that has the graph of the loss, as the shipped one.
        painting: see `open_image`.
        photos: of which crops are rendered; the photos that the style is meant for, or a few of many kinds. Of more
            than 32 so many are used, see `some`.
        steps: of gradient descent, 1 or more.
        side: short side, in pixels from 16 to 4096, to which the painting is resized; by default the median short side
            of the photos, from 192 to 512, as `Stylizer.stylize` has it for each of them.
        name: of the style; by default the file's.
        seed: of the crops, 0 or more.
        report: called after every step.

    Raises:
        ImageError: a picture that cannot be read.
        OptionError: no photos, or a number outside its range.
        ModelError: a model without this graph.
        StyleError: a loss that is not finite.
    """
    check_value("steps", steps, type=int, range=(1, None))
    check_value("seed", seed, type=int, range=(0, None))
    if not photos:
        raise OptionError("no photos are given to refine a style for; give at least one")
    pictures = [read_rgb(photo) for photo in some(photos, seed)]
    short = int(np.median([min(picture.shape[:2]) for picture in pictures]))
    side = style_side(side, short, short)
    predicted = stylizer.embed(painting, name, side)
    slope = Slope(stylizer, predicted.embedding)
    wanted = slope.grams(np.ascontiguousarray(as_batch(style_view(open_image(painting), side))))
    crops = _crops([_small(picture) for picture in pictures], np.random.default_rng(seed))
    shown = [next(crops) for _ in range(MEASURED * CROPS)]
    first = predicted.embedding[None]
    best = _descend(lambda row: _mean(slope, row, wanted, crops), first, steps, report)
    before, after = (float(np.mean([slope(row, crop, wanted).loss for crop in shown])) for row in (first, best))
    if after > before:
        best, after = first, before
    return Refined(Style(best[0], stylizer.model.fingerprint, predicted.name), before, after)


def some(photos: Sequence[T], seed: int) -> Sequence[T]:
    """At most `MOST` of the photos, in an order that depends on the seed."""
    if len(photos) <= MOST:
        return photos
    return [photos[number] for number in np.random.default_rng(seed).permutation(len(photos))[:MOST].tolist()]


def _small(photo: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A photo no larger than it is cut."""
    height, width = photo.shape[:2]
    factor = SHORT[1] / min(height, width)
    return photo if factor >= 1 else as_depth(resized(photo, (round(width * factor), round(height * factor))), np.uint8)


def _mean(slope: Slope, embedding: Row, wanted: Grams, crops: Iterator[Array]) -> Slopes:
    """The means over the crops of a step."""
    found = [slope(embedding, crop, wanted) for crop in itertools.islice(crops, CROPS)]
    return Slopes(*(np.mean(values, axis=0) for values in zip(*found, strict=True)))


def _descend(at: Callable[[Row], Slopes], first: Row, steps: int, report: StepReport | None) -> Row:
    """The embedding after some steps of gradient descent with momentum, (1, E)."""
    embedding, moved, usual = first.astype(np.float64), np.zeros(first.shape), 0.0
    for step in range(steps):
        found = at(embedding.astype(np.float32))
        if not math.isfinite(found.loss):
            raise StyleError(f"the loss of step {step + 1} is {found.loss}; the painting or the model is damaged")
        length = found.length + 1e-12
        usual += (length - usual) / min(step + 1, LATEST)
        way = found.direction * min(1 / usual, OUTLYING / length)
        moved = KEPT * moved - RATE * (1 - step / steps) * way
        embedding += moved
        if report:
            report(step + 1, steps, found.loss)
    return embedding.astype(np.float32)


def _crops(photos: Sequence[NDArray[np.uint8]], rng: np.random.Generator) -> Iterator[Array]:
    """Crops, (1, 3, S, S) in [0, 1], of photos (H, W, 3)."""
    while True:
        crop = varied_crop(photos[int(rng.integers(len(photos)))], CROP, SHORT, rng)
        yield as_batch(as_float(crop[:, ::-1] if rng.random() < 0.5 else crop))
