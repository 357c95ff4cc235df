"""Learned steps: how an embedding moves, after so many gradients of its loss."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

CUT = 8.0  # numbers of a gradient that are larger count no more than that
SHORT = 1e-6  # length of a gradient that has no direction; an exporter drops what is added if it is so little


class Steps(nn.Module):
    """The steps of a descent, each a linear function of the directions of the gradients so far.

    The last gradient itself and the place where the descent began have a share, too. It begins as gradient descent with
    momentum (see `plain`) and is trained by `teach_steps` (Andrychowicz et al. 2016, "Learning to learn by gradient
    descent by gradient descent", learn a descent likewise, with a recurrent network for each number).

    Args:
        size: numbers of an embedding, in the basis of a `Forecast`.
        count: steps.

    Attributes:
        along: of every step a matrix for the direction of each gradient, later ones being unused.
        steep: of every step a matrix for the last gradient.
        place: of every step a matrix for the place of the beginning.
        offset: of every step.
    """

    def __init__(self, size: int, count: int) -> None:
        super().__init__()
        self.along = nn.Parameter(torch.zeros(count, count, size, size))
        self.steep, self.place = (nn.Parameter(torch.zeros(count, size, size)) for _ in range(2))
        self.offset = nn.Parameter(torch.zeros(count, size))

    @torch.no_grad()
    def plain(self, length: float, kept: float) -> None:
        """Make the steps those down the mean of the gradients' directions, each shorter than the last.

        Args:
            length: of the first step.
            kept: decay of the mean.
        """
        count, size = self.offset.shape
        for step in range(count):
            for gradient in range(step + 1):
                share = kept ** (step - gradient) * (1 - kept) / (1 - kept ** (step + 1))
                self.along[step, gradient] = -length * (1 - step / count) * share * torch.eye(size)

    def forward(
        self, gradients: Float[Tensor, "b count size"], start: Float[Tensor, "b size"], step: Int[Tensor, "1"]
    ) -> Float[Tensor, "b size"]:
        """The way of a step.

        Args:
            gradients: one for each step so far, the others being 0.
            start: where the descent began.
            step: its number, from 0.
        """
        along, steep, place, offset = (
            x.index_select(0, step)[0] for x in (self.along, self.steep, self.place, self.offset)
        )
        directions = gradients / gradients.square().sum(2, keepdim=True).sqrt().clamp_min(SHORT)
        last = gradients.index_select(1, step)[:, 0]
        way = (directions.transpose(0, 1) @ along).sum(0)
        return way + (last / CUT).clamp(-1, 1) @ steep + start @ place + offset
