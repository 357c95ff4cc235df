import inspect
from dataclasses import fields, replace

import pytest

from pasticcio.cli.arguments import OLD_SPELLINGS, only_for, options_from, weighted
from pasticcio.cli.stylize import stylize
from pasticcio.errors import OptionError, StyleError
from pasticcio.render.options import Options


def test_the_options_of_the_command_are_those_of_the_dataclass():
    parameters = inspect.signature(stylize).parameters
    for one in fields(Options):
        option = parameters[one.name].annotation.__metadata__[0]
        flags = {option.default, *(option.param_decls or ())}
        assert f"--{one.name.replace('_', '-')}" in flags
        assert not flags & OLD_SPELLINGS.keys()
        assert option.help.startswith(one.metadata["help"])
        if one.name != "mask":  # repeatable on the command line
            assert parameters[one.name].default == one.default
    assert "options" not in parameters


def test_a_command_is_called_with_the_dataclass():
    called = []

    @options_from(Options, leave_out=["mask"])
    def command(*, photo: str, options: Options) -> None:
        called.append((photo, options))

    assert "mask" not in inspect.signature(command).parameters
    given = {name: one.default for name, one in inspect.signature(command).parameters.items() if name != "photo"}
    command(photo="a.jpg", **given | {"strength": 0.5})
    assert called == [("a.jpg", replace(Options(), strength=0.5))]


def test_options_that_do_not_apply_are_refused():
    only_for("maps", True, seed=0)
    only_for("maps", False, seed=None, title="", set_=[], dots=False)
    for given, flag in (({"seed": 0}, "--seed"), ({"style_size": 3}, "--style-size"), ({"set_": ["a=1"]}, "--set")):
        with pytest.raises(OptionError, match=f"^{flag} is only for maps; leave it out$"):
            only_for("maps", False, **given)


def test_weights(tmp_path, monkeypatch):
    assert weighted(["a.jpg"]) == [("a.jpg", 1.0)]
    assert weighted(["a.jpg:0.7", "dance:0.3"]) == [("a.jpg", 0.7), ("dance", 0.3)]
    assert weighted(["a", "b", "c", "d"]) == [(name, 0.25) for name in "abcd"]
    assert weighted(["like:dance"]) == [("like:dance", 1.0)]
    assert weighted(["like:dance:1"]) == [("like:dance", 1.0)]
    with pytest.raises(StyleError, match=r"style b has no weight; write b:0\.5, or leave out the weights"):
        weighted(["a:0.5", "b"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a:1").touch()
    assert weighted(["a:1"]) == [("a:1", 1.0)]
