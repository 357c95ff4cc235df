from dataclasses import replace

import numpy as np
import pytest

from pasticcio.errors import StyleError
from pasticcio.space.directions import explained, named_directions
from pasticcio.space.statistics import STATISTICS


def test_directions_recover_what_was_put_in(table):
    rng = np.random.default_rng(0)
    statistics = rng.normal(size=(200, len(STATISTICS))).astype(np.float32)
    true = rng.normal(size=(len(STATISTICS), 20)).astype(np.float32)
    vectors = (statistics @ true + 0.1 * rng.normal(size=(200, 20))).astype(np.float32)
    made = replace(table, names=["a"] * 200, paths=table.paths[:1] * 200, vectors=vectors, columns={})
    statistics[5] = np.nan
    found = named_directions(made, statistics)
    for direction, vector, deviation in zip(found, true, np.nanstd(statistics, axis=0), strict=True):
        np.testing.assert_allclose(direction.vector, vector * deviation, atol=0.06)
        assert direction.known > 0.95
    assert (explained(rng.normal(size=(200, 5)), rng.normal(size=(200, 2))) < 0.1).all()
    with pytest.raises(StyleError, match="could be read and measured"):
        named_directions(made, np.full_like(statistics, np.nan))
