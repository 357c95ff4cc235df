"""What Winograd's convolution does beside matrix products, compiled: pictures to transformed tiles, and back.

Arrays are float32 and contiguous. Pictures are (B, H, W, C). Tiles are (36, N, C): the 6x6 numbers of each of N tiles,
which lie 4 pixels apart, a row of tiles after the other, and overlap by 2. Every function takes the number of its first
row of tiles among those of all pictures, and the rows [low, high) from there that it is to do.

`analyse`, `synthesise` and their adjoints are B^T, A^T, B and A of F(4, 3) in Lavin and Gray 2016, section 4.3.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.float32]

TILE = 4  # pixels of output along a side
BLOCK = 64  # channels worked on at once, so that a tile stays in the first cache
TWO, FOUR, FIVE, EIGHT = (np.float32(n) for n in (2, 4, 5, 8))  # plain numbers would make doubles of all
ZERO = np.float32(0)
# Slices are of one axis and the last: others are no plain rows to the compiler, which then does number after number.


def compiled(function: Any) -> Any:
    """Compiled at its first call, and kept on disk; runs beside other threads."""
    return numba.njit(nogil=True, fastmath={"contract", "nsz"}, cache=True)(function)


@compiled
def gather(x: Pixels, tiles: Pixels, reflect: bool, first: int, low: int, high: int) -> None:
    """Tiles of pictures padded by one pixel, of zeros or by reflection, each analysed along both axes."""
    height, width, channels = x.shape[1:]
    down, across = (height + TILE - 1) // TILE, (width + TILE - 1) // TILE
    half = np.empty((6, 6, BLOCK), np.float32)
    nothing = np.zeros(BLOCK, np.float32)
    at = np.empty(6, np.int64)
    for row in range(low, high):
        image, top = (first + row) // down, (first + row) % down * TILE - 1
        for i in range(6):
            at[i] = inside(top + i, height, reflect)
        for column in range(across):
            tile = row * across + column
            for start in range(0, channels, BLOCK):
                end = min(start + BLOCK, channels)
                n = end - start
                for j in range(6):
                    q = inside(TILE * column - 1 + j, width, reflect)
                    analyse(
                        x[image, at[0], q, start:end] if q >= 0 and at[0] >= 0 else nothing[:n],
                        x[image, at[1], q, start:end] if q >= 0 and at[1] >= 0 else nothing[:n],
                        x[image, at[2], q, start:end] if q >= 0 and at[2] >= 0 else nothing[:n],
                        x[image, at[3], q, start:end] if q >= 0 and at[3] >= 0 else nothing[:n],
                        x[image, at[4], q, start:end] if q >= 0 and at[4] >= 0 else nothing[:n],
                        x[image, at[5], q, start:end] if q >= 0 and at[5] >= 0 else nothing[:n],
                        half[0, j], half[1, j], half[2, j], half[3, j], half[4, j], half[5, j],
                    )  # fmt: skip
                for i in range(6):
                    analyse(
                        half[i, 0, :n], half[i, 1, :n], half[i, 2, :n], half[i, 3, :n], half[i, 4, :n], half[i, 5, :n],
                        tiles[6 * i, tile, start:end], tiles[6 * i + 1, tile, start:end],
                        tiles[6 * i + 2, tile, start:end], tiles[6 * i + 3, tile, start:end],
                        tiles[6 * i + 4, tile, start:end], tiles[6 * i + 5, tile, start:end],
                    )  # fmt: skip


@compiled
def place(tiles: Pixels, y: Pixels, bias: Pixels, first: int, low: int, high: int) -> None:
    """Pictures of tiles synthesised along both axes, with a bias, after ReLU."""
    height, width, channels = y.shape[1:]
    down, across = (height + TILE - 1) // TILE, (width + TILE - 1) // TILE
    half = np.empty((4, 6, BLOCK), np.float32)
    spare = np.empty(BLOCK, np.float32)
    for row in range(low, high):
        image, top = (first + row) // down, (first + row) % down * TILE
        for column in range(across):
            tile, left = row * across + column, TILE * column
            for start in range(0, channels, BLOCK):
                end = min(start + BLOCK, channels)
                n = end - start
                for j in range(6):
                    synthesise(
                        tiles[j, tile, start:end], tiles[6 + j, tile, start:end], tiles[12 + j, tile, start:end],
                        tiles[18 + j, tile, start:end], tiles[24 + j, tile, start:end], tiles[30 + j, tile, start:end],
                        half[0, j], half[1, j], half[2, j], half[3, j],
                    )  # fmt: skip
                for i in range(min(TILE, height - top)):
                    to0 = y[image, top + i, left, start:end]
                    to1 = y[image, top + i, left + 1, start:end] if left + 1 < width else spare[:n]
                    to2 = y[image, top + i, left + 2, start:end] if left + 2 < width else spare[:n]
                    to3 = y[image, top + i, left + 3, start:end] if left + 3 < width else spare[:n]
                    synthesise(
                        half[i, 0, :n], half[i, 1, :n], half[i, 2, :n], half[i, 3, :n], half[i, 4, :n], half[i, 5, :n],
                        to0, to1, to2, to3,
                    )  # fmt: skip
                    for to in (to0, to1, to2, to3):
                        for c in range(n):
                            to[c] = max(to[c] + bias[start + c], ZERO)


@compiled
def spread(gradient: Pixels, y: Pixels, tiles: Pixels, first: int, low: int, high: int) -> None:
    """The adjoint of `place`: from a gradient at its output y to one at its tiles."""
    height, width, channels = y.shape[1:]
    down, across = (height + TILE - 1) // TILE, (width + TILE - 1) // TILE
    passed = np.empty((4, BLOCK), np.float32)
    half = np.empty((6, 4, BLOCK), np.float32)
    for row in range(low, high):
        image, top = (first + row) // down, (first + row) % down * TILE
        for column in range(across):
            tile = row * across + column
            for start in range(0, channels, BLOCK):
                end = min(start + BLOCK, channels)
                n = end - start
                for j in range(4):
                    left = TILE * column + j
                    for i in range(4):
                        to = passed[i, :n]
                        if top + i < height and left < width:
                            given, out = gradient[image, top + i, left, start:end], y[image, top + i, left, start:end]
                            for c in range(n):
                                to[c] = given[c] if out[c] > ZERO else ZERO
                        else:
                            to[:] = ZERO
                    synthesise_adjoint(
                        passed[0, :n], passed[1, :n], passed[2, :n], passed[3, :n],
                        half[0, j], half[1, j], half[2, j], half[3, j], half[4, j], half[5, j],
                    )  # fmt: skip
                for i in range(6):
                    synthesise_adjoint(
                        half[i, 0, :n], half[i, 1, :n], half[i, 2, :n], half[i, 3, :n],
                        tiles[6 * i, tile, start:end], tiles[6 * i + 1, tile, start:end],
                        tiles[6 * i + 2, tile, start:end], tiles[6 * i + 3, tile, start:end],
                        tiles[6 * i + 4, tile, start:end], tiles[6 * i + 5, tile, start:end],
                    )  # fmt: skip


@compiled
def fold(tiles: Pixels, padded: Pixels, odd: int, first: int, low: int, high: int) -> None:
    """The adjoint of `gather`, but for its padding: adds tiles to padded pictures of a whole number of tiles.

    Of the rows, the odd or the even ones: these do not overlap.
    """
    down, across, channels = padded.shape[1] // TILE, padded.shape[2] // TILE, padded.shape[3]  # 2 more pixels
    half = np.empty((6, 6, BLOCK), np.float32)
    whole = np.empty((6, BLOCK), np.float32)
    for row in range(low + (low + odd) % 2, high, 2):
        image, top = (first + row) // down, (first + row) % down * TILE
        for column in range(across):
            tile, left = row * across + column, TILE * column
            for start in range(0, channels, BLOCK):
                end = min(start + BLOCK, channels)
                n = end - start
                for j in range(6):
                    analyse_adjoint(
                        tiles[j, tile, start:end], tiles[6 + j, tile, start:end], tiles[12 + j, tile, start:end],
                        tiles[18 + j, tile, start:end], tiles[24 + j, tile, start:end], tiles[30 + j, tile, start:end],
                        half[0, j], half[1, j], half[2, j], half[3, j], half[4, j], half[5, j],
                    )  # fmt: skip
                for i in range(6):
                    analyse_adjoint(
                        half[i, 0, :n], half[i, 1, :n], half[i, 2, :n], half[i, 3, :n], half[i, 4, :n], half[i, 5, :n],
                        whole[0], whole[1], whole[2], whole[3], whole[4], whole[5],
                    )  # fmt: skip
                    for j in range(6):
                        to, more = padded[image, top + i, left + j, start:end], whole[j]
                        for c in range(n):
                            to[c] += more[c]


@compiled
def inside(place: int, side: int, reflect: bool) -> int:
    """Where to read what lies at a place of a padded side; -1 for a zero."""
    if 0 <= place < side:
        return place
    if not reflect:
        return -1
    return -place if place < 0 else max(2 * side - 2 - place, 0)


@compiled
def analyse(d0, d1, d2, d3, d4, d5, o0, o1, o2, o3, o4, o5):  # type: ignore[no-untyped-def]
    """B^T d, channel by channel."""
    for c in range(len(d0)):
        outer, inner = d4[c] - FOUR * d2[c], d3[c] - FOUR * d1[c]
        even, odd = d4[c] - d2[c], TWO * (d3[c] - d1[c])
        a, b = FOUR * d0[c] - FIVE * d2[c] + d4[c], FOUR * d1[c] - FIVE * d3[c] + d5[c]
        o0[c] = a
        o1[c] = outer + inner
        o2[c] = outer - inner
        o3[c] = even + odd
        o4[c] = even - odd
        o5[c] = b


@compiled
def analyse_adjoint(t0, t1, t2, t3, t4, t5, o0, o1, o2, o3, o4, o5):  # type: ignore[no-untyped-def]
    """B t, channel by channel."""
    for c in range(len(t0)):
        s, d = t1[c] + t2[c], t1[c] - t2[c]
        p, q = t3[c] + t4[c], TWO * (t3[c] - t4[c])
        a, b = t0[c], t5[c]
        o0[c] = FOUR * a
        o1[c] = FOUR * (b - d) - q
        o2[c] = -FIVE * a - FOUR * s - p
        o3[c] = d + q - FIVE * b
        o4[c] = a + s + p
        o5[c] = b


@compiled
def synthesise(m0, m1, m2, m3, m4, m5, o0, o1, o2, o3):  # type: ignore[no-untyped-def]
    """A^T m, channel by channel."""
    for c in range(len(m0)):
        s, d = m1[c] + m2[c], m1[c] - m2[c]
        p, q = m3[c] + m4[c], m3[c] - m4[c]
        a, b = m0[c] + s + p, d + EIGHT * q + m5[c]
        o0[c] = a
        o1[c] = d + TWO * q
        o2[c] = s + FOUR * p
        o3[c] = b


@compiled
def synthesise_adjoint(y0, y1, y2, y3, o0, o1, o2, o3, o4, o5):  # type: ignore[no-untyped-def]
    """A y, channel by channel."""
    for c in range(len(y0)):
        a, b = y0[c], y3[c]
        s, d = a + y2[c], y1[c] + b
        p, q = a + FOUR * y2[c], TWO * y1[c] + EIGHT * b
        o0[c] = a
        o1[c] = s + d
        o2[c] = s - d
        o3[c] = p + q
        o4[c] = p - q
        o5[c] = b
