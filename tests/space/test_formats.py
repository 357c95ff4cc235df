import json
import zipfile

import numpy as np
import pytest

from pasticcio.errors import OutputError, StyleError
from pasticcio.space.formats import FORMAT, Parts, check_table, read, write

HEAD = {"format": FORMAT, "model": "m", "side": 64}
PARTS = Parts(HEAD, {"name": ["a", "b"], "path": ["a.png", "b.png"]}, np.arange(6, dtype=np.float32).reshape(2, 3))


@pytest.mark.parametrize("suffix", [".npz", ".json", ".parquet"])
def test_a_cut_file_is_refused(suffix, tmp_path):
    path = tmp_path / f"t{suffix}"
    write(path, PARTS)
    np.testing.assert_array_equal(read(path).vectors, PARTS.vectors)
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(StyleError, match="no table of embeddings that 'pasticcio embed' wrote"):
        read(path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([1], "its format is not"),
        ({"format": "other", "rows": []}, "its format is not"),
        ({"format": FORMAT, "rows": []}, "of which model"),
        ({**HEAD, "rows": []}, "it has no rows"),
        ({**HEAD, "rows": [{"name": "a", "embedding": [1.0]}]}, "it has no path"),
        ({**HEAD, "rows": [{"name": "a", "path": "a", "embedding": [1.0, "x"]}]}, "no numbers"),
        (
            {**HEAD, "rows": [{"name": "a", "path": "a", "embedding": x} for x in ([1.0], [1.0, 2.0])]},
            "no rows of one length",
        ),
    ],
)
def test_a_json_file_of_something_else_says_what_is_wrong(values, message, tmp_path):
    path = tmp_path / "t.json"
    path.write_text(json.dumps(values))
    with pytest.raises(StyleError, match=message):
        read(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(StyleError, match="no such file"):
        read(tmp_path / "none.npz")
    for name in ("a.npz", "a.json", "a.parquet", "a.txt"):
        (tmp_path / name).write_text("x")
        with pytest.raises(StyleError, match="no table of embeddings"):
            read(tmp_path / name)
    with zipfile.ZipFile(tmp_path / "b.npz", "w"):
        pass
    np.save(tmp_path / "c.npy", PARTS.vectors)
    (tmp_path / "c.npy").rename(tmp_path / "c.npz")
    for name in ("b.npz", "c.npz"):
        with pytest.raises(StyleError, match="no table of embeddings"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["t.txt", "no/t.npz"])
def test_a_place_that_cannot_be_written_is_refused_first(name, tmp_path):
    with pytest.raises(OutputError, match="cannot write"):
        check_table(tmp_path / name)
    with pytest.raises(OutputError, match="cannot write"):
        write(tmp_path / name, PARTS)
