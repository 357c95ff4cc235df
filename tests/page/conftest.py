"""The static page, built once, and pictures for it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pasticcio.page import runtime


@pytest.fixture(scope="session")
def runtime_folder() -> Path:
    """onnxruntime-web, as an earlier call of 'pasticcio page' kept it."""
    folder = runtime.kept_folder()
    if missing := [name for name in runtime.FILES if not (folder / name).is_file()]:
        pytest.skip(
            f"needs onnxruntime-web {runtime.VERSION}: {missing[0]} is not in {folder}; 'pasticcio page' gets it"
        )
    return folder


@pytest.fixture(scope="session")
def static(runtime_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a static page with the shipped model."""
    from pasticcio.model.folder import Model
    from pasticcio.page.build import build_page

    out = tmp_path_factory.mktemp("static") / "page"
    build_page(out, Model.open("fast"), runtime_folder=runtime_folder)
    return out


@pytest.fixture(scope="session")
def small_photo(tmp_path_factory: pytest.TempPathFactory, photo: np.ndarray) -> Path:
    """A photo of 176 x 140 pixels, whose upper part is even."""
    pixels = photo[40:180, 100:276].copy()
    pixels[:30] = np.random.default_rng(0).integers(168, 173, (30, 176, 3))
    path = tmp_path_factory.mktemp("photo") / "cat.png"
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture(scope="session")
def painting(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A picture with a blank in its name."""
    from skimage import data

    path = tmp_path_factory.mktemp("painting") / "my painting.png"
    Image.fromarray(data.coffee()[100:280, 150:390]).save(path)
    return path
