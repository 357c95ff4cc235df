import tarfile

import numpy as np
import pytest

from pasticcio.errors import ImageError
from pasticcio.image.listing import Entry, find_pictures, list_pictures
from pasticcio.image.read import read_picture
from pasticcio.image.write import save_image


def test_folders_named_like_pictures_are_passed_over(tmp_path):
    (tmp_path / "trip.jpg").mkdir()
    with pytest.raises(ImageError, match="no pictures in folder"):
        list_pictures(tmp_path)
    with pytest.raises(ImageError, match="is a folder, not a picture"):
        read_picture(tmp_path / "trip.jpg")
    save_image(np.zeros((2, 2, 3), np.uint8), tmp_path / "a.png")
    assert list_pictures(tmp_path) == [tmp_path / "a.png"]


@pytest.fixture
def tree(tmp_path):
    """Three pictures in two folders, and what is none."""
    (tmp_path / "in" / "sub").mkdir(parents=True)
    for name in ("b.PNG", "a.jpg", "sub/c.avif", "note.md"):
        (tmp_path / "in" / name).write_bytes(name.encode())
    (tmp_path / "in" / "folder.png").mkdir()
    return tmp_path / "in"


def test_folders_are_searched(tree):
    assert list_pictures(tree) == [tree / "a.jpg", tree / "b.PNG"]
    assert list_pictures(tree, recursive=True) == [tree / "a.jpg", tree / "b.PNG", tree / "sub" / "c.avif"]
    assert list_pictures(tree, recursive=True, leave_out=tree / "sub") == [tree / "a.jpg", tree / "b.PNG"]
    assert [entry.path for entry in find_pictures(tree)] == list_pictures(tree, recursive=True)
    with pytest.raises(ImageError, match="no such folder"):
        list_pictures(tree / "none")


def test_all_sources_give_the_same_pictures(tree, tmp_path):
    (tmp_path / "list.txt").write_text("\n".join(str(path) for path in list_pictures(tree, recursive=True)))
    (tmp_path / "in.csv").write_text("\ufefffile,split,artist\na.jpg,train,one\nb.PNG,test,\n", encoding="utf-8")
    with tarfile.open(tmp_path / "shard.tar", "w") as shard:
        shard.add(tree, "in")
    wanted = [b"a.jpg", b"b.PNG", b"sub/c.avif"]
    for source in (tree, tmp_path / "list.txt", tmp_path / "shard.tar"):
        assert sorted(entry.read() for entry in find_pictures(source)) == wanted
    rows = find_pictures(tmp_path / "in.csv")
    assert [entry.read() for entry in rows] == wanted[:2]
    assert rows[0].columns == {"split": "train", "artist": "one"}
    assert find_pictures(tmp_path / "in.csv", "test") == rows[1:]
    assert [entry.read() for entry in find_pictures(tree / "a.jpg")] == wanted[:1]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("none.png", None, "no such file or folder"),
        ("n" * 300, None, "no such file or folder"),
        ("a.parquet", b"", r"is no picture, folder, \.txt list, \.csv table or \.tar shard"),
        ("a.csv", b"name,artist\nx,y\n", "has no column 'file'; it has name, artist"),
        ("a.csv", b"file,split\nx.png,train\n", "no row of .* has 'test' in its column 'split'; it has train"),
        ("a.csv", b"file\n", "no pictures in"),
        ("a.csv", b"file\n\xff\n", "cannot read"),
        ("a.txt", b"\n", "no pictures in"),
        ("a.tar", b"nothing", "cannot read"),
    ],
)
def test_what_is_no_source_is_explained(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ImageError, match=message):
        find_pictures(tmp_path / name, "test")


def test_a_picture_that_is_gone_is_named(tmp_path):
    with pytest.raises(ImageError, match=r"cannot read .*gone\.png: No such file"):
        Entry(tmp_path / "gone.png").read()
