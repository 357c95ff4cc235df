"""The moving average of a network's weights, which is what a trained model consists of."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of all floating-point numbers of a network, running statistics included.

    Kept in float32. Its decay grows with the steps, (1 + step) / (10 + step), up to `decay`, so that a young average
    forgets the first weights. torch's `AveragedModel` has no decay that grows, and its first update copies the weights.

    Args:
        network: what is followed.
        decay: the largest; with 0 the average is the weights themselves.

    Attributes:
        values: the averages, by the names of the network's state dict.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.network = network
        self.decay = decay
        self.values = {name: value.detach().clone().float() for name, value in self._followed()}

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move towards the weights of the network after so many steps."""
        decay = min(self.decay, (1 + step) / (10 + step)) if self.decay else 0.0
        now = dict(self._followed())
        averages = [self.values[name] for name in now]
        torch._foreach_lerp_(averages, [value.float() for value in now.values()], 1.0 - decay)

    @contextlib.contextmanager
    def in_place(self) -> Iterator[None]:
        """The network has its averaged weights, and is in evaluation mode, inside this context."""
        own = {name: value.clone() for name, value in self.network.state_dict().items()}
        self.network.load_state_dict(self.values, strict=False)
        self.network.eval()
        try:
            yield
        finally:
            self.network.load_state_dict(own)
            self.network.train()

    def load(self, values: Mapping[str, Tensor]) -> None:
        """Take the averages of a checkpoint, on the devices of the present ones."""
        self.values = {name: value.to(self.values[name].device) for name, value in values.items()}

    def _followed(self) -> Iterator[tuple[str, Tensor]]:
        for name, value in self.network.state_dict().items():
            if value.is_floating_point():
                yield name, value
