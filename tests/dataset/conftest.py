"""A small source of a dozen pictures in two classes, and data sets that are made of it."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from pasticcio.dataset.choice import Palette
from pasticcio.dataset.run import Engines, Recipe, Run
from pasticcio.dataset.work import Look
from pasticcio.model.folder import Model

COUNT, BAD = 12, "b/05x"
RECIPE = Recipe(seed=3, strength=(0.5, 1.0), look=Look(size=32), kind="shards", shard_size=4)


@pytest.fixture(scope="session")
def source(tmp_path_factory):
    """Pictures in two classes, the last of which cannot be read."""
    folder = tmp_path_factory.mktemp("source") / "in"
    rng = np.random.default_rng(0)
    for number in range(COUNT):
        path = folder / "ab"[number // 6] / f"{number:02d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
        small.resize((48, 40), Image.Resampling.BICUBIC).save(path)
    (folder / f"{BAD}.jpg").write_bytes(b"\xff\xd8 no picture")
    return folder


@pytest.fixture(scope="session")
def palette():
    return Palette.open("random", Model.open())


@pytest.fixture(scope="session")
def make(palette):
    """A data set of a source: the rows of its run."""

    def made(source, out, recipe=RECIPE, *, resume=False, max_bad=None, model="default", **engines):
        engines = Engines(**{"engine": "threads", "workers": 1, **engines})
        run = Run(source, out, palette, recipe, model=model, engines=engines, resume=resume)
        rows = list(run.rows(max_bad))
        assert len(rows) == run.total
        return rows

    return made


@pytest.fixture(scope="session")
def reference(source, make, tmp_path_factory):
    """The data set that one thread makes."""
    out = tmp_path_factory.mktemp("reference") / "out"
    make(source, out)
    return out


@pytest.fixture(scope="session")
def state():
    """The content of a data set: every file by its name, except what two runs of one recipe may have different."""

    def of(out):
        return {
            path.relative_to(out).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(out.rglob("*"))
            if path.is_file()
        }

    return of
