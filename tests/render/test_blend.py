import numpy as np
import pytest

from pasticcio.errors import StyleError
from pasticcio.render.blend import Blend


def test_what_an_argument_means():
    assert Blend.of("dance") == Blend(("dance",), (1.0,))
    halves = Blend(("dance", "kiss"), (0.5, 0.5))
    for style in (
        ["dance", "kiss"],
        ("dance", "kiss"),
        [("dance", 0.5), ("kiss", np.float32(0.5))],
        [["dance", 0.5], ["kiss", 0.5]],
        {"dance": 0.5, "kiss": 0.5},
    ):
        assert Blend.of(style) == halves
    assert Blend.of({"dance": 1}) == Blend.of(["dance"]) == Blend.of("dance")
    masked = Blend(("dance", "kiss"), masks=(b"left", b"right"))
    assert Blend.of([("dance", b"left"), ("kiss", b"right")]) == masked
    assert Blend.of({"dance": b"left", "kiss": b"right"}) == masked


@pytest.mark.parametrize(
    ("style", "message"),
    [
        ([], "give at least one style"),
        ({}, "give at least one style"),
        ([("dance", 0.6), ("kiss", 0.6)], r"weights sum to 1\.2; they must sum to 1"),
        ([("dance", 0.5), ("kiss", b"mask")], "give all of them the one or the other"),
        ([("dance", 0.5), "kiss"], "some styles have a weight and some have none"),
        ([("dance", 0.5, 1)], "a pair, not 3 values"),
        ({"dance": float("nan")}, "weights sum to nan"),
    ],
)
def test_what_means_nothing_is_a_style_error(style, message):
    with pytest.raises(StyleError, match=message):
        Blend.of(style)
