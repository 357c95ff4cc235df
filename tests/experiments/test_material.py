import numpy as np
import pytest
from PIL import Image

from pasticcio.errors import DataError
from pasticcio.experiments.material import Material, draw, read_square


def test_a_missing_table_is_named(tmp_path):
    with pytest.raises(DataError, match="the experiments need"):
        Material.of(tmp_path, tmp_path).files("photos", "train")


def test_no_file_is_drawn_twice_before_all_were():
    drawn = draw(["a", "b", "c"], 5, np.random.default_rng(0))
    assert set(drawn[:3]) == {"a", "b", "c"}
    assert len(set(drawn[3:])) == 2


def test_the_square_is_the_middle(tmp_path):
    pixels = np.zeros((40, 80, 3), np.uint8)
    pixels[:, 20:60] = 255
    Image.fromarray(pixels).save(tmp_path / "wide.png")
    square = read_square(tmp_path / "wide.png", 40)
    assert square.shape == (40, 40, 3)
    assert square.min() == 1
