"""The difference between each installed runtime and torch in float32.

    python benchmarks/parity.py [--count 20] [--size 256] [--shared ../shared]

The pairs are the first of `pairs.py`, with each photo and each style once, if the training material is there, and else
pairs of scikit-image's photos. For each pair, the style picture is embedded and the photo rendered by the graphs under
each runtime and by the network under torch. The table has the largest and the mean difference of the pictures, on
[0, 1], and the share of 8-bit values that differ.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from pasticcio.image.crop import center_crop
from pasticcio.image.picture import Array, as_depth, as_float
from pasticcio.model.folder import Model
from pasticcio.model.machine import precisions
from pasticcio.model.names import INT8, ONNXRUNTIME, OPENVINO, OPENVINO_BF16
from pasticcio.model.package import is_installed, version
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.model_folder import load_network

SKIMAGE = ("astronaut", "coffee", "chelsea", "rocket", "retina")


def pictures(count: int, size: int, shared: Path) -> Iterator[tuple[Array, Array]]:
    """Photos and styles, (size, size, 3) in [0, 1]."""
    if (shared / "data").is_dir():
        from pairs import PHOTOS, STYLES, find, square

        for photo, style in list(zip(PHOTOS, STYLES[::2], strict=True))[:count]:
            yield square(find(shared, photo), size), square(find(shared, style), size)
        return
    from skimage import data

    squares = [as_float(center_crop(getattr(data, name)(), size, size)) for name in SKIMAGE]
    each = [(photo, style) for photo in squares for style in squares if photo is not style]
    yield from each[:count]


def batch(image: Array) -> Array:
    """(1, 3, H, W)."""
    return np.ascontiguousarray(image.transpose(2, 0, 1)[None])


def runtimes(int8: bool) -> list[str]:
    """The runtimes that can run here; `int8` says whether the model has an 8-bit graph."""
    names = (ONNXRUNTIME, OPENVINO, *([OPENVINO_BF16] if "BF16" in precisions() else []), *(INT8 if int8 else ()))
    return [name for name in names if is_installed(name)]


@torch.no_grad()
def main() -> None:
    """Print a row for every runtime."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--model", default="default")
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    arguments = parser.parse_args()
    stylizers = {
        name: Stylizer(arguments.model, runtime=name)
        for name in runtimes(Model.open(arguments.model).pixels_int8 is not None)
    }
    network = load_network(stylizers[ONNXRUNTIME].model.folder)
    largest: dict[str, list[float]] = {name: [] for name in stylizers}
    mean: dict[str, list[float]] = {name: [] for name in stylizers}
    share: dict[str, list[float]] = {name: [] for name in stylizers}
    for photo, style in pictures(arguments.count, arguments.size, arguments.shared):
        embedding = network.predictor(torch.from_numpy(batch(style)))
        wanted = network.render(torch.from_numpy(batch(photo)), embedding)[0].permute(1, 2, 0).numpy()
        for name, stylizer in stylizers.items():
            own = stylizer.run(stylizer.model.predict, style=batch(style))[0]
            found = (
                as_float(stylizer.render(as_depth(photo, np.uint8), own))
                if name in INT8
                else stylizer.render(photo, own)
            )
            difference = np.abs(found - wanted)
            largest[name].append(float(difference.max()))
            mean[name].append(float(difference.mean()))
            share[name].append(float((as_depth(found, np.uint8) != as_depth(wanted, np.uint8)).mean()))
    print(
        f"{len(largest[ONNXRUNTIME])} pairs at {arguments.size} pixels, against torch {torch.__version__} in float32\n"
    )
    print("| runtime | largest difference | mean | 8-bit values that differ |\n|---|---|---|---|")
    for name in stylizers:
        of = f"{name} {version(name.split('-')[0])}"
        print(f"| {of} | {max(largest[name]):.1e} | {np.mean(mean[name]):.1e} | {np.mean(share[name]):.4%} |")


if __name__ == "__main__":
    main()
