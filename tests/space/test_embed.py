import numpy as np
import pytest

from pasticcio.errors import ImageError
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embed import embed_pictures
from pasticcio.space.pictures import find_all


def test_rows_are_what_the_stylizer_embeds(works, model_folder):
    seen = []
    table, bad = embed_pictures(
        find_all([works]), model_folder, side=96, workers=2, report=lambda done, total: seen.append((done, total))
    )
    stylizer = Stylizer(model_folder)
    assert table.names == ["work 0", "work 1", "work 2"]
    for row, path in enumerate(table.paths):
        np.testing.assert_allclose(table.vectors[row], stylizer.embed(path, side=96).embedding, atol=1e-5)
    assert (table.model, table.side) == (stylizer.model.fingerprint, 96)
    assert table.columns == {"split": ["train", "test", "train"], "artist": ["one", "two", ""]}
    assert seen == [(i, 4) for i in range(1, 5)]
    assert [str(error).split("/")[-1].split()[0] for error in bad] == ["bad.jpg"]


def test_pictures_none_of_which_can_be_read_are_an_error(model_folder, tmp_path):
    with pytest.raises(ImageError, match="no such file"):
        embed_pictures(find_all([tmp_path / "none.png"]), model_folder)
    with pytest.raises(ImageError, match="no pictures to embed"):
        embed_pictures([], model_folder)
