import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pasticcio.render.windows import Frame, cuts, reflected


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(0, 70), st.integers(0, 70))
def test_reflection_is_numpys(length, before, after):
    padded = np.pad(np.arange(length), (before, after), mode="reflect" if length > 1 else "edge")
    assert np.array_equal(reflected(length, before, before + length + after), padded)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 500), st.integers(1, 3000))
def test_cuts_cover_a_length_once(eighths, side):
    length = 8 * eighths
    parts = cuts(length, side, 8)
    assert parts[0][0] == 0
    assert parts[-1][1] == length
    assert all(a[1] == b[0] for a, b in itertools.pairwise(parts))
    assert all(first % 8 == 0 for first, _ in parts)
    assert max(b - a for a, b in parts) <= max(side + 8, 8)


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 300), st.integers(1, 300), st.integers(64, 200))
def test_every_pixel_is_in_the_core_of_one_tile(height, width, side):
    frame = Frame((height, width), multiple=8, margin=8, reach=40)
    picture = np.arange(height * width).reshape(height, width)
    count = np.zeros((height, width), int)
    for window in frame.tiles(side):
        places = frame.places(window)
        count[places.picture] += 1
        assert np.array_equal(frame.cut(picture, window)[places.window], picture[places.picture])
        assert 0 <= window.top <= window.top + window.height <= frame.height
    assert (count == 1).all()


def test_cores_around_corners_are_squares_of_the_picture():
    frame = Frame((300, 400), multiple=8, margin=8, reach=40)
    picture = np.arange(300 * 400).reshape(300, 400)
    corners = [(0, 0), (100, 200), (236, 336)]
    for (row, column), window in zip(corners, frame.around(corners, 64), strict=True):
        assert np.array_equal(frame.cut(picture, window)[window.core], picture[row : row + 64, column : column + 64])
