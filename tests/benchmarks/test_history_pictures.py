import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from history_pictures import row, run, unit


def test_a_command_is_run_where_it_is_told_to(tmp_path, model_folder, photo):
    Image.fromarray(photo[:64, :64]).save(tmp_path / "photo.png")
    words = ["stylize", "photo.png", "-s", "photo.png", "--model", str(model_folder), "-o", "0.png"]
    assert run(words, tmp_path) > 0
    assert unit(Image.open(tmp_path / "0.png")).shape == (64, 64, 3)
    with pytest.raises(SystemExit, match=r"nowhere\.png"):
        run(["stylize", "nowhere.png", "-s", "photo.png", "-o", "1.png"], tmp_path)


def test_a_line_of_the_table():
    figures = {"loss": 1.234, "content": 0.5, "style": 0.0625}
    assert row("`a`", figures, 2.04, "0.jpg") == "| `a` | 1.23 | 0.50 | 0.062 | 2.0 | ![](history/0.jpg) |"
    white = unit(Image.fromarray(np.full((2, 2, 3), 255, np.uint8)))
    assert (white.dtype, white.max()) == (np.float32, 1.0)
