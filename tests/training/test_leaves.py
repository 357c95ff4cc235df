import numpy as np

from pasticcio.training.leaves import dead_leaves


def test_a_seed_decides_the_picture():
    first, same, other = (dead_leaves(48, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first.shape == (48, 48, 3)
    assert first.dtype == np.float32
    assert 0 <= first.min() <= first.max() <= 1
    assert np.array_equal(first, same)
    assert not np.array_equal(first, other)


def test_there_are_even_areas_edges_and_a_spectrum_that_falls():
    gray = np.stack([dead_leaves(128, np.random.default_rng(seed)) for seed in range(3)]).mean(3)
    steps = np.abs(np.diff(gray, axis=2))
    assert np.median(steps) < 0.03 < 0.2 < np.quantile(steps, 0.98)
    power = (np.abs(np.fft.rfft2(gray - gray.mean((1, 2), keepdims=True))) ** 2).mean(0)
    coarse, middle, fine = (power[0, a:b].mean() for a, b in ((2, 5), (8, 17), (32, 65)))
    assert coarse > 4 * middle > 16 * fine
