from dataclasses import dataclass, field, replace

import pytest

from pasticcio.errors import OptionError
from pasticcio.render.declare import check, option, spelled_also
from pasticcio.render.options import shared


@spelled_also(colour="color")
@dataclass(frozen=True)
class Settings:
    strength: float = field(default=0.5, metadata=shared("strength"))
    side: int | None = field(default=None, metadata=shared("style_size", range=(32, None)))
    color: str = field(default="red", metadata=option("Its color.", type=str, choices=("red", "blue")))
    file: str = ""


def test_dataclasses_share_options_and_their_limits():
    check(Settings())
    with pytest.raises(OptionError, match=r"strength is 2; it must be between 0 and 1\.5"):
        check(Settings(2))
    with pytest.raises(OptionError, match="side is 8; it must be 32 pixels or more"):
        check(Settings(side=8))
    with pytest.raises(OptionError, match="color is 'green'; did you mean red"):
        check(Settings(color="green"))


def test_an_old_spelling_is_an_argument_and_an_attribute():
    settings = Settings(colour="blue")
    assert settings == Settings(color="blue")
    assert settings.colour == settings.color == "blue"
    assert replace(settings, colour="red").color == "red"
    assert replace(settings, color="red").colour == "red"
    assert replace(settings, strength=1.0).color == "blue"
    with pytest.raises(TypeError, match="hue"):
        Settings(hue="blue")
