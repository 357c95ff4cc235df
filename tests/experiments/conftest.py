"""Pictures and networks of no size, on which the experiments take a moment."""

from __future__ import annotations

import csv

import numpy as np
import pytest


@pytest.fixture(scope="session")
def folders(tmp_path_factory) -> tuple:
    """Folders `data` and `weights` like the shared ones, of generated pictures and random networks."""
    import torch
    from PIL import Image
    from safetensors.torch import save_file

    from pasticcio.nn.inception import Inception, folded_names

    root = tmp_path_factory.mktemp("material")
    rng = np.random.default_rng(0)
    columns = {"photos": ("class", 4), "paintings": ("artist", 24), "textures": ("class", 24)}
    for kind, (column, count) in columns.items():
        folder = root / "data" / kind
        folder.mkdir(parents=True)
        rows = []
        for i in range(count):
            color = np.eye(3)[i % 2] * 0.6 + 0.2
            pixels = np.clip(color + rng.normal(0, 0.1, (80, 80, 1)), 0, 1)
            Image.fromarray((255 * pixels).astype(np.uint8)).save(folder / f"{i}.png")
            split = "test" if i % 4 > 1 else "train"
            rows.append({"file": f"{i}.png", "split": split, column: f"c{i % 2}", "movement": f"m{i % 2}"})
        with (root / "data" / f"{kind}.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    (root / "weights").mkdir()
    state = {}
    for ours, theirs in folded_names().items():
        conv = Inception().get_submodule(ours).conv
        state |= {f"{theirs}.weight": conv.weight.detach().clone(), f"{theirs}.bias": torch.zeros(len(conv.weight))}
    save_file(state, root / "weights" / "inception_v3_mixed_6e.safetensors")
    return root / "data", root / "weights"


@pytest.fixture
def random_vgg(monkeypatch):
    """Small loss networks with random weights."""
    from pasticcio.training.pretrained import load_vgg

    def load(name, layers, weights="", pooling="max", padding="zero", progress=None):
        return load_vgg("vgg19-small", layers, "random", pooling, padding)

    for module in ("features", "material"):
        monkeypatch.setattr(f"pasticcio.experiments.{module}.load_vgg", load)


@pytest.fixture
def context(folders, random_vgg, model_folder, tmp_path):
    """Few and small pictures, a model and networks without training."""
    from pasticcio.experiments.context import Context

    data, weights = folders
    return Context(
        data=data,
        weights=weights,
        results=tmp_path / "results",
        out=tmp_path / "figures",
        model=str(model_folder),
        side=80,
        amount=2,
    )
