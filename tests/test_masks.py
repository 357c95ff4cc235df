import numpy as np
import pytest
from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.masks import product, read_mask


def test_a_mask_is_brought_to_the_photos_size(tmp_path):
    half = np.zeros((30, 40), np.uint8)
    half[:, 20:] = 255
    Image.fromarray(half).save(tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png", 300, 400)
    assert mask.shape == (300, 400)
    assert (mask[:, :190] == 0).all()
    assert (mask[:, 210:] == 255).all()
    assert 0 < mask[150, 200] < 255  # soft where it grew


def test_what_is_transparent_is_black():
    rgba = np.full((20, 20, 4), 255, np.uint8)
    rgba[:10, :, 3] = 0
    mask = read_mask(rgba, 20, 20)
    assert mask[:10].max() == 0
    assert mask[10:].min() == 255


def test_other_proportions_are_refused():
    with pytest.raises(ImageError, match=r"20 x 20 and the photo 40 x 20; a mask must have the photo's proportions"):
        read_mask(np.zeros((20, 20), np.uint8), 20, 40)


def test_product():
    assert product(np.array([255, 255, 128], np.uint8), np.array([255, 7, 128], np.uint8)).tolist() == [255, 7, 64]
