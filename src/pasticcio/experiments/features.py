"""Features of pictures: the style embedding, and what it is compared with. They are cached in files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from pasticcio.errors import ImageError
from pasticcio.experiments.measures import SEED, STYLE
from pasticcio.files import writing
from pasticcio.image.listing import Entry
from pasticcio.image.picture import Array
from pasticcio.image.resize import style_view
from pasticcio.nn.losses import gram_matrix
from pasticcio.nn.predictor import InceptionPredictor
from pasticcio.nn.tensors import to_batch
from pasticcio.progress import Report
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embed import embed_view
from pasticcio.space.pictures import open_reduced
from pasticcio.training.pretrained import load_vgg, read_state

PROJECTED = 512  # numbers that Gram matrices are projected to
BINS = 6  # of each color channel
CACHED = 200  # new pictures after which the cache is written

Features = NDArray[np.float32]
Feature = Callable[[Array], Features]  # of a picture, (H, W, 3) in [0, 1]


def style_feature(stylizer: Stylizer) -> Feature:
    """The style embedding, (E,)."""
    return partial(embed_view, stylizer)


def inception_feature(weights: Path) -> Feature:
    """Inception-v3 up to Mixed_6e, mean over positions, (768,): the paper's predictor without its training."""
    network = InceptionPredictor().eval()
    network.trunk.load_folded(read_state(weights))

    @torch.no_grad()
    def feature(image: Array) -> Features:
        pooled: Features = network.describe(to_batch(image))[0].numpy()
        return pooled

    return feature


def gram_feature(name: str, weights: Path) -> Feature:
    """Gram matrices at the four style layers, each divided by its norm, projected to (512,).

    The random projection is fixed; it keeps distances within a few percent (Johnson and Lindenstrauss 1984).

    Args:
        name: of the loss network, see `load_vgg`.
        weights: its file.
    """
    network = load_vgg(name, STYLE, str(weights), padding="reflect")
    matrix: list[Features] = []

    @torch.no_grad()
    def feature(image: Array) -> Features:
        found = network(to_batch(image))
        parts = [gram_matrix(found[layer])[0] for layer in STYLE]
        flat = np.concatenate([(gram / gram.norm().clamp_min(1e-9)).flatten().numpy() for gram in parts])
        if not matrix:
            drawn = np.random.default_rng(SEED).standard_normal((PROJECTED, len(flat)), np.float32)
            matrix.append(drawn / np.float32(np.sqrt(PROJECTED)))
        projected: Features = matrix[0] @ flat
        return projected

    return feature


def color_feature(image: Array) -> Features:
    """Square roots of a joint histogram of colors, 6 bins a channel, (216,): distances are Hellinger distances."""
    places = np.minimum((image * BINS).astype(np.int64), BINS - 1) @ np.array([BINS * BINS, BINS, 1])
    counts = np.bincount(places.ravel(), minlength=BINS**3)
    roots: Features = np.sqrt(counts / counts.sum()).astype(np.float32)
    return roots


def compute(
    entries: Sequence[Entry], feature: Feature, side: int, cache: Path, report: Report | None = None
) -> tuple[Features, NDArray[np.bool_]]:
    """A feature of many pictures.

    Args:
        entries: the N pictures.
        feature: of length D.
        side: short side, in pixels, that pictures are resized to.
        cache: .npz file that known features are read from, and that new ones are written to.
        report: called after every picture.

    Returns:
        Rows (N, D), and which of the pictures could be read, (N,); the rows of the others are zeros.

    Raises:
        ImageError: none of the pictures could be read.
    """
    known: dict[str, Features] = {}
    if cache.exists():
        with np.load(cache, allow_pickle=False) as file:
            known = dict(zip(file["keys"].tolist(), file["rows"], strict=True))
    keys = [hashlib.sha256(f"{os.path.abspath(entry.path)} {side}".encode()).hexdigest()[:16] for entry in entries]
    good = np.ones(len(entries), np.bool_)
    fresh = 0
    for number, (entry, key) in enumerate(zip(entries, keys, strict=True)):
        if key not in known:
            try:
                known[key] = feature(style_view(open_reduced(entry.path, side), side))
                fresh += 1
            except ImageError:
                good[number] = False
            if fresh and fresh % CACHED == 0:
                _keep(cache, known)
        if report:
            report(number + 1, len(entries))
    if fresh:
        _keep(cache, known)
    if not good.any():
        raise ImageError(f"none of {len(entries)} pictures can be read, the first being {entries[0].path}")
    length = len(next(iter(known.values())))
    rows = np.stack([known.get(key, np.zeros(length, np.float32)) for key in keys])
    return rows, good


def _keep(cache: Path, known: dict[str, Features]) -> None:
    cache.parent.mkdir(parents=True, exist_ok=True)
    with writing(cache) as partial, partial.open("wb") as file:
        np.savez(file, keys=np.array(list(known)), rows=np.stack(list(known.values())))
