from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from made import QUICK
from pasticcio.errors import ImageError
from pasticcio.image.picture import as_batch, as_depth, as_float, to_pil
from pasticcio.image.read import read_picture


def test_with_pixels_keeps_all_else(photo):
    picture = replace(read_picture(photo), exif=b"x", note="y")
    changed = picture.with_pixels(np.full(photo.shape, 0.5, np.float32))
    assert (changed.pixels == 128).all()
    assert (changed.exif, changed.note, changed.kind) == (b"x", "y", picture.kind)
    with pytest.raises(ImageError, match="do not fit"):
        picture.with_pixels(np.zeros((2, 2, 3), np.float32))


@given(st.sampled_from([np.uint8, np.uint16]))
@QUICK
def test_depths_are_exact_both_ways(dtype):
    every = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    assert np.array_equal(as_depth(as_float(every), dtype), every)


def test_values_are_rounded_and_clipped():
    assert np.asarray(to_pil(np.array([[[-1.0, 0.5, 2.0]]], np.float32))).tolist() == [[[0, 128, 255]]]


def test_a_batch_of_one(photo):
    image = as_float(photo)
    batch = as_batch(image)
    assert batch.shape == (1, 3, *photo.shape[:2])
    assert batch.flags["C_CONTIGUOUS"]
    assert np.array_equal(batch[0, 2], image[:, :, 2])


def test_a_picture_is_equal_to_itself_alone(photo):
    one, other = read_picture(photo), read_picture(photo)
    assert one == one
    assert one != other
    assert len({one, other, one}) == 2
