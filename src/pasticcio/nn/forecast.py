"""A correction of the embedding by a forecast of the pictures that will be rendered with it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.style_grams import StyleGrams
from pasticcio.nn.vgg import WIDTHS

HIDDEN = 512  # width of both hidden layers
STEPS = 24  # of descent
PACE = 0.3  # share of the way to where the present gradient and trust would balance that the first step goes
FASTER, SLOWER = 1.3, 0.4  # factors on this after a step that lessens the loss, and after one that is taken back
REACH = 0.3  # longest way from the predicted embedding, where embeddings have a length of about 1


class Guess(NamedTuple):
    """What pictures rendered with embeddings are expected to be like, means over photos.

    Attributes:
        grams: Gram matrices of all layers, one after the other, as coordinates; those of a layer are to be multiplied
            by e to the power of its `sizes`.
        sizes: of every layer.
        content: logarithm of the weighted content loss.
    """

    grams: Float[Tensor, "b q"]
    sizes: Float[Tensor, "b l"]
    content: Float[Tensor, "b 1"]


class Forecast(nn.Module):
    """Guesses the loss of pictures rendered with an embedding, and descends on the guess.

    Departure from the paper, whose embedding is what the style prediction network gives. What suits a style is learned
    from as many styles as there are. How the style transfer network answers to an embedding can be learned from any
    number of renderings, and a small network learns this: the Gram matrices and the content loss that a photo will have
    on average. The style's own Gram matrices are read by a narrow copy of the loss network. Then the loss of any
    embedding near the predicted one is known, with its gradient, and no picture has to be rendered.

    Args:
        embedding: length of the embedding.
        parts: for every layer of the loss network, how many coordinates its Gram matrices have.
        depth, widths: of the loss network, see `StyleGrams`.

    Attributes:
        style: reads styles.
        axes, back: matrix from embeddings to coordinates in which the loss depends on all of them alike, and the
            inverse.
        centre, spread: of the coordinates of embeddings, as the network sees them.
        photo: relative style loss of every layer that depends on the photo, which no embedding takes away.
        weights: of the layers' style losses; that of the content loss is 1.
        layers: (l, q), 1 where a coordinate is of a layer.
        trust: weight of the squared way from the predicted embedding, which the descent adds to the loss, as the
            forecast is good nearby alone.
    """

    axes: Tensor
    back: Tensor
    centre: Tensor
    spread: Tensor
    photo: Tensor
    weights: Tensor
    trust: Tensor
    layers: Tensor

    def __init__(
        self,
        embedding: int,
        parts: Mapping[str, int],
        depth: Literal[16, 19] = 19,
        widths: tuple[int, ...] = WIDTHS,
    ) -> None:
        super().__init__()
        self.style = StyleGrams(parts, depth, widths)
        self.parts = list(parts.values())
        outputs = sum(self.parts) + len(self.parts)
        self.first = nn.Linear(embedding, HIDDEN)
        self.second = nn.Linear(HIDDEN, HIDDEN)
        self.last = nn.Linear(HIDDEN + embedding, outputs + 1)
        self.register_buffer("axes", torch.eye(embedding))
        self.register_buffer("back", torch.eye(embedding))
        self.register_buffer("centre", torch.zeros(embedding))
        self.register_buffer("spread", torch.ones(embedding))
        self.register_buffer("photo", torch.zeros(len(self.parts)))
        self.register_buffer("weights", torch.ones(len(self.parts)))
        self.register_buffer("trust", torch.tensor(100.0))
        layers = torch.eye(len(self.parts)).repeat_interleave(torch.tensor(self.parts), dim=1)
        self.register_buffer("layers", layers, persistent=False)

    def forward(self, embedding: Float[Tensor, "b e"], style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """Corrected embeddings.

        Args:
            embedding: as predicted.
            style: the style pictures, RGB in [0, 1].
        """
        return self.descend(embedding, *self.style(style))

    def descend(
        self,
        embedding: Float[Tensor, "b e"],
        wanted: Float[Tensor, "b q"],
        sizes: Float[Tensor, "b l"],
        content: float = 1.0,
    ) -> Float[Tensor, "b e"]:
        """Corrected embeddings for styles with these Gram matrices, see `loss`.

        A step after which the loss, with the squared way from the predicted embedding, is not less is taken back.

        Args:
            embedding: as predicted.
            wanted, sizes: see `loss`.
            content: factor on the content loss.
        """
        start = z = embedding @ self.axes
        value, slope = self._value_and_slope(z, wanted, sizes, content)
        pace = torch.full_like(value, PACE)
        for _ in range(STEPS):
            way = (1 - pace) * (z - start) - pace * slope / (2 * self.trust)
            tried = start + way * (REACH / (way.norm(dim=1, keepdim=True) + 1e-30)).clamp(max=1)
            loss, slope_there = self._value_and_slope(tried, wanted, sizes, content)
            loss = loss + self.trust * (tried - start).square().sum(1, keepdim=True)
            better = loss < value
            z, value = torch.where(better, tried, z), torch.where(better, loss, value)
            slope = torch.where(better, slope_there, slope)
            pace = torch.where(better, FASTER * pace, SLOWER * pace)
        return embedding + (z - start) @ self.back

    def guess(self, z: Float[Tensor, "b e"]) -> Guess:
        """What pictures are expected to be like with embeddings of these coordinates."""
        return self._pass(z)[-1]

    def loss(self, guess: Guess, wanted: Float[Tensor, "b q"], sizes: Float[Tensor, "b l"]) -> Float[Tensor, "b"]:
        """The weighted loss of such pictures: content, and the logarithmic relative style loss of every layer.

        Args:
            guess: of the pictures.
            wanted: Gram matrices of the styles as coordinates, divided by the norm of each layer's matrix.
            sizes: logarithms of these norms.
        """
        _, error = self._compare(guess, wanted, sizes)
        return self._sum(guess, error.square() @ self.layers.T)

    def slope(
        self, z: Float[Tensor, "b e"], wanted: Float[Tensor, "b q"], sizes: Float[Tensor, "b l"]
    ) -> Float[Tensor, "b e"]:
        """The gradient of `loss` with respect to the coordinates, written out, since graphs have no automatic one."""
        return self._value_and_slope(z, wanted, sizes)[1]

    @torch.no_grad()
    def turn(self, basis: Float[Tensor, "e e"]) -> None:
        """Take embeddings in another basis, see `StyleNetwork.turn`."""
        self.axes.copy_(torch.linalg.solve(basis.double(), self.axes.double()))
        self.back.copy_(self.back.double() @ basis.double())

    def _pass(self, z: Tensor) -> tuple[Tensor, Tensor, Guess]:
        """The guess, and what both hidden layers give before their nonlinearities."""
        x = (z - self.centre) / self.spread
        before = self.first(x)
        first = F.silu(before)
        between = self.second(first)
        outputs = self.last(torch.cat([first + F.silu(between), x], 1))
        return before, between, Guess(*torch.split(outputs, [sum(self.parts), len(self.parts), 1], 1))

    def _value_and_slope(self, z: Tensor, wanted: Tensor, sizes: Tensor, content: float = 1.0) -> tuple[Tensor, Tensor]:
        """The loss, (B, 1), with a factor on the content loss, and its gradient."""
        before, between, guess = self._pass(z)
        if content != 1.0:
            guess = guess._replace(content=guess.content + math.log(content))
        scale, error = self._compare(guess, wanted, sizes)
        apart = error.square() @ self.layers.T
        strength = 2 * self.weights / (1 + apart + self.photo)
        grams = (strength @ self.layers) * scale * error
        grown = (grams * guess.grams) @ self.layers.T
        told = torch.cat([grams, grown, guess.content.exp()], 1) @ self.last.weight
        hidden, direct = torch.split(told, [HIDDEN, told.shape[1] - HIDDEN], 1)
        hidden = hidden + (hidden * _silu_slope(between)) @ self.second.weight
        slope = (direct + (hidden * _silu_slope(before)) @ self.first.weight) / self.spread
        return self._sum(guess, apart)[:, None], slope

    def _sum(self, guess: Guess, apart: Tensor) -> Tensor:
        """Content and style losses, where layers are so far apart."""
        return guess.content.exp()[:, 0] + (apart + self.photo).log1p() @ self.weights

    def _compare(self, guess: Guess, wanted: Tensor, sizes: Tensor) -> tuple[Tensor, Tensor]:
        """Of every coordinate: size of the pictures' matrix over that of the style's, and how far the two are apart."""
        scale = (guess.sizes - sizes).exp() @ self.layers
        return scale, scale * guess.grams - wanted


def _silu_slope(x: Tensor) -> Tensor:
    gate = torch.sigmoid(x)
    return gate * (1 + x * (1 - gate))
