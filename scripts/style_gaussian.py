"""Fit the Gaussian that random styles are drawn from to the embeddings of a model's training styles.

    python scripts/style_gaussian.py [--model NAME_OR_FOLDER] [--styles TABLE.csv ...] [--side 384] [--thin 1]

Only its mean and covariance are stored, no pictures.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from pasticcio.model.folder import Model
from pasticcio.space.embed import embed_pictures
from pasticcio.space.pictures import find_all
from pasticcio.style.gaussian import StyleGaussian
from pasticcio.style.named import LIBRARY

SIDE = 384  # short side of the pictures in pixels, as for the named styles
DATA = Path("../shared/data")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", default="default", help="a shipped model's name, or a model folder")
    parser.add_argument(
        "--styles",
        nargs="+",
        default=[str(DATA / "paintings.csv"), str(DATA / "textures.csv")],
        help="folders or tables of the styles it was trained on (rows of split 'train')",
    )
    parser.add_argument("--side", type=int, default=SIDE, help="short side of the pictures in pixels")
    parser.add_argument("--thin", type=int, default=1, help="take every N-th style")
    arguments = parser.parse_args()
    model = Model.open(arguments.model)
    pictures = find_all(arguments.styles, "train")[:: arguments.thin]
    table, bad = embed_pictures(pictures, model, side=arguments.side)
    path = LIBRARY / f"{model.name}-gaussian.npz"
    StyleGaussian.fit(table.vectors, model.fingerprint, arguments.side).save(path)
    print(f"{len(table)} styles, {len(bad)} unreadable -> {path}")


if __name__ == "__main__":
    main()
