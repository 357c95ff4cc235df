import numpy as np
import pytest

from pasticcio.baselines.scales import Scale, resize, sizes
from pasticcio.baselines.settings import Settings
from pasticcio.errors import ImageError


def long_sides(size, photo=(3000, 2000), scales=0):
    return [max(s) for s in sizes(photo, Settings(size=size, scales=scales))]


def test_large_pictures_get_coarser_scales_of_themselves():
    assert long_sides(512) == [512]
    assert long_sides(513) == [256, 513]
    assert long_sides(2000) == [500, 1000, 2000]
    assert long_sides(2000, photo=(300, 200)) == [300]
    assert long_sides(512, scales=2) == [256, 512]
    with pytest.raises(ImageError, match="at the coarsest of 5 scales"):
        long_sides(256, scales=5)


def test_style_pictures_shrink_with_the_photo(cat, bands):
    photo, style = resize(cat / np.float32(255), (40, 48)), bands / np.float32(255)
    scale = Scale(Settings(style_size=160), photo, [(style, 1.0)], (80, 96), np.ones((7, 9), np.float32))
    assert [(picture.shape, weight) for picture, weight in scale.styles] == [((80, 80, 3), 1.0)]
    assert scale.mask.shape == (40, 48)
