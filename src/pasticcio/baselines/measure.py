"""Losses of a tuned network over photos and paintings."""

from __future__ import annotations

import numpy as np
import torch

from pasticcio.baselines.settings import PLAIN
from pasticcio.image.crop import center_crop
from pasticcio.image.picture import Array, Pixels
from pasticcio.image.read import open_image
from pasticcio.nn.losses import gram_targets, perceptual_loss
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.tensors import to_batch
from pasticcio.training.pictures import Pictures
from pasticcio.training.train import Run


@torch.no_grad()
def measure(network: StyleNetwork, run: Run, photos: int, side: int) -> dict[str, float]:
    """Means over the first photos of a run, each with every painting of the run.

    Args:
        network: a table with the styles of the run.
        run: whose photos, paintings, loss network and loss are used.
        photos: how many photos.
        side: of the center crops of photos and paintings, in pixels.

    Returns:
        "content" and "style": see `PLAIN`. "total": content and style as trained.
    """
    network, loss = network.to(run.device), run.config.loss
    found: dict[str, list[float]] = {"content": [], "style": [], "total": []}
    contents = [to_batch(photo, device=run.device) for photo in square_photos(run.batches.photos, photos, side)]
    for number in range(len(run.batches.styles)):
        painting = square(run.batches.styles.load(number), side)
        grams = gram_targets(run.vgg(to_batch(painting, device=run.device)), loss)
        style = torch.tensor([run.first_row + number], device=run.device)
        for photo in contents:
            features, source = run.vgg(network(photo, style)), run.vgg(photo)
            for name, value in perceptual_loss(features, source, grams, PLAIN).items():
                found[name].append(float(value))
            parts = perceptual_loss(features, source, grams, loss)
            found["total"].append(float(parts["content"] + parts["style"]))
    return {name: float(np.mean(values)) for name, values in found.items()}


def square_photos(photos: Pictures, count: int, side: int) -> list[Array]:
    """Center crops of the first photos that can be read, each (side, side, 3) in [0, 1]."""
    return [square(photos.usable(n, [])[1], side) for n in range(min(count, len(photos)))]


def square(pixels: Pixels, side: int) -> Array:
    """The center crop of a picture, (side, side, 3) in [0, 1]."""
    return open_image(center_crop(pixels, side, side))
