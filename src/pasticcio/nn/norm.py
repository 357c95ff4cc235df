"""Normalization layers of the style transfer networks."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

INSTANCE_EPS = 1e-5
BATCH_EPS = 1e-3
BATCH_MOMENTUM = 1e-3  # torch's momentum is one minus TensorFlow's decay of 0.999


class ConditionalInstanceNorm(nn.Module):
    """Conditional instance normalization (Dumoulin et al. 2017, section 2.2, equation 5).

    Every channel of every picture is brought to zero mean and unit variance over its own height
    and width, then scaled by gamma and shifted by beta. Both come from outside: they are the style.
    The layer reads them from the vector of all style parameters, at its own place in it.

    Args:
        channels: number of channels normalized.
        offset: where this layer's parameters begin in the vector: `channels` betas, then
            `channels` gammas (the order of the authors' public code).
    """

    def __init__(self, channels: int, offset: int) -> None:
        super().__init__()
        self.channels = channels
        self.offset = offset

    def forward(self, x: Float[Tensor, "b c h w"], style: Float[Tensor, "s p"]) -> Float[Tensor, "b c h w"]:
        """Normalize `x`; a single row of `style` serves the whole batch."""
        middle = self.offset + self.channels
        beta = style[:, self.offset : middle]
        gamma = style[:, middle : middle + self.channels]
        if torch.compiler.is_exporting() and hasattr(torch.onnx, "ops"):  # from torch 2.8
            return self._exported(x, beta, gamma)
        # Sums in half precision overflow: statistics are float32 whatever the rest runs in.
        values = x.float()
        mean = values.mean(dim=(2, 3), keepdim=True)
        variance = (values - mean).square().mean(dim=(2, 3), keepdim=True)
        scale = gamma.float()[:, :, None, None] * torch.rsqrt(variance + INSTANCE_EPS)
        shift = beta.float()[:, :, None, None] - mean * scale
        return (values * scale + shift).to(x.dtype)

    def _exported(
        self, x: Float[Tensor, "b c h w"], beta: Float[Tensor, "s c"], gamma: Float[Tensor, "s c"]
    ) -> Float[Tensor, "b c h w"]:
        """The same as one ONNX operator, which runtimes fuse: pictures become channels, so that each has its style."""
        batch, channels, height, width = x.shape
        gamma, beta = gamma.expand(batch, channels).reshape(-1), beta.expand(batch, channels).reshape(-1)
        y = torch.onnx.ops.symbolic(
            "InstanceNormalization",
            (x.reshape(1, batch * channels, height, width), gamma, beta),
            {"epsilon": INSTANCE_EPS},
            dtype=x.dtype,
            shape=(1, batch * channels, height, width),
        )
        return y.reshape(batch, channels, height, width)


class ShiftBatchNorm(nn.BatchNorm2d):
    """Batch normalization with a learned shift and no learned scale, as in the paper's encoder.

    The authors' public code uses the default of TF-slim: decay 0.999, epsilon 0.001, beta only.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=BATCH_EPS, momentum=BATCH_MOMENTUM, affine=False)
        self.bias = nn.Parameter(torch.zeros(channels))  # the base class adds it
