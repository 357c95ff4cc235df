"""Make a picture of many megapixels from scikit-image's photos, to measure time and memory with.

    python scripts/large_picture.py 12 large.png

It is a wall of photos, each enlarged one to eight times, so that it has both fine texture and large even areas.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "hubble_deep_field", "immunohistochemistry")
ENLARGED = (1, 2, 4, 8)


def large_picture(megapixels: float, seed: int = 0) -> Image.Image:
    """A picture of about so many megapixels, with sides 4 : 3."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    photos = [Image.fromarray(getattr(data, name)()[..., :3]) for name in PHOTOS if _there(name)]
    wall = Image.new("RGB", (width, height))
    rng = np.random.default_rng(seed)
    top = 0
    while top < height:
        row = int(rng.choice([300, 600, 1200, 2400]))
        left = 0
        while left < width:
            photo = photos[rng.integers(len(photos))]
            times = float(rng.choice(ENLARGED))
            side = max(row / photo.height, times if photo.height * times <= row else 0)
            photo = photo.resize((round(photo.width * side), round(photo.height * side)), Image.Resampling.BICUBIC)
            wall.paste(photo.crop((0, 0, photo.width, row)), (left, top))
            left += photo.width
        top += row
    return wall


def _there(name: str) -> bool:
    """Whether a photo is in scikit-image's wheel; the others would be downloaded."""
    from skimage.data import data_dir

    return any(Path(data_dir).glob(f"{name}.*")) or name == "chelsea"


if __name__ == "__main__":
    large_picture(float(sys.argv[1])).save(sys.argv[2])
