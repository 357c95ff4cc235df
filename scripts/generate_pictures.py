"""Generate pictures to train on where there are none: shapes as photos, textures as styles.

    python scripts/generate_pictures.py FOLDER [--count N] [--side PIXELS]

It writes FOLDER/photos and FOLDER/styles, for the smoke recipe and the tests. A model trained on them is of no use.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw


def scene(side: int, rng: np.random.Generator) -> Image.Image:
    """A gradient with a dozen ellipses and rectangles on it."""
    top, bottom = rng.integers(0, 256, (2, 3))
    rows = np.linspace(0, 1, side)[:, None, None]
    base = (top * (1 - rows) + bottom * rows).repeat(side, axis=1)
    image = Image.fromarray(base.astype(np.uint8))
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y = (int(v) for v in rng.integers(-side // 4, side, 2))
        width, height = (int(v) for v in rng.integers(side // 8, side // 2, 2))
        red, green, blue = (int(v) for v in rng.integers(0, 256, 3))
        shape = draw.ellipse if rng.random() < 0.5 else draw.rectangle
        shape((x, y, x + width, y + height), fill=(red, green, blue))
    return image


def texture(side: int, rng: np.random.Generator) -> Image.Image:
    """The sum of three waves in random directions, in a random palette of five colors."""
    y, x = np.mgrid[0:side, 0:side] / side
    values = np.zeros((side, side))
    for _ in range(3):
        angle, frequency, phase = rng.uniform(0, np.pi), rng.uniform(4, 40), rng.uniform(0, 2 * np.pi)
        values += np.sin(2 * np.pi * frequency * (x * np.cos(angle) + y * np.sin(angle)) + phase)
    palette = rng.integers(0, 256, (5, 3))
    steps = np.clip(np.digitize(values, [-1.2, -0.4, 0.4, 1.2]), 0, 4)
    return Image.fromarray(palette[steps].astype(np.uint8))


def generate(folder: Path, count: int = 16, side: int = 128, seed: int = 0) -> None:
    """Write `count` photos and `count` styles."""
    rng = np.random.default_rng(seed)
    for kind, make in (("photos", scene), ("styles", texture)):
        (folder / kind).mkdir(parents=True, exist_ok=True)
        for number in range(count):
            make(side, rng).save(folder / kind / f"{number:03d}.png")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=16)
    parser.add_argument("--side", type=int, default=128)
    arguments = parser.parse_args()
    generate(arguments.folder, arguments.count, arguments.side)
