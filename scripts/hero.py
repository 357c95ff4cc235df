"""Make the picture at the top of the README: a photo, and the same photo in four named styles.

python scripts/hero.py [--model NAME_OR_FOLDER] [STYLE STYLE STYLE STYLE]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from skimage import data

from pasticcio import Stylizer, open_image, save_image

OUT = Path(__file__).parent.parent / "docs" / "hero.jpg"
STYLES = ["almond-blossom", "dance", "papal-palace", "wheat-field-with-cypresses"]

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("styles", nargs="*", default=STYLES)
    parser.add_argument("--model", default="default")
    arguments = parser.parse_args()
    stylizer = Stylizer(arguments.model)
    photo = open_image(data.astronaut())  # type: ignore[no-untyped-call]
    row = [photo, *(open_image(stylizer.stylize(photo, style)) for style in arguments.styles)]
    small = [image.reshape(256, 2, 256, 2, 3).mean(axis=(1, 3)) for image in row]
    save_image(np.concatenate(small, axis=1).astype(np.float32), OUT)
    print(OUT)
