"""A stylizer of the tiny model, and a scene for it."""

import numpy as np
import pytest

from pasticcio.render.scene import Scene
from pasticcio.render.stylizer import Stylizer


@pytest.fixture(scope="session")
def stylizer(model_folder):
    return Stylizer(model_folder, threads=1)


@pytest.fixture(scope="session")
def scene(photo):
    return Scene(photo, np.random.default_rng(0).standard_normal((1, 6), dtype=np.float32))
