"""Which pictures the batches show, and how far a run has come through them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

PHOTOS, STYLES, BATCHES, ROWS = range(1, 5)  # what a generator of an epoch is for; 0 would be that of a drawn batch


@dataclass(frozen=True)
class Place:
    """How far a run has come through its pictures, in all processes together.

    Attributes:
        rows: pictures in a batch.
        own: how many of them, the first ones, show a photo as its own style and so no style picture.
        reuse: steps, or parts of a step, for which a batch is used: its turns.
        processes: how many draw a batch of their own under each number.
        batch: number of the batch in use, or of the next one where `turn` is 0.
        turn: how many of its turns are over.
        photos, styles: drawn by all processes before this batch.
    """

    rows: int
    own: int = 0
    reuse: int = 1
    processes: int = 1
    batch: int = 0
    turn: int = 0
    photos: int = 0
    styles: int = 0

    def after(self, turns: int) -> Place:
        """The place so many turns further on."""
        batches, turn = divmod(self.turn + turns, self.reuse)
        drawn = batches * self.processes
        return dataclasses.replace(
            self,
            batch=self.batch + batches,
            turn=turn,
            photos=self.photos + drawn * self.rows,
            styles=self.styles + drawn * (self.rows - self.own),
        )

    def to(self, other: Place) -> Place:
        """This place for a run with the rows, turns and processes of another one.

        Where these differ, turns that a batch still has are left out: its pictures have been seen.
        """
        same = {name: getattr(other, name) for name in ("rows", "own", "reuse", "processes")}
        here = dataclasses.replace(self, **same)
        return here if here == self else dataclasses.replace(self.after(-self.turn % self.reuse), **same)


class Order:
    """The numbers of the pictures in every batch, and the generators for all else that is drawn for them.

    In epochs every photo, and every style, comes once before one comes again. The seed shuffles them anew for each
    epoch. The batches of all processes are successive pieces of the row of all epochs, however many processes there
    are; a batch may begin in one epoch and end in the next. Otherwise each picture is drawn from all.

    Args:
        photos, styles: how many there are.
        place: where the run begins.
        epochs: whether the pictures come in epochs.
        seed, process: what decides all draws.
    """

    def __init__(self, photos: int, styles: int, place: Place, *, epochs: bool, seed: int, process: int) -> None:
        self.photos, self.styles = photos, styles
        self.place = place
        self.epochs = epochs
        self.seed, self.process = seed, process

    def batch(self, number: int) -> tuple[np.random.Generator, Iterator[tuple[int, int, np.random.Generator]]]:
        """A generator for a whole batch, and for each of its rows a photo, a style and a generator.

        The generators of an epoch depend on the seed and the place of the row alone, whatever process draws it.
        Otherwise all are the same one, which depends on the seed, the number and the process: rows have to be taken in
        order. The style of a row that shows a photo as its own style means nothing.
        """
        if self.epochs:
            before = (number - self.place.batch) * self.place.processes + self.process
            photo = self.place.photos + before * self.place.rows
            style = self.place.styles + before * (self.place.rows - self.place.own)
            return generator(self.seed, photo, BATCHES), self._in_epochs(photo, style)
        rng = np.random.default_rng((self.seed, number, self.process))
        return rng, self._drawn(rng)

    def _drawn(self, rng: np.random.Generator) -> Iterator[tuple[int, int, np.random.Generator]]:
        for _ in range(self.place.rows):
            yield int(rng.integers(self.photos)), int(rng.integers(self.styles)), rng

    def _in_epochs(self, photo: int, style: int) -> Iterator[tuple[int, int, np.random.Generator]]:
        for row in range(self.place.rows):
            epoch, at = divmod(photo + row, self.photos)
            number = int(shuffled(self.photos, self.seed, epoch, PHOTOS)[at])
            epoch, at = divmod(style + max(0, row - self.place.own), self.styles)
            yield (
                number,
                int(shuffled(self.styles, self.seed, epoch, STYLES)[at]),
                generator(self.seed, photo + row, ROWS),
            )


def generator(seed: int, at: int, use: int) -> np.random.Generator:
    """What draws for a place of the epochs, or for an epoch."""
    return np.random.default_rng((seed, at, 0, use))


@lru_cache(maxsize=4)  # two epochs of both, at the border of which a batch may lie
def shuffled(count: int, seed: int, epoch: int, use: int) -> NDArray[np.int32]:
    """The numbers up to `count` in the order of an epoch."""
    return generator(seed, epoch, use).permutation(count).astype(np.int32)
