"""The network that tuning starts from: a table with a row for every painting."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor

from pasticcio.baselines.measure import square_photos
from pasticcio.errors import ConfigError
from pasticcio.image.picture import Array
from pasticcio.image.read import open_image
from pasticcio.image.resize import style_view
from pasticcio.nn.losses import LossConfig, gram_targets, perceptual_loss
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.tensors import to_batch
from pasticcio.nn.vgg import Vgg
from pasticcio.render.embedder import STYLE_RANGE
from pasticcio.training.model_folder import style_names
from pasticcio.training.pictures import Pictures

PHOTOS = 4  # on which the rows of a table are compared
PHOTO_SIDE = 128


@torch.no_grad()
def predicted_table(network: StyleNetwork, paintings: Sequence[str | Path], side: int) -> StyleNetwork:
    """A table of the scales and shifts that a network predicts for some paintings.

    Args:
        network: one that predicts styles.
        paintings: style pictures.
        side: short side, in pixels, that they are resized to, within the range that networks accept.
    """
    short = min(max(side, STYLE_RANGE[0]), STYLE_RANGE[1])
    views = [style_view(open_image(painting), short) for painting in paintings]
    return network.as_table(torch.cat([network.parameters_of(to_batch(view)) for view in views]))


@torch.no_grad()
def extended_table(
    network: StyleNetwork,
    folder: Path,
    paintings: Sequence[str | Path],
    *,
    vgg: Vgg,
    photos: Pictures,
    loss: LossConfig,
    side: int,
) -> tuple[StyleNetwork, list[str]]:
    """A table with a further row for every painting, which starts as a copy of the row whose outputs are nearest.

    Args:
        network: a table of styles.
        folder: of its model.
        paintings: style pictures, named after their files.
        vgg, photos, loss, side: see `nearest_row`.

    Returns:
        The new table and the names of its styles.

    Raises:
        ConfigError: the table has a style of such a name already.
    """
    known, names = style_names(folder), [Path(painting).stem for painting in paintings]
    if taken := [name for name in names if name in known]:
        raise ConfigError(f"{folder} has a style {taken[0]} already; rename the picture")
    rows = [nearest_row(network, vgg, photos, open_image(painting), loss, side) for painting in paintings]
    return network.as_table(torch.cat([network.heads.weight.T, *(row[None] for row in rows)])), known + names


@torch.no_grad()
def nearest_row(
    network: StyleNetwork, vgg: Vgg, photos: Pictures, painting: Array, loss: LossConfig, side: int
) -> Tensor:
    """Scales and shifts, (P,), of the style of a table with the lowest style loss for a painting.

    Args:
        network: a table of styles.
        vgg: the loss network.
        photos: of which four are stylized; the loss is the mean over them.
        painting: (H, W, 3) in [0, 1].
        loss: layers and weights.
        side: short side, in pixels, that the painting is resized to.
    """
    content = to_batch(*square_photos(photos, PHOTOS, PHOTO_SIDE))
    wanted = gram_targets(vgg(to_batch(style_view(painting, side))), loss)
    grams = {layer: gram.expand(len(content), -1, -1) for layer, gram in wanted.items()}
    source = vgg(content)
    losses = []
    for row in range(network.config.embedding):
        features = vgg(network(content, torch.tensor([row])))
        losses.append(perceptual_loss(features, source, grams, loss)["style"].mean())
    return network.heads.weight[:, int(torch.stack(losses).argmin())]
