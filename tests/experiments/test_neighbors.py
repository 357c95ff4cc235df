import numpy as np
import pytest

from pasticcio.errors import OptionError
from pasticcio.experiments.knowledge import scores_text
from pasticcio.experiments.neighbors import judge


def test_nearest_neighbors_tell_what_is_there_and_nothing_else():
    rng = np.random.default_rng(0)
    labels = [str(i % 4) for i in range(200)]
    clear = (np.array([int(label) for label in labels])[:, None] * 3 + rng.normal(size=(200, 5))).astype(np.float32)
    noise = rng.normal(size=(200, 5)).astype(np.float32)
    good = judge("clear", "label", clear[:150], labels[:150], clear[150:], labels[150:])
    bad = judge("noise", "label", noise, labels)
    assert good.accuracy > 0.95
    assert good.low <= good.accuracy <= good.high
    assert good.silhouette > 0.3 > bad.silhouette
    assert bad.low < 0.3
    assert bad.chance == pytest.approx(0.25)
    text = scores_text([good, bad])
    assert f"{100 * good.accuracy:.1f}%" in text
    with pytest.raises(OptionError, match="nothing to tell apart"):
        judge("x", "label", clear, ["one"] * 200)


def test_equal_votes_go_to_the_nearer_label():
    gallery = np.array([[0.0], [1.0], [10.0], [11.1]], np.float32)
    queries = np.array([[4.0], [8.0]], np.float32)
    score = judge("x", "label", gallery, ["a", "a", "b", "b"], queries, ["a", "b"])
    assert score.accuracy == 1.0
