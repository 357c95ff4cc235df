import numpy as np
import pytest
from PIL import Image

from pasticcio.image.resize import SLAB
from pasticcio.image.underpaint import underpainted


def shrunk(photo, factor=4):
    size = photo.shape[1] // factor, photo.shape[0] // factor
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS))


def test_the_share_is_that_of_the_smaller_picture(photo):
    small = 255 - shrunk(photo)
    alone = underpainted(photo, small, 1.0).astype(float)
    assert np.array_equal(underpainted(photo, small, 0.0), photo)
    np.testing.assert_allclose(underpainted(photo, small, 0.25), 0.75 * photo + 0.25 * alone, atol=1.01)
    large = np.asarray(Image.fromarray(small).resize(photo.shape[1::-1], Image.Resampling.BICUBIC)).astype(float)
    assert np.abs(alone - large).mean() < 6  # but for the blur


def test_a_pattern_of_single_pixels_is_not_enlarged():
    """What the layers of a network draw on their grid would be seen as stripes."""
    small = np.full((40, 40, 3), 100, np.uint8)
    small[::2] = 140
    out = underpainted(np.zeros((160, 160, 3), np.uint8), small, 1.0)
    assert np.ptp(out[20:-20].astype(int)) <= 2


def test_masks_keep_the_photo(photo):
    places = np.zeros(photo.shape[:2], np.float32)
    places[:, 50:] = 1
    out = underpainted(photo, 255 - shrunk(photo), 0.5, places)
    assert np.array_equal(out[:, :50], photo[:, :50])
    assert np.array_equal(out[:, 50:], underpainted(photo, 255 - shrunk(photo), 0.5)[:, 50:])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_slabs_of_rows_have_no_seams(dtype):
    top = 1 if dtype == np.float32 else np.iinfo(dtype).max
    smooth = np.linspace(0, top, 300)[:, None, None] * np.ones((1, 100, 3))
    out = underpainted(np.zeros((2 * SLAB + 100, 120, 3), dtype), smooth.astype(dtype), 1.0)
    assert out.dtype == dtype
    steps = np.diff(out[:, 40, 0].astype(float)) / top
    assert np.abs(steps[8:-8] - steps[8:-8].mean()).max() < 0.006
