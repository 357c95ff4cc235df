import numpy as np
import pytest
import torch

from pasticcio.errors import StyleError
from pasticcio.model.folder import Model
from pasticcio.render.find import Draw, find
from pasticcio.style.style import Style


@pytest.fixture(scope="module")
def default():
    return Model.open()


def test_names_files_and_draws_are_told_apart(default, style_file, tmp_path, monkeypatch):
    assert find("dance", default).name == "dance"
    assert find("random", default) == Draw()
    assert find("like:like:dance", default) == Draw("like:dance")
    assert find(style_file, default) == style_file
    pixels = np.zeros((4, 4), np.uint8)
    assert find(pixels, default) is pixels
    style = Style(np.zeros(default.embedding), default.fingerprint, "mine")
    style.save(tmp_path / "mine.json")
    assert find(tmp_path / "mine.json", default) == style
    monkeypatch.chdir(tmp_path)
    for name in ("dance", "random"):  # a file goes before a name
        (tmp_path / name).mkdir()
        assert find(name, default) == name


@pytest.mark.parametrize("style", [None, 1, ["dance"], {"dance": 1}, torch.zeros(3, 8, 8)])
def test_other_objects_are_no_styles(default, style):
    with pytest.raises(StyleError, match=rf"a {type(style).__name__} is no style; give a picture, its file"):
        find(style, default)


def test_a_style_of_another_model_is_refused(default):
    with pytest.raises(StyleError, match="belongs to model other"):
        find(Style(np.zeros(6), "other", "x"), default)
