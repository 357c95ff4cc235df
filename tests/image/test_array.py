import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from made import QUICK, SIDES
from pasticcio.errors import ImageError
from pasticcio.image.array import from_array
from pasticcio.image.picture import give_back
from pasticcio.image.read import read_picture
from pasticcio.image.write import encode_png

DTYPES = [np.uint8, np.uint16, np.float16, np.float32, np.float64, np.dtype(">u2"), np.dtype(">f4")]


def test_hidden_colors_are_the_mean_of_the_visible_ones():
    pixels = np.full((4, 4, 4), (200, 100, 50, 255), np.uint8)
    pixels[0] = 0
    picture = read_picture(pixels)
    assert (picture.pixels == (200, 100, 50)).all()
    assert (picture.alpha[0] == 0).all()
    assert (read_picture(pixels[:1]).pixels == 0).all()  # nothing visible to take from
    assert read_picture(pixels[1:]).alpha is None


@QUICK
@given(SIDES, SIDES, st.sampled_from(DTYPES), st.sampled_from([None, 1, 3, 4]), st.data())
def test_arrays_come_back_as_they_were_given(height, width, dtype, channels, data):
    shape = (height, width) if channels is None else (height, width, channels)
    dtype = np.dtype(dtype)
    elements = st.floats(0, 1, width=16) if dtype.kind == "f" else st.integers(0, np.iinfo(dtype).max)
    array = data.draw(arrays(dtype, shape, elements=elements, fill=st.nothing() if height * width < 9 else None))
    picture = read_picture(array)
    assert picture.pixels.shape == (height, width, 3)
    back = give_back(picture)
    assert back.dtype == dtype
    assert back.shape == (height, width, 4 if channels == 4 else 3)
    if channels == 4:
        seen = array[:, :, 3] > 0
        assert np.array_equal(back[seen], array[seen])
        assert np.array_equal(back[:, :, 3], array[:, :, 3])
    else:
        assert np.array_equal(back, np.broadcast_to(array.reshape(height, width, -1), back.shape))
    if dtype.kind == "u":
        png = read_picture(encode_png(picture))
        assert np.array_equal(png.pixels, picture.pixels)
        assert png.pixels.dtype == picture.pixels.dtype
        assert (png.alpha is None) == (picture.alpha is None)
        assert png.alpha is None or np.array_equal(png.alpha, picture.alpha)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4, 2), np.uint8), r"an array of shape \(4, 4, 2\) is no picture; it must be \(H, W\), or"),
        (np.zeros((3, 8, 9), np.uint8), r"channels come last: array\.transpose\(1, 2, 0\)"),
        (np.zeros((1, 4, 4, 3), np.uint8), r"\(1, 4, 4, 3\) is no picture"),
        (np.zeros((4, 0, 3), np.uint8), "no picture"),
        (np.full((4, 4, 3), 200.0), r"must lie in \[0, 1\]; this one spans 200 to 200; divide by 255$"),
        (np.full((4, 4, 3), 3000.0), "divide by 65535$"),
        (np.full((4, 4, 3), -0.5), "spans -0.5 to -0.5$"),
        (np.full((4, 4, 3), np.nan), "spans nan to nan$"),
        (np.zeros((4, 4, 3), np.int32), r"use uint8, uint16 or .* such as array\.astype\(numpy\.uint8\)$"),
        (np.zeros((4, 4, 3), bool), r"astype\(numpy\.uint8\) \* 255"),
        (np.zeros((4, 4, 3), object), "an array of object is no picture"),
    ],
)
def test_what_is_no_picture_is_explained(array, message):
    with pytest.raises(ImageError, match=message):
        from_array(array)
