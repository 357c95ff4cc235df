"""A photo, a style and settings with which an optimization takes a moment."""

from __future__ import annotations

import numpy as np
import pytest


@pytest.fixture
def cat(photo):
    return photo[40:240, 100:340]


@pytest.fixture
def bands():
    """Upright bands of two colors."""
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, ::8] = image[:, 1::8] = image[:, 2::8] = (230, 120, 20)
    return image


@pytest.fixture(scope="session")
def small_loss():
    """A loss of few and early layers."""
    from pasticcio.nn.losses import LossConfig

    return LossConfig(content={"relu2_1": 1.0}, style={"relu1_1": 20.0, "relu2_1": 20.0}, relative=True)


@pytest.fixture(scope="session")
def quick(small_loss):
    from pasticcio.baselines.settings import Settings

    return Settings(size=48, iterations=12, start="photo", loss=small_loss)


@pytest.fixture
def two(tiny, tmp_path):
    """Weights of a table of two styles; no graphs."""
    from dataclasses import replace

    import torch

    from pasticcio.nn.network import StyleNetwork
    from pasticcio.training.model_folder import save_model

    torch.manual_seed(2)
    network = StyleNetwork(replace(tiny, predictor="table", embedding=2)).eval()
    with torch.no_grad():
        network.heads.weight += 0.5 * torch.randn_like(network.heads.weight)
    save_model(tmp_path / "two", network, "two", {}, ["red", "blue"])
    return tmp_path / "two"


@pytest.fixture
def optimized(quick):
    """`optimize` with a random loss network, by default with the quick settings."""
    from pasticcio.baselines.optimize import optimize

    def run(photo, style, settings=quick, **keywords):
        return optimize(photo, style, settings, vgg="random", **keywords)

    return run
