import subprocess
import sys
from dataclasses import fields, replace

import numpy as np
import pytest
from PIL import Image

from pasticcio.errors import OptionError
from pasticcio.render.options import Options


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"strength": -0.1}, "strength is -0.1; it must be between 0 and 1.5"),
        ({"strength": 1.51}, "strength is 1.51; it must be between 0 and 1.5"),
        ({"strength": float("nan")}, "strength is nan; it must be between 0 and 1.5"),
        ({"strength": None}, "strength is None; it must be a number"),
        ({"strength": "half"}, "strength is 'half'; it must be a number"),
        ({"stroke": 9.0}, "stroke is 9; it must be between 0.25 and 8"),
        ({"spread": -0.1}, "spread is -0.1; it must be between 0 and 1"),
        ({"seed": -1}, "seed is -1; it must be 0 or more"),
        ({"seed": 1.5}, "seed is 1.5; it must be a whole number"),
        ({"tile": 8}, "tile is 8; it must be 64 pixels or more, or 0 for one pass"),
        ({"style_size": 20}, "style_size is 20; it must be between 64 and 1024 pixels"),
        ({"style_size": 10**400}, "style_size is a number of more than 300 digits; it must be between 64 and 1024"),
        ({"statistics": "exakt"}, "statistics is 'exakt'; did you mean exact?"),
        ({"colors": "mach"}, "colors is 'mach'; did you mean match?"),
        ({"colors": ["match"]}, "colors is ['match']; did you mean match?"),
        ({"statistics": "exact", "tile": 0}, "statistics is 'exact' and tile is 0, one pass"),
    ],
)
def test_options_have_limits(values, message):
    with pytest.raises(OptionError) as caught:
        Options(**values)
    assert str(caught.value).startswith(message)


def test_the_british_spelling_is_an_alias():
    options = Options(colours="match")
    assert options == Options(colors="match")
    assert options.colours == options.colors == "match"
    assert replace(options, colours="luminance").colors == "luminance"
    assert replace(options, colors="luminance").colours == "luminance"
    assert replace(options, strength=0.5).colors == "match"
    with pytest.raises(OptionError, match="did you mean match"):
        Options(colours="mach")


def test_options_with_other_masks_differ(tmp_path):
    black, white = np.zeros((4, 4), np.uint8), np.full((4, 4), 255, np.uint8)
    masks = [None, black, white, black[:2], black.astype(float), Image.fromarray(black), Image.fromarray(white)]
    masks += [tmp_path / "a.png", tmp_path / "b.png", b"a"]
    for i, one in enumerate(masks):
        for j, other in enumerate(masks):
            assert (Options(mask=one) == Options(mask=other)) == (i == j)
    same = Options(mask=black), Options(mask=black.copy())
    assert same[0] == same[1]
    assert len({hash(options) for options in same}) == 1
    assert Options(mask=black, seed=1) != Options(mask=black)
    assert Options() != "options"


def test_every_option_says_what_the_command_line_needs():
    for one in fields(Options):
        assert one.metadata["help"].endswith(".")
    colors = next(one for one in fields(Options) if one.name == "colors")
    assert colors.metadata["flags"] == ("--colors", "--colours")


def test_importing_them_imports_nothing_heavy():
    code = "import sys, pasticcio.render.options; print({'numpy', 'PIL', 'torch'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "set()\n"
