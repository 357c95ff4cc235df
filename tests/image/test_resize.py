import numpy as np
import pytest

from pasticcio.image.picture import as_float
from pasticcio.image.read import read_picture
from pasticcio.image.resize import SLAB, at_least, in_slabs, scaled, scaled_floats, style_view


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_a_picture_at_another_size_keeps_its_depth_and_alpha(photo, kind):
    top = np.iinfo(kind).max
    pixels = (photo[:100, :151].astype(float) / 255 * top).astype(kind)
    picture = read_picture(pixels)
    half = scaled(picture, 0.5)
    assert half.pixels.shape == (50, 76, 3)
    assert half.pixels.dtype == kind
    blocks = pixels[:, :150].reshape(50, 2, 75, 2, 3).mean((1, 3))
    assert np.abs(half.pixels[:, :75] - blocks).mean() < 0.02 * top
    assert scaled(picture, 1e-6).pixels.shape == (1, 1, 3)


def test_alpha_is_scaled_too(photo):
    alpha = np.zeros((100, 100, 1), np.uint8)
    alpha[:, 50:] = 255
    picture = scaled(read_picture(np.concatenate([photo[:100, :100], alpha], 2)), 0.5)
    assert picture.alpha.shape == (50, 50)
    assert (picture.alpha[:, :20] == 0).all()
    assert (picture.alpha[:, 30:] == 255).all()


def test_floats_have_about_as_many_pixels_as_asked_for(photo):
    small = scaled_floats(photo, 10_000)
    assert 9_000 < small.shape[0] * small.shape[1] < 11_000
    assert small.dtype == np.float32
    assert np.abs(small.mean((0, 1)) - as_float(photo).mean((0, 1))).max() < 0.01


def test_slabs_cover_every_row_once():
    photo = np.random.default_rng(0).integers(0, 256, (2 * SLAB + 7, 3, 3), dtype=np.uint8)
    image = photo[::-1].copy()
    changed = in_slabs(lambda one, other: (one + other) / 2, photo, image)
    assert np.abs(changed.astype(int) - (photo.astype(int) + image) / 2).max() <= 0.5


def test_small_pictures_are_reflected_to_the_right_and_downwards(photo):
    small = photo[:9, :12]
    grown = at_least(small, 16)
    assert grown.shape == (16, 16, 3)
    assert np.array_equal(grown[:9, :12], small)
    assert np.array_equal(grown[:9, 12], small[:, 10])
    assert np.array_equal(grown[9, :12], small[7])
    assert at_least(photo, 16) is photo
    assert (at_least(photo[:1, :1], 16) == photo[0, 0]).all()


def test_style_view_scales_the_short_side_and_bounds_the_long_one():
    assert style_view(np.zeros((100, 50, 3), np.float32), 64).shape == (128, 64, 3)
    assert style_view(np.zeros((10, 2000, 3), np.float32), 64).shape == (64, 256, 3)
