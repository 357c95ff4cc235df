from dataclasses import replace

import numpy as np
from PIL import Image

from pasticcio.space.thumbnails import sheets, thumbnails


def test_thumbnails_stay_within_the_budget():
    rng = np.random.default_rng(0)
    noise = [Image.fromarray(rng.integers(0, 255, (48, 48, 3), dtype=np.uint8)) for _ in range(100)]
    best = sum(map(len, sheets(noise)))
    assert sum(map(len, sheets(noise, budget=best * 3 // 4))) <= best * 3 // 4


def test_a_picture_that_is_gone_is_gray_and_named(table, tmp_path):
    gone = replace(table, paths=[tmp_path / "gone.png", *table.paths[1:]])
    pictures, bad = thumbnails(gone, 16)
    assert [picture.size for picture in pictures] == [(16, 16)] * len(table)
    assert pictures[0].getcolors() == [(16 * 16, (128, 128, 128))]
    assert ["gone.png" in str(error) for error in bad] == [True]
