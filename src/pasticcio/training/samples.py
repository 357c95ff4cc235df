"""Sample pictures of a training: what the network makes of photos in styles, at a glance."""

from __future__ import annotations

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor, nn

from pasticcio.nn.network import StyleNetwork

SAMPLES = 6  # photos down and styles across


@torch.no_grad()
def sample_grid(
    network: StyleNetwork, photos: Float[Tensor, "b 3 h w"], styles: Tensor, shown: Float[Tensor, "b 3 s s"]
) -> Image.Image:
    """A grid of the last `SAMPLES` rows of a batch: photos down, styles across, stylized pictures where they meet.

    Args:
        network: in evaluation mode.
        photos: square, on [0, 1].
        styles: what the predictor takes: pictures, or numbers of a table's rows.
        shown: pictures of the styles, on [0, 1].
    """
    photos, styles, shown = photos[-SAMPLES:], styles[-SAMPLES:], shown[-SAMPLES:]
    side = photos.shape[2]
    shown = nn.functional.interpolate(shown, (side, side), mode="bilinear", antialias=True)
    rows = [torch.cat([torch.ones_like(photos[0]), *shown], 2)]
    embeddings = network.predictor(styles)
    for photo in photos:
        images = [network.render(photo[None], e[None])[0] for e in embeddings]
        rows.append(torch.cat([photo, *images], 2))
    grid = torch.cat(rows, 1).clamp(0, 1).mul(255).round().byte().permute(1, 2, 0)
    return Image.fromarray(grid.cpu().numpy())
