"""Pictures as arrays to batches as tensors, and back."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


def to_batch(*pictures: NDArray[np.float32], device: torch.device | str = "cpu") -> Tensor:
    """Pictures of one size, each (H, W, C), as a float32 batch, (B, C, H, W)."""
    batch = np.stack(pictures).transpose(0, 3, 1, 2)
    return torch.from_numpy(np.ascontiguousarray(batch, dtype=np.float32)).to(device)


def to_array(batch: Tensor) -> NDArray[np.float32]:
    """The only picture of a batch, (1, C, H, W), as a float32 array, (H, W, C)."""
    return np.ascontiguousarray(batch.detach()[0].permute(1, 2, 0).float().cpu().numpy())
