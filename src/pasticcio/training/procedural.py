"""Style pictures drawn by code from a seed: graphic styles that collections of paintings have few of."""

from __future__ import annotations

import colorsys
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Pixels = NDArray[np.uint8]
Colors = NDArray[Any]  # (N, 3) on [0, 255]
Field = NDArray[Any]  # (H, W)
Random = np.random.Generator

WAVES = 4  # of which a smooth field is the sum
PAPER = (245, 238, 220)


def draw_style(side: int, rng: Random, kind: str = "") -> Pixels:
    """A style picture, (side, side, 3).

    Args:
        side: in pixels.
        rng: decides the picture; the same state gives the same picture.
        kind: one of `KINDS`; empty for any of them.
    """
    kind = kind or list(KINDS)[int(rng.integers(len(KINDS)))]
    return np.clip(KINDS[kind](side, rng), 0, 255).astype(np.uint8)


# -- what the kinds are made of ----------------------------------------------------------------------------------------


def palette(rng: Random, count: int) -> Colors:
    """Colors that go together: around one hue, around two opposite ones, all hues, or dark and light."""
    hue, scheme = rng.random(), rng.integers(5)
    colors = []
    for _ in range(count):
        offset = {0: rng.normal(0, 0.06), 1: rng.choice([0, 0.5]) + rng.normal(0, 0.05)}.get(int(scheme), rng.random())
        saturation = rng.uniform(0.6, 1.0) if scheme != 3 else rng.uniform(0.1, 0.5)
        value = rng.uniform(0.15, 1.0)
        if scheme == 4:
            saturation, value = rng.uniform(0, 0.25), rng.choice([rng.uniform(0, 0.2), rng.uniform(0.8, 1)])
        colors.append(colorsys.hsv_to_rgb((hue + offset) % 1, saturation, value))
    return 255 * np.array(colors, np.float32)


def smooth(side: int, rng: Random, waves: float) -> Field:
    """A sum of waves on [-1, 1]; the shortest has `waves` periods in the picture."""
    y, x = np.mgrid[:side, :side].astype(np.float32) / side
    total = np.zeros((side, side), np.float32)
    for _ in range(WAVES):
        angle, turns, phase = rng.uniform(0, 2 * np.pi), rng.uniform(0.3, 1) * waves, rng.uniform(0, 2 * np.pi)
        total += np.sin(2 * np.pi * turns * (x * np.cos(angle) + y * np.sin(angle)) + phase).astype(np.float32)
    return total / WAVES


def of_palette(values: Field, colors: Colors, blend: bool = False) -> Colors:
    """Colors of a field of numbers: color i of the palette, modulo its length, at the value i; in steps, or blended."""
    place = values % len(colors)
    low = place.astype(np.int64) % len(colors)
    if not blend:
        return colors[low]
    part = (place - np.floor(place))[..., None]
    return colors[low] * (1 - part) + colors[(low + 1) % len(colors)] * part


def turned(side: int, rng: Random) -> tuple[Field, Field]:
    """Coordinates in pixels along two perpendicular axes, rotated at random."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    angle = rng.choice([0.0, np.pi / 4, np.pi / 2, rng.uniform(0, np.pi)])
    return (x * np.cos(angle) + y * np.sin(angle)).astype(np.float32), (y * np.cos(angle) - x * np.sin(angle)).astype(
        np.float32
    )


def cells(side: int, rng: Random, width: float, jitter: float = 0.9) -> tuple[NDArray[np.int64], Field]:
    """Of every pixel: the number of the nearest seed, and how much farther the second nearest is, in pixels."""
    count = int(side / width) + 3
    seeds = (np.mgrid[:count, :count].transpose(1, 2, 0) - 1 + rng.uniform(0, jitter, (count, count, 2))) * width
    y, x = np.mgrid[:side, :side]
    row, column = (y / width).astype(np.int64) + 1, (x / width).astype(np.int64) + 1
    distances, numbers = [], []
    for down in (-1, 0, 1):
        for right in (-1, 0, 1):
            i, j = np.clip(row + down, 0, count - 1), np.clip(column + right, 0, count - 1)
            distances.append(np.hypot(seeds[i, j, 0] - y, seeds[i, j, 1] - x))
            numbers.append(i * count + j)
    stacked = np.stack(distances)
    order = np.argsort(stacked, 0)[:2]
    nearest = np.take_along_axis(np.stack(numbers), order[:1], 0)[0]
    first, second = np.take_along_axis(stacked, order, 0)
    return nearest, (second - first).astype(np.float32)


def grain(picture: Colors, rng: Random, most: float = 12) -> Colors:
    """A picture with gray noise, of a random deviation up to `most`."""
    return picture + rng.normal(0, rng.uniform(0, most), (*picture.shape[:2], 1))


def pen(side: int, rng: Random, background: tuple[int, ...]) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    """A canvas of twice the size; `reduced` brings it to the size."""
    canvas = Image.new("RGB", (2 * side, 2 * side), background)
    return canvas, ImageDraw.Draw(canvas)


def reduced(canvas: Image.Image) -> Colors:
    size = canvas.width // 2
    return np.asarray(canvas.resize((size, size), Image.Resampling.BOX), np.float32)


def ink(color: Colors) -> tuple[int, ...]:
    return tuple(int(value) for value in color)


def log_uniform(rng: Random, low: float, high: float) -> float:
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


# -- the kinds ---------------------------------------------------------------------------------------------------------


def stripes(side: int, rng: Random) -> Colors:
    """Straight or waving stripes."""
    _, across = turned(side, rng)
    width = log_uniform(rng, 5, 50)
    bend = rng.choice([0.0, rng.uniform(0.3, 2)]) * smooth(side, rng, 3)
    return grain(of_palette(across / width + bend, palette(rng, int(rng.integers(2, 6)))), rng)


def zigzags(side: int, rng: Random) -> Colors:
    """Stripes that turn back and forth."""
    along, across = turned(side, rng)
    width, length = log_uniform(rng, 6, 40), log_uniform(rng, 16, 90)
    teeth = np.abs((along / length) % 2 - 1) * length * rng.uniform(0.4, 1.2)
    return grain(of_palette((across + teeth) / width, palette(rng, int(rng.integers(2, 7)))), rng)


def dots(side: int, rng: Random) -> Colors:
    """Dots on a grid, of one size or, as in a halftone, of a field's."""
    along, across = turned(side, rng)
    width = log_uniform(rng, 7, 40)
    radius = width * np.sqrt((along / width % 1 - 0.5) ** 2 + (across / width % 1 - 0.5) ** 2)
    size = width * (0.3 + rng.choice([0.0, 0.25]) * smooth(side, rng, 3))
    inside = np.clip(size - radius + 0.5, 0, 1)[..., None]
    colors = palette(rng, 4)
    field = of_palette(2 + 2 * smooth(side, rng, 2), colors[1:], blend=bool(rng.integers(2)))
    return grain(colors[0] * (1 - inside) + field * inside, rng)


def mosaic(side: int, rng: Random) -> Colors:
    """Small tiles of nearly one color each, with joints."""
    number, gap = cells(side, rng, log_uniform(rng, 8, 30), rng.uniform(0.2, 0.9))
    colors = palette(rng, int(rng.integers(4, 8)))
    field = of_palette(3 * smooth(side, rng, 3) + 3, colors)
    count = int(number.max()) + 1
    sums = np.stack([np.bincount(number.ravel(), field[..., i].ravel(), count) for i in range(3)], 1)
    tiles = sums / np.maximum(np.bincount(number.ravel(), minlength=count), 1)[:, None]
    tiles += rng.normal(0, rng.uniform(5, 30), (count, 1)) + rng.normal(0, 8, (count, 3))
    joint = np.clip(gap / rng.uniform(1.0, 3.0) - rng.uniform(0, 0.6), 0, 1)[..., None]
    return grain(tiles[number] * joint + palette(rng, 1)[0] * 0.6 * (1 - joint), rng)


def stained_glass(side: int, rng: Random) -> Colors:
    """Large bright panes between dark leads."""
    number, gap = cells(side, rng, log_uniform(rng, 25, 90))
    panes = palette(rng, 64)[rng.integers(0, int(rng.integers(4, 64)), int(number.max()) + 1)]
    light = 1 + 0.25 * smooth(side, rng, 8)[..., None]
    lead = np.clip((gap - rng.uniform(2, 7)) / 1.5, 0, 1)[..., None]
    return grain(panes[number] * light * lead + rng.uniform(0, 40) * (1 - lead), rng)


def bricks(side: int, rng: Random) -> Colors:
    """Rows of bricks, every other one shifted."""
    along, across = turned(side, rng)
    high, long = log_uniform(rng, 10, 35), log_uniform(rng, 20, 90)
    row = np.floor(across / high)
    place = along / long + 0.5 * (row % 2)
    joint = np.minimum(np.minimum(across % high, high - across % high), long * np.minimum(place % 1, 1 - place % 1))
    number = (row * 131 + np.floor(place) * 17).astype(np.int64) % 251
    colors = palette(rng, 3)
    faces = colors[0] + rng.normal(0, rng.uniform(5, 35), (251, 1)) + rng.normal(0, 6, (251, 3))
    inside = np.clip(joint - rng.uniform(0.5, 2), 0, 1)[..., None]
    return grain(faces[number] * inside + colors[1] * (1 - inside), rng, 25)


def hatching(side: int, rng: Random) -> Colors:
    """Short pen strokes along a field, dense where it is dark."""
    dark = rng.random() < 0.25
    canvas, draw = pen(side, rng, (12, 12, 16) if dark else PAPER)
    direction, tone = smooth(side, rng, 2), smooth(side, rng, 4)
    steady, bend = rng.uniform(0, np.pi), rng.uniform(0, 2)
    color = ink(palette(rng, 1)[0] * (1.0 if dark else 0.35))
    length, width = log_uniform(rng, 8, 40), int(rng.integers(1, 5))
    for _ in range(int(60_000 / length)):
        x, y = rng.uniform(0, side, 2)
        if tone[int(y), int(x)] < rng.uniform(-0.7, 0.7):
            continue
        angle = steady + bend * direction[int(y), int(x)] + rng.choice([0.0, np.pi / 2]) * (tone[int(y), int(x)] > 0.3)
        dx, dy = length * np.cos(angle), length * np.sin(angle)
        draw.line([2 * x - dx, 2 * y - dy, 2 * x + dx, 2 * y + dy], color, width)
    return grain(reduced(canvas), rng)


def flat_shapes(side: int, rng: Random) -> Colors:
    """Flat polygons and ellipses with outlines, one over the other."""
    colors = palette(rng, int(rng.integers(4, 9)))
    canvas, draw = pen(side, rng, ink(colors[0]))
    outline = int(rng.integers(0, 2) * rng.integers(3, 14))
    line = ink(palette(rng, 1)[0] * rng.uniform(0, 0.4))
    for _ in range(int(rng.integers(25, 90))):
        center, radius = rng.uniform(0, 2 * side, 2), log_uniform(rng, 20, 220)
        color = ink(colors[rng.integers(len(colors))])
        if rng.random() < 0.35:
            wide, high = radius * rng.uniform(0.4, 1, 2)
            box = [center[0] - wide, center[1] - high, center[0] + wide, center[1] + high]
            draw.ellipse(box, color, line if outline else None, outline)
            continue
        angles = np.sort(rng.uniform(0, 2 * np.pi, int(rng.integers(3, 8))))
        corners = [
            (center[0] + radius * np.cos(angle), center[1] + radius * np.sin(angle) * rng.uniform(0.5, 1))
            for angle in angles
        ]
        draw.polygon(corners, color)
        if outline:
            draw.line([*corners, corners[0], corners[1]], line, outline, "curve")
    return grain(reduced(canvas), rng)


def lines_on_black(side: int, rng: Random) -> Colors:
    """Thin bright curves on a dark ground."""
    colors = palette(rng, int(rng.integers(1, 5))) * 0.4 + 150
    canvas, draw = pen(side, rng, ink(np.array([1, 1, 1]) * rng.uniform(0, 30)))
    width = int(rng.integers(2, 8))
    turn = rng.uniform(0.02, 0.6)
    for _ in range(int(rng.integers(20, 120))):
        place, angle = rng.uniform(0, 2 * side, 2), rng.uniform(0, 2 * np.pi)
        bend, points = rng.normal(0, turn), []
        for _ in range(int(rng.integers(8, 60))):
            points.append((float(place[0]), float(place[1])))
            angle += bend + rng.normal(0, turn / 2)
            place = place + 12 * np.array([np.cos(angle), np.sin(angle)])
        draw.line(points, ink(colors[rng.integers(len(colors))]), width, "curve")
    return grain(reduced(canvas), rng)


def marbling(side: int, rng: Random) -> Colors:
    """Bands that flow around each other."""
    _, across = turned(side, rng)
    flow = smooth(side, rng, 3) + 0.5 * smooth(side, rng, 7) + 0.25 * smooth(side, rng, 15)
    bands = across / log_uniform(rng, 20, 120) + rng.uniform(1, 4) * flow
    return grain(of_palette(bands, palette(rng, int(rng.integers(3, 7))), blend=bool(rng.integers(2))), rng)


def wide_strokes(side: int, rng: Random) -> Colors:
    """Thick strokes of paint along a flow, each of its own shade, light on one side."""
    colors = palette(rng, int(rng.integers(3, 8)))
    canvas, draw = pen(side, rng, ink(colors[0]))
    direction, tone = smooth(side, rng, 2), smooth(side, rng, 3)
    length, width = log_uniform(rng, 12, 60), log_uniform(rng, 5, 26)
    bend, shade = rng.uniform(1, 4), rng.uniform(8, 35)
    for _ in range(int(min(9000, 9 * side * side / (length * width)))):
        place = rng.uniform(0, side, 2)
        here = int(place[1]), int(place[0])
        color = of_palette(np.asarray(2.5 * tone[here] + len(colors) + rng.normal(0, 0.3)), colors)
        color = np.clip(color + rng.normal(0, shade), 0, 255)
        points = []
        for _ in range(5):
            points.append((2 * float(place[0]), 2 * float(place[1])))
            angle = np.pi * bend * direction[min(max(int(place[1]), 0), side - 1), min(max(int(place[0]), 0), side - 1)]
            place = place + length / 4 * np.array([np.cos(angle), np.sin(angle)])
        draw.line(points, ink(color), int(width), "curve")
        lit = [(x + width / 3, y - width / 3) for x, y in points]
        draw.line(lit, ink(np.clip(color + shade, 0, 255)), max(1, int(width / 4)), "curve")
    return grain(reduced(canvas), rng)


def facets(side: int, rng: Random) -> Colors:
    """Cells shaded from one side to the other, as on a cut stone."""
    number, _ = cells(side, rng, log_uniform(rng, 20, 80))
    count = int(number.max()) + 1
    along, across = turned(side, rng)
    angle = rng.uniform(0, 2 * np.pi, count)[number]
    slope = (along * np.cos(angle) + across * np.sin(angle)) / side * rng.uniform(0, 2)
    faces = palette(rng, 16)[rng.integers(0, int(rng.integers(3, 16)), count)]
    return grain(faces[number] * (0.85 + 0.25 * np.sin(2 * np.pi * slope))[..., None], rng)


def rings(side: int, rng: Random) -> Colors:
    """Concentric rings around a few centers."""
    y, x = np.mgrid[:side, :side].astype(np.float32)
    centers = rng.uniform(0, side, (int(rng.integers(1, 12)), 2))
    nearest = np.min([np.hypot(y - row, x - column) for row, column in centers], 0).astype(np.float32)
    bend = rng.choice([0.0, 0.6]) * smooth(side, rng, 6)
    width = log_uniform(rng, 5, 30)
    return grain(of_palette(nearest / width + bend, palette(rng, int(rng.integers(2, 6)))), rng)


KINDS: dict[str, Callable[[int, Random], Colors]] = {
    kind.__name__: kind
    for kind in (
        stripes, zigzags, dots, mosaic, stained_glass, bricks, hatching, flat_shapes, lines_on_black, marbling,
        wide_strokes, facets, rings,
    )
}  # fmt: skip
