import numpy as np
import pytest

from pasticcio.errors import OptionError, StyleError
from pasticcio.space.neighbors import nearest_rows, neighbors, neighbors_sheet


def test_neighbors_are_the_nearest_rows(table, stylizer, photo_file):
    _, found = neighbors(table, "work-07", 5)
    distances = np.linalg.norm(table.vectors - table.vectors[7], axis=1)
    assert [n.row for n in found] == [int(i) for i in np.argsort(distances, kind="stable") if i != 7][:5]
    assert found[0].distance == pytest.approx(np.sort(distances)[1])
    vector, other = neighbors(table, str(photo_file), 3, stylizer)
    np.testing.assert_allclose(vector, stylizer.embed(photo_file, side=64).embedding)
    assert len(other) == 3
    sheet = neighbors_sheet(table, "work-07", found)
    assert sheet.width > 5 * 190
    with pytest.raises(StyleError, match="no such file"):
        neighbors(table, "nothing", 3, stylizer)
    with pytest.raises(StyleError, match="belong to model"):
        neighbors(table, str(photo_file), 3)  # by the default model
    with pytest.raises(OptionError, match="1 or more"):
        neighbors(table, "work-07", 0)


def test_all_neighbors_at_once_are_the_same(table):
    rows, distances = nearest_rows(table.vectors, 5, block=7)
    for row in (0, 20, 44):
        _, found = neighbors(table, table.names[row], 5)
        np.testing.assert_allclose(distances[row], [n.distance for n in found], atol=1e-3)
        assert len({*rows[row]} & {n.row for n in found}) >= 4  # equal distances may change places
    assert nearest_rows(table.vectors[:2], 10)[0].shape == (2, 1)
