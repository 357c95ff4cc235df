import numpy as np
import pytest

from pasticcio.errors import OptionError
from pasticcio.space.layout import layout


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_a_layout_keeps_clusters_apart(method):
    rng = np.random.default_rng(0)
    vectors = np.concatenate([rng.normal(5 * i, 1, (20, 8)) for i in range(3)]).astype(np.float32)
    points = layout(vectors, method)
    assert points.min() >= 0
    assert points.max() <= 1
    assert np.ptp(points, axis=0).max() == pytest.approx(1, abs=1e-5)
    centers = points.reshape(3, 20, 2).mean(1)
    for i in range(3):
        nearest = np.linalg.norm(points[20 * i : 20 * i + 20, None] - centers, axis=2).argmin(1)
        assert (nearest == i).all()
    with pytest.raises(OptionError, match="3 or more"):
        layout(vectors[:2], method)
    with pytest.raises(OptionError, match="one of tsne, pca"):
        layout(vectors, "umap")
