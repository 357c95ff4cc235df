import numpy as np
import pytest

from pasticcio.training.procedural import KINDS, draw_style


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_picture_decided_by_the_seed(kind):
    first, again, other = (draw_style(64, np.random.default_rng(seed), kind) for seed in (1, 1, 2))
    assert first.shape == (64, 64, 3)
    assert first.dtype == np.uint8
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert np.ptp(first.reshape(-1, 3).astype(int), axis=0).max() > 16  # more than grain on one color


def test_the_kind_is_drawn_too():
    """One state of the generator for every kind, and yet the pictures differ: what is drawn first is the kind."""
    assert len({draw_style(32, np.random.default_rng(seed)).tobytes() for seed in range(20)}) == 20
    rng = np.random.default_rng(7)
    kind = list(KINDS)[int(rng.integers(len(KINDS)))]
    assert np.array_equal(draw_style(32, np.random.default_rng(7)), draw_style(32, rng, kind))
