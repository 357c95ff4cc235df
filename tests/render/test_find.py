from pathlib import Path

import numpy as np
import pytest
import torch

from pasticcio.errors import StyleError
from pasticcio.image.write import save_image
from pasticcio.model.folder import Model
from pasticcio.render.find import Draw, Several, find
from pasticcio.style.style import Style


@pytest.fixture(scope="module")
def default():
    return Model.open()


def test_names_files_and_draws_are_told_apart(default, style_file, tmp_path, monkeypatch):
    assert find("dance", default).name == "dance"
    assert find("random", default) == Draw()
    assert find("like:like:dance", default) == Draw(Draw(find("dance", default)))
    assert find(style_file, default) == style_file
    pixels = np.zeros((4, 4), np.uint8)
    assert find(pixels, default) is pixels
    style = Style(np.zeros(default.embedding), default.fingerprint, "mine")
    style.save(tmp_path / "mine.json")
    assert find(tmp_path / "mine.json", default) == style
    monkeypatch.chdir(tmp_path)
    before = find("dance", default)
    for name in ("dance", "random"):  # a file goes before a name
        (tmp_path / name).mkdir()
        save_image(pixels, tmp_path / name / "a.png")
        assert find(name, default) == Several(name, (Path(name, "a.png"),))
    assert find(before, default) is before


def test_what_is_found_stays_so_when_files_come_to_be(default, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save_image(np.zeros((4, 4), np.uint8), "in.png")
    Path("some").mkdir()
    Path("in.png").rename("some/in.png")
    found = [find(name, default) for name in ("some", "like:some", "like:dance", "random")]
    for name in ("dance", "random", "like:some", "like:dance"):
        Path(name).mkdir()
    save_image(np.zeros((4, 4), np.uint8), "some/later.png")
    assert [find(one, default) for one in found] == found
    assert found[0].files == (Path("some/in.png"),)


@pytest.mark.parametrize("style", [None, 1, ["dance"], {"dance": 1}, torch.zeros(3, 8, 8)])
def test_other_objects_are_no_styles(default, style):
    with pytest.raises(StyleError, match=rf"a {type(style).__name__} is no style; give a picture, its file"):
        find(style, default)


def test_a_style_of_another_model_is_refused(default):
    with pytest.raises(StyleError, match="belongs to model other"):
        find(Style(np.zeros(6), "other", "x"), default)
    fast = Model.open("fast")
    with pytest.raises(
        StyleError, match=rf"belongs to model fast, not to default \({default.fingerprint}\); choose model fast"
    ):
        find(fast.styles["dance"], default)
