"""Normalization layers of the style transfer networks."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

INSTANCE_EPS = 1e-5
BATCH_EPS = 1e-3
BATCH_MOMENTUM = 1e-3  # torch's momentum is one minus TensorFlow's decay of 0.999


STEERED = "pasticcio::SteeredNormalization"  # the operator that stands for a steered layer in exported graphs
STEERED_FUNCTION = """
<opset_import: ["": %d], domain: "pasticcio">
SteeredNormalization <epsilon> (x, weight, masks, table, given, known) => (y, found)
{
    places = Constant <value_ints = [0, 2, 3]> ()
    total = ReduceMean <keepdims = 1> (weight)
    weighted = Mul (x, weight)
    sums = ReduceMean <keepdims = 1> (weighted, places)
    mean = Div (sums, total)
    distance = Sub (x, mean)
    square = Mul (distance, distance)
    weighted_square = Mul (square, weight)
    square_sums = ReduceMean <keepdims = 1> (weighted_square, places)
    variance = Div (square_sums, total)
    row = Constant <value_ints = [1, -1]> ()
    mean_row = Reshape (mean, row)
    variance_row = Reshape (variance, row)
    found = Concat <axis = 0> (mean_row, variance_row)
    zero = Constant <value_float = 0.0> ()
    is_given = Greater (known, zero)
    used = Where (is_given, given, found)
    used_mean, used_variance = Split <axis = 0, num_outputs = 2> (used)
    channels = Constant <value_ints = [1, -1, 1, 1]> ()
    center = Reshape (used_mean, channels)
    spread = Reshape (used_variance, channels)
    small = Constant <value_float: float = @epsilon> ()
    safe = Add (spread, small)
    deviation = Sqrt (safe)
    centerd = Sub (x, center)
    normal = Div (centerd, deviation)
    last = Constant <value_ints = [2, 3]> ()
    kernel = Unsqueeze (table, last)
    maps = Conv (masks, kernel)
    beta, gamma = Split <axis = 1, num_outputs = 2> (maps)
    scaled = Mul (normal, gamma)
    y = Add (scaled, beta)
}
"""  # `ConditionalInstanceNorm._steered` in the operators of ONNX


@dataclass
class Steering:
    """Several styles in one picture, and normalization statistics that are given: for regions and for tiles.

    A layer at 1/8 of the size takes `masks[8]` and `weights[8]`. Either may be (., ., 1, 1) where it
    is the same all over the picture.

    Attributes:
        styles: style parameters of every style.
        masks: by scale, the share of every style at every place; they sum to 1. The scales and shifts of
            a place are the shares' weighted mean (Dumoulin et al. 2017, section 3.3, mix whole pictures so).
        weights: by scale, how much every place counts in the statistics, 0 or more: 0 where the picture is
            transparent, or where a tile overlaps its neighbor.
        given: mean and variance of every normalized channel, used where `known` is 1.
        known: 1 where the statistics are given, 0 where they are measured, over the whole batch.
        found: the measured statistics, in the order of the layers; filled by the layers.
    """

    styles: Float[Tensor, "s p"]
    masks: dict[int, Float[Tensor, "_ s _ _"]]
    weights: dict[int, Float[Tensor, "_ 1 _ _"]]
    given: Float[Tensor, "2 c"]
    known: Float[Tensor, "c"]
    found: list[Float[Tensor, "2 _"]] = field(default_factory=list)

    def statistics(self) -> Float[Tensor, "2 c"]:
        """Mean and variance of every normalized channel, as measured."""
        return torch.cat(self.found, 1)


class ConditionalInstanceNorm(nn.Module):
    """Conditional instance normalization (Dumoulin et al. 2017, section 2.2, equation 5).

    Every channel of every picture is normalized to zero mean and unit variance over height and width, then scaled by
    gamma and shifted by beta. These two are the style: the layer reads them from the vector of all style parameters.

    Args:
        channels: number of channels normalized.
        offset: where this layer's parameters begin in the vector: `channels` betas, then
            `channels` gammas (the order of the authors' public code).
        scale: the layer works at 1/scale of the picture's size.
    """

    def __init__(self, channels: int, offset: int, scale: int = 1) -> None:
        super().__init__()
        self.channels = channels
        self.offset = offset
        self.scale = scale

    def forward(self, x: Float[Tensor, "b c h w"], style: Float[Tensor, "s p"] | Steering) -> Float[Tensor, "b c h w"]:
        """Normalize `x`; a single row of `style` serves the whole batch."""
        if isinstance(style, Steering):
            return self._steered(x, style)
        middle = self.offset + self.channels
        beta = style[:, self.offset : middle]
        gamma = style[:, middle : middle + self.channels]
        if torch.compiler.is_exporting() and hasattr(torch.onnx, "ops"):  # from torch 2.8
            return self._exported(x, beta, gamma)
        if x.dtype == torch.bfloat16 and x.requires_grad and not torch.compiler.is_compiling():
            batch = len(x)
            restyled: Tensor = Restyling.apply(x, beta.float().expand(batch, -1), gamma.float().expand(batch, -1))  # type: ignore[no-untyped-call]
            return restyled
        # Sums in half precision overflow: statistics are float32 even under autocast.
        values = x.float()
        mean = values.mean(dim=(2, 3), keepdim=True)
        variance = (values - mean).square().mean(dim=(2, 3), keepdim=True)
        scale = gamma.float()[:, :, None, None] * torch.rsqrt(variance + INSTANCE_EPS)
        shift = beta.float()[:, :, None, None] - mean * scale
        return (values * scale + shift).to(x.dtype)

    def _steered(self, x: Float[Tensor, "b c h w"], style: Steering) -> Float[Tensor, "b c h w"]:
        weight, masks = style.weights[self.scale], style.masks[self.scale]
        first = self.offset // 2
        given, known = style.given[:, first : first + self.channels], style.known[first : first + self.channels]
        # Betas and gammas of every place, at once: a 1x1 convolution of the masks by the table of styles.
        table = style.styles[:, self.offset : self.offset + 2 * self.channels].float().t()
        if torch.compiler.is_exporting() and hasattr(torch.onnx, "ops"):  # the exporter is slow on the operations below
            y, found = torch.onnx.ops.symbolic_multi_out(
                STEERED,
                (x, weight, masks, table, given, known),
                {"epsilon": INSTANCE_EPS},
                dtypes=(x.dtype, torch.float32),
                shapes=(x.shape, (2, self.channels)),
                version=1,
            )
            style.found.append(found)
            return y
        values, total = x.float(), weight.mean()
        mean = (values * weight).mean(dim=(0, 2, 3)) / total
        variance = ((values - mean[:, None, None]).square() * weight).mean(dim=(0, 2, 3)) / total
        style.found.append(torch.stack([mean, variance]))
        mean, variance = torch.where(known > 0, given, style.found[-1])
        beta, gamma = F.conv2d(masks, table[:, :, None, None]).chunk(2, 1)
        normal = (values - mean[:, None, None]) * torch.rsqrt(variance + INSTANCE_EPS)[:, None, None]
        return (normal * gamma + beta).to(x.dtype)

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


class Restyling(torch.autograd.Function):
    """`ConditionalInstanceNorm` of features in bfloat16 that learn: no copy of them is made in float32.

    Sums over positions are in float32, as are all numbers of a channel; what is computed at every place is in the
    precision of the features.
    """

    @staticmethod
    def forward(
        ctx: Any, x: Float[Tensor, "b c h w"], beta: Float[Tensor, "b c"], gamma: Float[Tensor, "b c"]
    ) -> Float[Tensor, "b c h w"]:
        places = x.shape[2] * x.shape[3]
        mean = _sum(x) / places
        length = torch.linalg.vector_norm(x, dim=(2, 3), keepdim=True, dtype=mean.dtype)
        variance = (length.square() / places - mean.square()).clamp_min(0)
        sharpness = torch.rsqrt(variance + INSTANCE_EPS)
        gamma = gamma[:, :, None, None]
        scale = gamma * sharpness
        ctx.save_for_backward(x, mean, sharpness, gamma)
        shift = beta[:, :, None, None] - mean * scale
        return torch.addcmul(shift.to(x.dtype), x, scale.to(x.dtype))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, slope: Float[Tensor, "b c h w"]) -> tuple[Tensor, Tensor, Tensor]:
        x, mean, sharpness, gamma = ctx.saved_tensors
        places = x.shape[2] * x.shape[3]
        beta_slope = _sum(slope)
        gamma_slope = (_sum(slope * x) - mean * beta_slope) * sharpness
        # The slope of x is that of an affine function of x and of the slope of the output, in every channel.
        of_slope = gamma * sharpness
        of_x = -of_slope * sharpness * gamma_slope / places
        rest = -of_slope * beta_slope / places - of_x * mean
        total = torch.addcmul(rest.to(x.dtype), x, of_x.to(x.dtype)).addcmul_(slope, of_slope.to(x.dtype))
        return total, beta_slope[:, :, 0, 0], gamma_slope[:, :, 0, 0]


def _sum(x: Float[Tensor, "b c h w"]) -> Float[Tensor, "b c 1 1"]:
    """The sum over positions, in float32 or better."""
    return x.sum((2, 3), keepdim=True, dtype=torch.promote_types(x.dtype, torch.float32))


class ShiftBatchNorm(nn.BatchNorm2d):
    """Batch normalization with a learned shift and no learned scale, as in the paper's encoder.

    The authors' public code uses the default of TF-slim: decay 0.999, epsilon 0.001, beta only.
    """

    def __init__(self, channels: int) -> None:
        super().__init__(channels, eps=BATCH_EPS, momentum=BATCH_MOMENTUM, affine=False)
        self.bias = nn.Parameter(torch.zeros(channels))  # the base class adds it
