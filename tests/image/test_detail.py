import numpy as np
from PIL import Image

from pasticcio.image.detail import enlarge


def halves(photo):
    size = photo.shape[1] // 4, photo.shape[0] // 4
    return np.asarray(Image.fromarray(photo).resize(size, Image.Resampling.LANCZOS), np.float32) / 255


def test_a_picture_that_was_not_changed_keeps_its_detail(photo):
    small = halves(photo)
    plain = Image.fromarray((small * 255).astype(np.uint8)).resize(photo.shape[1::-1], Image.Resampling.BICUBIC)
    plain = np.asarray(plain)
    large = enlarge(small, small, photo)
    assert large.dtype == np.uint8
    error, without = (np.abs(image.astype(int) - photo).mean() for image in (large, plain))
    assert error < 0.6 * without


def test_detail_turns_with_the_contrast(photo):
    small = halves(photo)
    turned = enlarge(1.0 - small, small, photo).astype(int)
    assert np.abs(turned - (255 - enlarge(small, small, photo).astype(int))).mean() < 2


def test_what_the_style_made_even_stays_even(photo):
    small = halves(photo)
    even = np.full_like(small, 0.4)
    assert enlarge(even, small, photo).std() < 1


def test_rows_are_enlarged_alike_in_slabs(photo):
    tall = np.concatenate([photo] * 4)
    small = halves(tall)
    light = enlarge(small, small, tall.astype(np.float32) / 255)
    assert light.dtype == np.float32
    assert np.abs(np.diff(light, axis=0)).mean(axis=(1, 2))[500:524].max() < 0.2
