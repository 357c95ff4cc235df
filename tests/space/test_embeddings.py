import numpy as np
import pytest

from pasticcio.errors import OptionError, StyleError
from pasticcio.space.embed import embed_pictures
from pasticcio.space.embeddings import Embeddings
from pasticcio.space.pictures import find_all


@pytest.mark.parametrize("suffix", [".npz", ".json", ".parquet"])
def test_a_table_comes_back_and_finds_its_pictures(suffix, works, model_folder, tmp_path):
    table, _ = embed_pictures(find_all([works]), model_folder, side=64)
    (tmp_path / "out").mkdir()
    table.save(tmp_path / "out" / f"t{suffix}")
    found = Embeddings.load(tmp_path / "out" / f"t{suffix}")
    assert (found.names, found.columns, found.model, found.side) == (table.names, table.columns, table.model, 64)
    np.testing.assert_allclose(found.vectors, table.vectors, rtol=1e-6)
    assert all(path.exists() for path in found.paths)
    assert found.find("work 1") == found.find("work 1.png") == found.find(table.paths[1]) == 1
    assert found.find("work 9") is None
    assert found.where("split", "train").names == ["work 0", "work 2"]
    with pytest.raises(OptionError, match="did you mean artist"):
        found.column("artst")


def test_rows_that_are_not_finite_or_too_few_are_refused(tmp_path):
    with pytest.raises(StyleError, match="finite"):
        Embeddings(["a"], np.full((1, 2), np.nan, np.float32), [tmp_path], "m", 1)
    with pytest.raises(StyleError, match="lengths"):
        Embeddings(["a", "b"], np.zeros((1, 2), np.float32), [tmp_path], "m", 1)
