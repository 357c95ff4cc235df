"""Content and style losses of a model on pictures that it has not seen, beside those of the unchanged photo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from pasticcio.baselines.measure import square
from pasticcio.baselines.settings import PLAIN
from pasticcio.errors import DataError, OptionError
from pasticcio.experiments.measures import CONTENT, SEED, STYLE, content_and_style
from pasticcio.image.picture import Array, to_pil
from pasticcio.nn.losses import content_loss, gram_targets
from pasticcio.nn.tensors import to_batch
from pasticcio.render.strength import at_strength
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.pictures import Pictures
from pasticcio.training.pretrained import load_vgg

SHEET = 6  # photos down and styles across


@dataclass(frozen=True)
class Row:
    """Losses of one method over all pairs.

    Attributes:
        method: "untouched photo", or the model and strength.
        content: mean squared difference of features from the photo's, by layer; mean over pairs.
        style: relative squared Gram distance, one value a pair, see `content_and_style`.
    """

    method: str
    content: dict[str, float]
    style: NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """What `evaluate` measured."""

    rows: list[Row]
    pairs: int
    size: int

    def text(self) -> str:
        """The table in Markdown."""
        lines = [
            f"{self.pairs} pairs at {self.size} pixels",
            "",
            "| method | content relu4_1 | content relu3_3 | style, mean | style, median |",
            "|---|---|---|---|---|",
        ]
        for row in self.rows:
            content = f"{row.content['relu4_1']:.3f} | {row.content['relu3_3']:.3f}"
            lines.append(f"| {row.method} | {content} | {row.style.mean():.3f} | {np.median(row.style):.3f} |")
        return "\n".join(lines)


def evaluate(
    stylizer: Stylizer,
    photos: str,
    styles: Sequence[str],
    vgg: str,
    *,
    pairs: int = 200,
    size: int = 256,
    split: str = "test",
    strengths: Sequence[float] = (1.0,),
) -> Table:
    """Stylize pairs of center crops and measure them in the normalized VGG-19.

    For a model that knows its styles by name, only those pictures in `styles` are used whose file has such a name,
    whatever their split.

    Args:
        stylizer: the model.
        photos, styles: sources of pictures, see `Pictures`.
        vgg: weights of the normalized VGG-19.
        pairs: number of pairs; photo and style of each are drawn with a fixed seed.
        size: side, in pixels, of photos, styles and outputs.
        split: rows of tables that are used.
        strengths: a row for each.

    Raises:
        DataError, ModelError: no pictures, no weights.
        OptionError: a strength other than 1 for a model that knows its styles by name.
    """
    network = load_vgg("vgg19-normalised", sorted({*CONTENT, *STYLE}), vgg, padding="reflect")
    rng = np.random.default_rng(SEED)
    photo_set, style_set = Pictures([photos], split), _styles(stylizer, styles, split)
    if stylizer.model.table and set(strengths) != {1.0}:
        raise OptionError(f"model {stylizer.model.name} knows its styles by name: it has strength 1 alone")
    methods = ["untouched photo", *(f"{stylizer.model.name}, strength {s:g}" for s in strengths)]
    content: dict[str, list[list[float]]] = {method: [] for method in methods}
    style: dict[str, list[float]] = {method: [] for method in methods}
    for _ in range(pairs):
        photo = square(photo_set.load(int(rng.integers(len(photo_set)))), size)
        number = int(rng.integers(len(style_set)))
        painting = square(style_set.load(number), size)
        wanted = _embedding(stylizer, style_set, number, painting)
        own = wanted if stylizer.model.table else stylizer.embed(photo).embedding
        outputs = [photo, *(stylizer.render(photo, at_strength(stylizer, own, wanted, s)) for s in strengths)]
        with torch.no_grad():
            grams, source = gram_targets(network(to_batch(painting)), PLAIN), network(to_batch(photo))
            for method, output in zip(methods, outputs, strict=True):
                features = network(to_batch(output))
                content[method].append([content_loss(features[layer], source[layer]).item() for layer in CONTENT])
                style[method].append(content_and_style(features, source, grams)[1])
    rows = [
        Row(method, dict(zip(CONTENT, np.mean(content[method], axis=0).tolist(), strict=True)), np.array(style[method]))
        for method in methods
    ]
    return Table(rows, pairs, size)


def output_sheet(
    stylizer: Stylizer, photos: str, styles: Sequence[str], *, split: str = "test", size: int = 256
) -> tuple[Image.Image, str]:
    """A grid of outputs, photos down and styles across, and a caption that names the inputs, which it does not show."""
    rng = np.random.default_rng(SEED + 1)
    photo_set, style_set = Pictures([photos], split), _styles(stylizer, styles, split)
    rows = rng.choice(len(photo_set), SHEET, replace=False)
    columns = rng.choice(len(style_set), min(SHEET, len(style_set)), replace=False)
    embeddings = [_embedding(stylizer, style_set, int(c), square(style_set.load(int(c)), size)) for c in columns]
    lines = []
    for r in rows:
        photo = square(photo_set.load(int(r)), size)
        lines.append(np.concatenate([stylizer.render(photo, e) for e in embeddings], axis=1))
    caption = "Photos, top to bottom: " + "; ".join(photo_set.entries[int(r)].name for r in rows)
    caption += ".\nStyles, left to right: " + "; ".join(style_set.entries[int(c)].name for c in columns) + "."
    return to_pil(np.concatenate(lines, axis=0)), caption


def _styles(stylizer: Stylizer, sources: Sequence[str], split: str) -> Pictures:
    """The style pictures that a model can be measured on."""
    if not stylizer.model.table:
        return Pictures(sources, split)
    pictures = Pictures(sources, "")
    pictures.entries = [entry for entry in pictures.entries if Path(entry.name).stem in stylizer.model.styles]
    if not pictures.entries:
        raise DataError(
            f"none of the pictures in {', '.join(sources)} has the name of a style of {stylizer.model.name}: "
            f"{', '.join(stylizer.model.styles)}"
        )
    return pictures


def _embedding(stylizer: Stylizer, pictures: Pictures, number: int, painting: Array) -> NDArray[np.float32]:
    if stylizer.model.table:
        return stylizer.model.styles[Path(pictures.entries[number].name).stem].embedding
    return stylizer.embed(painting).embedding
