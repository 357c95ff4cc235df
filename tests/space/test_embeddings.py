import numpy as np
import pytest
from PIL import Image

from pasticcio.errors import ImageError, OptionError, OutputError, StyleError
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embeddings import Embeddings, embed_pictures, find_pictures, open_reduced, read_columns


@pytest.fixture
def works(photo, tmp_path):
    """A table of four works of two sizes, one of them damaged."""
    folder = tmp_path / "works"
    folder.mkdir()
    for i, part in enumerate((photo[:200, :260], photo[100:, 200:], photo[:, :300])):
        Image.fromarray(part).save(folder / f"work {i}.png")
    (folder / "bad.jpg").write_bytes(b"\xff\xd8\xff\xe0 and no more")
    rows = [
        "file,split,artist",
        "work 0.png,train,one",
        "bad.jpg,train,two",
        "work 1.png,test,two",
        "work 2.png,train,",
    ]
    (tmp_path / "works.csv").write_text("\n".join(rows) + "\n")
    return tmp_path / "works.csv"


def test_rows_are_what_the_stylizer_embeds(works, model_folder):
    seen = []
    table, bad = embed_pictures(
        find_pictures([works]), model_folder, side=96, workers=2, report=lambda done, total: seen.append((done, total))
    )
    stylizer = Stylizer(model_folder)
    assert table.names == ["work 0", "work 1", "work 2"]
    for row, path in enumerate(table.paths):
        np.testing.assert_allclose(table.vectors[row], stylizer.embed(path, side=96).embedding, atol=1e-5)
    assert (table.model, table.side) == (stylizer.model.fingerprint, 96)
    assert table.columns == {"split": ["train", "test", "train"], "artist": ["one", "two", ""]}
    assert seen == [(i, 4) for i in range(1, 5)]
    assert [str(error).split("/")[-1].split()[0] for error in bad] == ["bad.jpg"]


@pytest.mark.parametrize("suffix", [".npz", ".json", ".parquet"])
def test_a_table_comes_back_and_finds_its_pictures(suffix, works, model_folder, tmp_path):
    table, _ = embed_pictures(find_pictures([works]), model_folder, side=64)
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


def test_what_is_no_table_is_refused(tmp_path, works):
    for name, text in (("a.npz", "x"), ("a.json", '{"format": "other", "rows": [{"name": "a"}]}'), ("a.parquet", "x")):
        (tmp_path / name).write_text(text)
        with pytest.raises(StyleError, match="no table of embeddings"):
            Embeddings.load(tmp_path / name)
    with pytest.raises(StyleError, match="no such file"):
        Embeddings.load(tmp_path / "none.npz")
    with pytest.raises(StyleError, match="finite"):
        Embeddings(["a"], np.full((1, 2), np.nan, np.float32), [tmp_path], "m", 1)
    table = Embeddings(["a"], np.zeros((1, 2), np.float32), [tmp_path], "m", 1)
    for name in ("t.txt", "no/t.npz"):
        with pytest.raises(OutputError, match="cannot write"):
            table.save(tmp_path / name)


def test_sources(works, tmp_path):
    assert [entry.path.name for entry in find_pictures([works], "test")] == ["work 1.png"]
    assert len(find_pictures([tmp_path / "works", works])) == 8
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no pictures in folder"):
        find_pictures([tmp_path / "empty"])
    (tmp_path / "other.csv").write_text("name\nx\n")
    with pytest.raises(ImageError, match="column 'file'"):
        find_pictures([tmp_path / "other.csv"])
    with pytest.raises(ImageError, match="no such file"):
        embed_pictures(find_pictures([tmp_path / "none.png"]))


def test_columns_come_in_the_order_of_the_names(works, tmp_path):
    assert read_columns(works, ["work 1", "work 7", "work 0"])["artist"] == ["two", "", "one"]
    for names in (["nobody"],):
        with pytest.raises(OptionError, match="no row of"):
            read_columns(works, names)


def test_large_jpegs_are_decoded_at_a_fraction(photo, tmp_path):
    path = tmp_path / "large.jpg"
    Image.fromarray(photo).resize((2400, 1600)).save(path, quality=95)
    view = open_reduced(path, 256)
    assert 384 <= min(view.shape[:2]) <= 800
    assert open_reduced(path, 600).shape[:2] == (1600, 2400)
    (tmp_path / "cut.jpg").write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ImageError, match=r"cut\.jpg is damaged"):
        open_reduced(tmp_path / "cut.jpg", 256)
