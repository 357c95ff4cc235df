import itertools
import math

import pytest

from pasticcio.render.levels import LARGE, MOST, STEP, USUAL, levels, stroke_for


@pytest.mark.parametrize(
    ("asked", "height", "width", "stroke"),
    [
        (None, 300, 5000, 1.0),
        (None, LARGE - 1, 4000, 1.0),
        (None, LARGE, LARGE, LARGE / USUAL),
        (None, 3000, 4000, 3000 / USUAL),
        (None, 9000, 9000, MOST),
        (1.0, 3000, 4000, 1.0),
        (0.5, 100, 100, 0.5),
    ],
)
def test_strokes_grow_with_large_photos(asked, height, width, stroke):
    assert stroke_for(asked, height, width) == stroke


@pytest.mark.parametrize("stroke", [0.25, 0.5, 1.0, 1.2, 2.0, 2.5, 3.0, 5.86, 8.0])
def test_levels_go_from_the_stroke_to_the_photo_in_small_steps(stroke):
    sizes = levels(stroke)
    assert math.isclose(sizes[0], stroke)
    assert sizes[-1] == min(stroke, 1.0)
    assert all(1 < coarse / fine <= STEP + 1e-9 for coarse, fine in itertools.pairwise(sizes))
