import numpy as np
import pytest
import torch

from pasticcio.training.config import DataConfig
from pasticcio.training.crops import change_colors, change_colors_of_batch, style_crop, style_tensor


def test_color_changes():
    pixels = np.array([[[200, 100, 50], [80, 80, 80]]], np.uint8)
    assert np.array_equal(change_colors(pixels, 0, 1, 0), pixels)
    gray = change_colors(pixels, 0, 0, 0).astype(int)
    assert np.ptp(gray, axis=2).max() <= 1
    brighter = change_colors(pixels, 0.2, 1, 0).astype(int)
    assert np.array_equal(brighter, np.clip(pixels + 51, 0, 255))
    turned = change_colors(pixels, 0, 1, 0.5).astype(int)
    assert abs(turned[0, 1] - 80).max() <= 1  # gray has no hue
    assert turned[0, 0, 2] > turned[0, 0, 0]  # orange became blue


def test_tensors_change_colors_as_arrays_do():
    pixels = np.random.default_rng(0).integers(60, 190, (2, 8, 9, 3), dtype=np.uint8)
    changes = [(0.05, 0.8, 0.1), (-0.05, 1.2, -0.05)]
    tensor = torch.from_numpy(pixels).permute(0, 3, 1, 2).float()
    found = change_colors_of_batch(tensor, changes).permute(0, 2, 3, 1).numpy()
    for one, picture, change in zip(found, pixels, changes, strict=True):
        assert np.abs(np.clip(one, 0, 255) - change_colors(picture, *change)).max() <= 1


@pytest.mark.parametrize("of_tensor", [False, True])
def test_whole_crops_reach_from_side_to_side(of_tensor):
    ramp = np.broadcast_to(np.linspace(0, 255, 64).astype(np.uint8)[:, None, None], (64, 64, 3)).copy()
    rng, spans = np.random.default_rng(0), []
    config = DataConfig(style_short=(64, 256), style_crop=32, whole=0.5, brightness=0, saturation=(1, 1), hue=0)
    for _ in range(200):
        if of_tensor:
            crop = style_tensor(torch.from_numpy(ramp).permute(2, 0, 1), 32, config, rng).permute(1, 2, 0).numpy()
        else:
            crop = style_crop(ramp, config, rng)
        spans.append(float(np.ptp(crop.astype(float))))
    whole = np.mean(np.array(spans) > 200)
    assert 0.4 < whole < 0.6
    assert min(spans) < 100
