"""A basis of the embedding in which the loss depends on all numbers alike.

The loss is far more sensitive to an embedding in some directions than in others. The predictor is trained at one rate
for all numbers, and the most sensitive direction, which has a share in every number, sets the limit. In the basis
made here, the gradients of the loss have about the same variance in every direction: a fixed form of the natural
gradient (Amari 1998, "Natural gradient works efficiently in learning").

What is saved is in the first basis again: in the balanced one, distances are those of the few directions that matter
most to the loss, and neighbors have less in common.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from pasticcio.nn.network import StyleNetwork

FAINT = 5e-4  # share of the largest variance, which is added to that of every direction
OUTLYING = 2.0  # times the median length: longer gradients are cut to that


def balance(
    network: StyleNetwork,
    losses: Iterable[Callable[[], Mapping[str, Tensor]]],
    gather: Callable[[Tensor], Tensor],
    share: Callable[[Tensor], Tensor],
) -> None:
    """Turn a network's embeddings to such a basis; what it renders stays the same.

    Args:
        network: its predictor learns.
        losses: for each batch, what renders the whole batch first and returns "total", the mean loss over the batch.
        gather: puts the rows of several processes together.
        share: gives every process the first one's tensor.
    """
    network.eval()
    caught: list[Tensor] = []
    gradients, embeddings = [], []
    handle = network.predictor.register_forward_hook(lambda _, __, embedding: caught.append(embedding))
    try:
        for loss in losses:
            caught.clear()
            slope = torch.autograd.grad(loss()["total"], caught[0])[0]
            gradients.append(slope.float() * len(slope))
            embeddings.append(caught[0].detach().float())
    finally:
        handle.remove()
    basis = balanced_basis(gather(torch.cat(gradients)), gather(torch.cat(embeddings)))
    network.turn(share(basis))


def balanced_basis(gradients: Float[Tensor, "n e"], embeddings: Float[Tensor, "m e"]) -> Float[Tensor, "e e"]:
    """The basis, see `StyleNetwork.turn`, in which these embeddings have variance 1 on average over their numbers.

    Args:
        gradients: of the loss with respect to the embedding; more of them than numbers in an embedding.
        embeddings: two or more.
    """
    x = gradients.double()
    length = x.norm(dim=1, keepdim=True).clamp_min(1e-30)
    x = x * (OUTLYING * length.median() / length).clamp(max=1.0)
    variance, axes = torch.linalg.eigh(x.T @ x / len(x))
    axes = axes * axes.gather(0, axes.abs().argmax(0, keepdim=True)).sign()  # of either sign where nothing else decides
    basis = axes * (variance.clamp_min(0) + FAINT * variance[-1]).sqrt()
    turned = (embeddings.double() - embeddings.double().mean(0)) @ basis
    return basis / turned.square().mean().sqrt()
