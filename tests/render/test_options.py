import pytest

from pasticcio.errors import OptionError
from pasticcio.render.options import Options


@pytest.mark.parametrize("strength", [-0.1, 1.51, float("nan")])
def test_strength_has_limits(strength):
    with pytest.raises(OptionError, match=r"between 0 and 1\.5"):
        Options(strength=strength)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"stroke": 9.0}, "stroke is 9; it must be between 0.25 and 8"),
        ({"spread": -0.1}, "spread is -0.1; it must be between 0 and 1"),
        ({"seed": -1}, "seed is -1; it must be 0 or more"),
        ({"tile": 8}, "tile is 8; it must be 64 pixels or more, or 0 for one pass"),
        ({"statistics": "exakt"}, "did you mean exact"),
        ({"colors": "mach"}, "did you mean match"),
    ],
)
def test_options_have_limits(values, message):
    with pytest.raises(OptionError, match=message):
        Options(**values)
