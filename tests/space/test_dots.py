from dataclasses import replace

import numpy as np
import pytest

from pasticcio.errors import OptionError
from pasticcio.image.read import open_image
from pasticcio.space.dots import map_dots, purity
from pasticcio.space.layout import layout


def test_purity_names_the_clear_clusters_first(table):
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(9, 1, (15, 6)), rng.normal(0, 1, (30, 6))]).astype(np.float32)
    kinds = ["far"] * 15 + ["mixed", "up"] * 15
    found = purity(replace(table, vectors=vectors, columns={"kind": kinds}), "kind", k=5)
    assert found[0][0] == "far"
    assert found[0][1] > 0.95
    assert found[0][2] == pytest.approx(14 / 44)
    assert all(share < 0.75 for _, share, _ in found[1:])


def test_dots_are_drawn(table, tmp_path):
    points = layout(table.vectors, "pca")
    map_dots(table, points, "class", tmp_path / "dots.png", names=2)
    assert open_image(tmp_path / "dots.png").shape[1] > 800
    with pytest.raises(OptionError, match="no column"):
        map_dots(table, points, "movement", tmp_path / "dots.png")
