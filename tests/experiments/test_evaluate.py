import shutil

import numpy as np
import pytest

from conftest import shared
from pasticcio.errors import DataError, OptionError
from pasticcio.experiments.evaluate import evaluate, output_sheet
from pasticcio.render.stylizer import Stylizer


def test_untouched_photo_and_model_are_measured(model_folder, pictures):
    vgg = str(shared("weights", "vgg19_normalised_conv4_1.safetensors"))
    photos, styles = str(pictures / "photos"), [str(pictures / "styles")]
    table = evaluate(Stylizer(model_folder), photos, styles, vgg, pairs=3, size=64, strengths=(0.0, 1.0))
    untouched, _, full = table.rows
    assert untouched.content == pytest.approx({"relu3_3": 0.0, "relu4_1": 0.0})
    assert len(untouched.style) == 3
    assert full.content["relu4_1"] > 0.1
    assert table.text().count("\n") == 6
    again = evaluate(Stylizer(model_folder), photos, [photos], vgg, pairs=3, size=64)
    assert not np.allclose(again.rows[0].style, untouched.style)


def test_sheet_shows_outputs_alone(model_folder, pictures):
    image, caption = output_sheet(Stylizer(model_folder), str(pictures / "photos"), [str(pictures / "styles")], size=32)
    assert image.size == (192, 192)
    assert caption.count(".png") == 12


def test_a_table_is_measured_on_its_own_styles(table_folder, pictures, tmp_path):
    vgg = str(shared("weights", "vgg19_normalised_conv4_1.safetensors"))
    stylizer, photos = Stylizer(table_folder), str(pictures / "photos")
    with pytest.raises(DataError, match="has the name of a style of pair: red, blue"):
        evaluate(stylizer, photos, [photos], vgg, pairs=2, size=64)
    for name in ("red", "other"):
        shutil.copy(pictures / "styles" / "000.png", tmp_path / f"{name}.png")
    table = evaluate(stylizer, photos, [str(tmp_path)], vgg, pairs=2, size=64)
    assert len(table.rows) == 2
    _, caption = output_sheet(stylizer, photos, [str(tmp_path)], size=32)
    assert "red.png" in caption
    assert "other.png" not in caption
    with pytest.raises(OptionError, match="strength 1 alone"):
        evaluate(stylizer, photos, [str(tmp_path)], vgg, strengths=(0.5,))
