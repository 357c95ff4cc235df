"""A correction of the embedding by what the style transfer network makes of it."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.predictor import GAIN, VggBranch

PHOTOS = 2  # test photos
SIDE = 112  # pixels of a test photo, a multiple of 16
MOST = 6.0  # standard deviations; a larger difference of statistics counts as this much
RIDGE = 0.02  # of the least squares that begin the linear correction, for a draw
HALF = 0.5  # of the move that is right near by: from errors far away, larger moves miss

Render = Callable[[Float[Tensor, "b 3 h w"], Float[Tensor, "b e"]], Float[Tensor, "b 3 h w"]]


class Feedback(nn.Module):
    """An addition to the embedding from the error that it leaves, measured on test photos; not in the paper.

    A style prediction network that only sees the style cannot know what the style transfer network will make of its
    embedding. Here two test photos are rendered with the predicted embedding. The statistics of the results (those of a
    `VggBranch`) minus those of the style are the error, from which a correction is computed: linear, plus the output of
    a small hidden layer, which begins at zero. Test photos and weights are the same for all styles, so that an
    embedding belongs to a style and not to a photo. Marino et al. 2018 ("Iterative amortized inference") give the idea
    for latent variables in general.

    Args:
        embedding: length of the embedding.
        statistics: number of statistics.
        directions: number of whitened directions of the style's statistics that the hidden layer sees too.
        hidden: units of the hidden layer.

    Attributes:
        photos: the test photos, RGB in [0, 1]; set once, not learned.
        spread: standard deviation of every statistic over styles; set by `measure`, not learned.
    """

    photos: Tensor
    spread: Tensor

    def __init__(self, embedding: int, statistics: int, directions: int, hidden: int) -> None:
        super().__init__()
        self.register_buffer("photos", torch.full((PHOTOS, 3, SIDE, SIDE), 0.5))
        self.register_buffer("spread", torch.ones(statistics))
        self.direct = nn.Linear(statistics, embedding, bias=False)
        nn.init.zeros_(self.direct.weight)
        self.hidden = nn.Linear(statistics + directions + embedding, hidden)
        self.out = nn.Linear(hidden, embedding)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(
        self, embedding: Float[Tensor, "b e"], style: Float[Tensor, "b d"], branch: VggBranch, render: Render
    ) -> Float[Tensor, "b e"]:
        """What is added to `embedding`.

        Args:
            embedding: as predicted.
            style: statistics of the style pictures.
            branch: computes such statistics.
            render: the style transfer network.
        """
        error = self.error(embedding, style, branch, render)
        seen = [error, F.linear(style - branch.centre, branch.whitening), embedding.detach()]
        x = F.relu(self.hidden(torch.cat(seen, 1)))
        correction: Tensor = GAIN * (self.direct(error) + self.out(x))
        return correction

    def error(
        self, embedding: Float[Tensor, "b e"], style: Float[Tensor, "b d"], branch: VggBranch, render: Render
    ) -> Float[Tensor, "b d"]:
        """Statistics of the style minus those of the test photos rendered with `embedding`, in standard deviations.

        No gradient goes through the rendering: the error is an observation.
        """
        with torch.no_grad():
            found = self.found(embedding, branch, render)
            return ((style - found) / self.spread).clamp(-MOST, MOST)

    def found(self, embedding: Float[Tensor, "b e"], branch: VggBranch, render: Render) -> Float[Tensor, "b d"]:
        """Statistics of the rendered test photos, their mean over the photos."""
        photos = (self.photos[:, None] + 0.0 * embedding[:, :1, None, None]).flatten(0, 1)  # every photo in every style
        images = render(photos, embedding.repeat(PHOTOS, 1)).float()
        return branch.describe(images, branch.layers(images)).unflatten(0, (PHOTOS, -1)).mean(0)

    @torch.no_grad()
    def measure(
        self,
        embeddings: Float[Tensor, "n e"],
        branch: VggBranch,
        render: Render,
        draws: int,
        generator: torch.Generator,
    ) -> None:
        """Set `spread`, and the linear correction by least squares, from renderings with many embeddings.

        Embeddings of styles are moved a little towards others; the correction should undo the moves, given the
        differences of statistics.

        Args:
            embeddings: of many styles.
            branch, render: see `forward`.
            draws: number of moves.
            generator: of the draws.
        """
        moves, answers, places = [], [], []
        for _ in range(draws):
            a, b, c = embeddings[torch.randint(len(embeddings), (3,), generator=generator)]
            move = (0.1 + 0.25 * torch.rand((), generator=generator)) * (b - c)
            first, second = self.found(torch.stack([a - move / 2, a + move / 2]), branch, render)
            moves.append(move)
            answers.append(second - first)
            places.append((first + second) / 2)
        self.spread.copy_(torch.stack(places).std(0) + 1e-4)
        x = (torch.stack(answers) / self.spread).double()
        ridge = RIDGE * draws * torch.eye(x.shape[1], dtype=x.dtype, device=x.device)
        weights = torch.linalg.solve(x.T @ x + ridge, x.T @ torch.stack(moves).double())
        self.direct.weight.copy_(HALF / GAIN * weights.T)
