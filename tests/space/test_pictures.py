import pytest
from PIL import Image

from pasticcio.errors import ImageError, OptionError
from pasticcio.space.pictures import find_all, open_reduced, read_columns


def test_sources(works, tmp_path):
    assert [entry.path.name for entry in find_all([works], "test")] == ["work 1.png"]
    assert len(find_all([tmp_path / "works", works])) == 8
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="no pictures in folder"):
        find_all([tmp_path / "empty"])
    (tmp_path / "other.csv").write_text("name\nx\n")
    with pytest.raises(ImageError, match="column 'file'"):
        find_all([tmp_path / "other.csv"])


def test_a_file_that_may_be_no_picture_is_left_to_its_opening(tmp_path):
    assert [entry.path.name for entry in find_all([tmp_path / "none.png", tmp_path / "other"])] == ["none.png", "other"]
    with pytest.raises(ImageError, match="unpack it"):
        find_all([tmp_path / "shard.tar"])


def test_columns_come_in_the_order_of_the_names(works, tmp_path):
    assert read_columns(works, ["work 1", "work 7", "work 0"])["artist"] == ["two", "", "one"]
    with pytest.raises(OptionError, match="no row of"):
        read_columns(works, ["nobody"])


def test_large_jpegs_are_decoded_at_a_fraction(photo, tmp_path):
    path = tmp_path / "large.jpg"
    Image.fromarray(photo).resize((2400, 1600)).save(path, quality=95)
    view = open_reduced(path, 256)
    assert 384 <= min(view.shape[:2]) <= 800
    assert open_reduced(path, 600).shape[:2] == (1600, 2400)
    (tmp_path / "cut.jpg").write_bytes(path.read_bytes()[:5000])
    with pytest.raises(ImageError, match=r"cut\.jpg is damaged"):
        open_reduced(tmp_path / "cut.jpg", 256)
