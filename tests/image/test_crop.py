import numpy as np

from pasticcio.image.crop import center_crop, random_crop


def test_crops_keep_the_scale():
    """A crop as if the short side were twice the crop shows half of it."""
    ramp = np.repeat(np.arange(100, dtype=np.uint8)[None, :, None], 60, 0).repeat(3, 2)
    crop = center_crop(ramp, 30, 60)
    assert crop.shape == (30, 30, 3)
    assert abs(int(crop[0, -1, 0]) - int(crop[0, 0, 0]) - 29) <= 1
    wide = random_crop(ramp, 30, 30, np.random.default_rng(0))
    assert abs(int(wide[0, -1, 0]) - int(wide[0, 0, 0]) - 58) <= 2
