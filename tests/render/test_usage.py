import pytest

from pasticcio.errors import OptionError
from pasticcio.model.folder import Model
from pasticcio.render.blend import Blend
from pasticcio.render.options import Options
from pasticcio.render.usage import refuse, unused

GIVEN = {"style_size": 256, "seed": 1, "spread": 0.5}


@pytest.mark.parametrize(
    ("style", "used"),
    [
        ("dance", []),
        ("FILE", ["style_size"]),
        ("random", ["seed"]),
        ("like:dance", ["seed", "spread"]),
        ("like:FILE", ["style_size", "seed", "spread"]),
        ("like:random", ["seed", "spread"]),
        (["dance", "random"], ["seed"]),
    ],
)
def test_options_are_used_by_the_styles_that_depend_on_them(style, used, style_file):
    blend = Blend.of(style.replace("FILE", str(style_file)) if isinstance(style, str) else style)
    assert unused(Options(**GIVEN), blend, Model.open()) == [name for name in GIVEN if name not in used]
    assert unused(Options(), blend, Model.open()) == []


def test_the_style_size_is_used_where_the_photo_is_embedded():
    model, dance = Model.open(), Blend.of("dance")
    assert unused(Options(style_size=256), dance, model) == ["style_size"]
    assert unused(Options(style_size=256, strength=0.5), dance, model) == []
    assert unused(Options(style_size=256, mask=b"mask"), dance, model) == []
    assert unused(Options(style_size=256), Blend.of({"dance": b"mask"}), model) == []


def test_what_is_not_used_is_refused_in_one_line():
    with pytest.raises(OptionError) as caught:
        refuse(Options(spread=0.5), ["spread"])
    assert str(caught.value) == (
        "spread is 0.5, and nothing that was asked for uses it: it applies to 'like:...'; leave it out"
    )
    refuse(Options(spread=0.5), [])
