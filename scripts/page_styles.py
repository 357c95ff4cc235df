"""Make the thumbnails of the named styles that the page shows, and their places on its map.

    python scripts/page_styles.py        # a quarter of a minute

The photo is scikit-image's cat Chelsea (public domain; by Stefan van der Walt): no painting is shown, each thumbnail is
what the style makes of this photo. The places are t-SNE's, moved apart until no two thumbnails overlap.
"""

from __future__ import annotations

import io
import json

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from pasticcio.files import make_folder, write_whole
from pasticcio.page.files import PLACES, STYLES, SUFFIX
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.layout import layout
from pasticcio.style.named import list_styles

SIDE = 96  # of a thumbnail, in pixels
LARGER = 3  # the photo is stylized so many times larger
LEAST = 0.135  # distance of two places on the map
STEPS = 2000


def apart(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points in [0, 1], (N, 2), moved until all distances are `LEAST` or more."""
    for _ in range(STEPS):
        away = points[:, None] - points[None]
        distance = np.maximum(np.linalg.norm(away, axis=2), 1e-6) + np.eye(len(points))
        push = np.maximum(LEAST * 1.02 - distance, 0)
        np.fill_diagonal(push, 0)
        if push.max() <= LEAST * 0.02:
            break
        points = np.clip(points + 0.4 * (away / distance[..., None] * push[..., None]).sum(1), 0, 1)
    return points


def main() -> None:
    """Write the files of `pasticcio/page/styles`."""
    make_folder(STYLES)
    photo = np.ascontiguousarray(data.chelsea()[0:300, 75:375])  # type: ignore[no-untyped-call]
    large = np.asarray(Image.fromarray(photo).resize((SIDE * LARGER,) * 2, Image.Resampling.LANCZOS))
    stylizer, styles = Stylizer("fast", runtime="onnxruntime"), list_styles("fast")
    for name, style in styles.items():
        small = Image.fromarray(stylizer.stylize(large, style)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        buffer = io.BytesIO()
        small.save(buffer, "JPEG", quality=80, optimize=True)
        write_whole(STYLES / f"{name}{SUFFIX}", buffer.getvalue())
    vectors = np.stack([style.embedding for style in styles.values()])
    points = apart(layout(vectors, "tsne", perplexity=8).astype(np.float64))
    places = {name: [round(float(x), 4), round(float(y), 4)] for name, (x, y) in zip(styles, points, strict=True)}
    rows = ",\n".join(f" {json.dumps(name)}: {json.dumps(place)}" for name, place in places.items())
    write_whole(STYLES / PLACES, f"{{\n{rows}\n}}\n".encode())


if __name__ == "__main__":
    main()
