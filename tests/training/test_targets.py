from dataclasses import replace

import numpy as np
import pytest
import torch

from pasticcio.nn.losses import LossConfig, gram_targets
from pasticcio.training.batches import Batches, to_unit
from pasticcio.training.config import DataConfig, LossNetworkConfig, TrainConfig
from pasticcio.training.pretrained import load_vgg
from pasticcio.training.targets import ContentTargets, StyleTargets


@pytest.fixture
def setting(pictures):
    data = DataConfig(
        photos=(str(pictures / "photos"),),
        styles=(str(pictures / "styles"),),
        crop=32,
        photo_short=(40, 64),
        style_short=(64, 64),
        style_crop=64,
        style_size=(64, 64),
        augment=False,
        fixed_photos=True,
        workers=0,
    )
    loss = LossConfig(content={"relu1_1": 1.0}, style={"relu1_1": 1.0, "relu2_1": 1.0}, relative=True)
    config = TrainConfig(data=data, loss=loss, loss_network=LossNetworkConfig(weights="random"), batch=3)
    return config, Batches(data, 3, 0.0, seed=0), load_vgg("vgg16", loss.layers(), "random")


def test_kept_targets_equal_fresh_ones(setting, tmp_path):
    config, batches, vgg = setting
    targets = StyleTargets(tmp_path, batches, vgg, config)
    batch = batches[0]
    kept = targets.at(batch.style_index, torch.device("cpu"))
    with torch.no_grad():
        fresh = gram_targets(vgg(to_unit(batch.styles)), config.loss)
    for layer, gram in fresh.items():
        error = (kept[layer] - gram).norm() / gram.norm()
        assert error < 1e-3, layer


def test_kept_content_features_equal_fresh_ones(setting, tmp_path):
    config, batches, vgg = setting
    targets = ContentTargets(tmp_path, batches, vgg, config)
    batch = batches[1]
    kept = targets.at(batch.photo_index, torch.device("cpu"))
    fresh = vgg(to_unit(batch.photos))
    assert kept.keys() == config.loss.content.keys()
    for layer, features in kept.items():
        assert (features - fresh[layer]).norm() / fresh[layer].norm() < 1e-3


def test_features_for_the_restyled_loss_are_kept_too(setting, tmp_path):
    config, batches, vgg = setting
    config = replace(config, loss=replace(config.loss, restyled={"relu2_1": 1.0}))
    batch = batches[0]
    kept = ContentTargets(tmp_path, batches, vgg, config).at(batch.photo_index, torch.device("cpu"))
    fresh = vgg(to_unit(batch.photos))["relu2_1"]
    assert (kept["relu2_1"] - fresh).norm() / fresh.norm() < 1e-3


def test_what_is_there_is_not_computed_again(setting, tmp_path):
    config, batches, vgg = setting
    calls = 0

    def counting(pictures):
        nonlocal calls
        calls += len(pictures)
        return vgg(pictures)

    StyleTargets(tmp_path, batches, counting, config)
    assert calls == 1 + len(batches.styles)  # one to learn the shapes
    done = next(tmp_path.glob("*.done.memmap"))
    flags = np.memmap(done, np.uint8, "r+")
    flags[2] = 0  # as if a run had been broken off before style 2
    flags.flush()
    StyleTargets(tmp_path, batches, counting, config)
    assert calls == 2 + len(batches.styles) + 1
