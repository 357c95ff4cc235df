"""A folder of pictures of three kinds, and its table of embeddings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

COUNT = 45
KINDS = ("red", "green", "blue")


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A table (.csv) of small pictures: reds, greens and blues of random roughness."""
    rng = np.random.default_rng(1)
    folder = tmp_path_factory.mktemp("gallery") / "works"
    folder.mkdir()
    rows = ["file,title,artist,class"]
    for i in range(COUNT):
        noise = rng.normal(0, rng.uniform(0.02, 0.2), (72, 96, 1))
        color = np.full(3, rng.uniform(0.1, 0.3))
        color[i % 3] += rng.uniform(0.3, 0.6)
        pixels = np.clip(color + np.repeat(noise, 3, 2), 0, 1)
        Image.fromarray((255 * pixels).astype(np.uint8)).save(folder / f"work-{i:02}.png")
        rows.append(f"work-{i:02}.png,</script> No. {i},Painter {i % 5},{KINDS[i % 3]}")
    table = folder.parent / "works.csv"
    table.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return table


@pytest.fixture
def works(photo: np.ndarray, tmp_path: Path) -> Path:
    """A table of four works of two sizes, one of them damaged."""
    folder = tmp_path / "works"
    folder.mkdir()
    for i, part in enumerate((photo[:200, :260], photo[100:, 200:], photo[:, :300])):
        Image.fromarray(part).save(folder / f"work {i}.png")
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    rows = [
        "file,split,artist",
        "work 0.png,train,one",
        "bad.jpg,train,two",
        "work 1.png,test,two",
        "work 2.png,train,",
    ]
    (tmp_path / "works.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "works.csv"


@pytest.fixture(scope="session")
def table(gallery: Path, model_folder: Path):
    from pasticcio.space.embed import embed_pictures
    from pasticcio.space.pictures import find_all

    embeddings, _ = embed_pictures(find_all([gallery]), model_folder, side=64)
    return embeddings


@pytest.fixture(scope="session")
def stylizer(model_folder: Path):
    from pasticcio.render.stylizer import Stylizer

    return Stylizer(model_folder)
