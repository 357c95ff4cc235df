"""Shift consistency: the output of a shifted photo is the shifted output."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import pad

from pasticcio.nn.transfer import StyleTransfer

SHIFTED = 4  # one photo in so many is rendered a second time, shifted


def shift_error(
    render: Callable[[Tensor, Tensor], Tensor],
    photos: Tensor,
    styles: Tensor,
    images: Tensor,
    draw: np.random.Generator,
    transfer: StyleTransfer,
) -> Tensor:
    """Mean squared difference of shifted outputs and outputs of shifted photos, without the borders.

    Args:
        render: photos (B, 3, H, W), RGB in [0, 1], and their styles to outputs of that shape and range.
        photos, styles, images: a batch and its outputs, of which a part is used.
        draw: of the shift, at least 1 pixel down and right, and less than `multiple` of `transfer`.
        transfer: the style transfer network, whose outputs move with photos that are shifted by `multiple` pixels.
    """
    some = slice(0, max(1, len(photos) // SHIFTED))
    down, right = (int(draw.integers(1, transfer.multiple)) for _ in range(2))
    height, width = photos.shape[2:]
    shifted = pad(photos[some], (right, 0, down, 0), mode="reflect")[:, :, :height, :width]
    again = render(shifted.contiguous(memory_format=torch.channels_last), styles[some])
    edge = height // SHIFTED
    there = again[:, :, edge + down : height - edge + down, edge + right : width - edge + right]
    here = images[some, :, edge : height - edge, edge : width - edge]
    return (there.float() - here.float()).square().mean()
