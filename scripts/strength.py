"""Measure, on a model's training styles, the way to embeddings that keep more of a photo, and add it to the model.

    python scripts/strength.py [--model FOLDER] [--styles TABLE.csv ...] [--count 800]

The model needs a forecast. Only a matrix is stored (`strength.onnx`), no pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pasticcio.model.folder import SHIPPED
from pasticcio.training.strength import STYLES, add_strength

DATA = Path("../shared/data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=SHIPPED / "default", help="a model folder")
    parser.add_argument(
        "--styles",
        nargs="+",
        default=[str(DATA / "paintings.csv"), str(DATA / "textures.csv")],
        help="folders or tables of the styles it was trained on (rows of split 'train')",
    )
    parser.add_argument("--count", type=int, default=STYLES, help="so many of them")
    arguments = parser.parse_args()
    explained = add_strength(arguments.model, arguments.styles, count=arguments.count)
    print(f"{explained:.0%} of the way explained for styles left out -> {arguments.model}")


if __name__ == "__main__":
    main()
