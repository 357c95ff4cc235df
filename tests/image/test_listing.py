import io
import logging
import os
import tarfile

import numpy as np
import pytest
from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.image.listing import Entry, find_pictures, list_pictures, search
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


PIXELS = np.zeros((2, 2, 3), np.uint8)


def encoded(kind):
    data = io.BytesIO()
    Image.fromarray(PIXELS).save(data, kind)
    return data.getvalue()


KINDS = {
    "a.jfif": "JPEG",
    "b.jpe": "JPEG",
    "c.mpo": "MPO",
    "none": "PNG",
    "e.JP2": "JPEG2000",
    "f.tga": "TGA",
    "g.dat": "PNG",
}


@pytest.fixture
def odd(tmp_path):
    """Pictures under unusual names, and files that are none though they look so."""
    folder = tmp_path / "odd"
    (folder / "real").mkdir(parents=True)
    for name, kind in KINDS.items():
        (folder / name).write_bytes(encoded(kind))
    (folder / "real" / "A.JPG").write_bytes(encoded("JPEG"))
    (folder / "real" / "a.jpg").write_bytes(encoded("JPEG"))
    (folder / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    (folder / "phone").write_bytes(b"\0\0\0\x18ftypheic" + bytes(40))
    for name in ("._a.jpg", ".pasticcio-0123.png", "whole.jpg.part", "a.jpg~", "b.crdownload", "Thumbs.db", "clip.THM"):
        (folder / name).write_bytes(encoded("JPEG"))
    for name in (".thumbnails", "@eaDir", "__MACOSX"):
        (folder / name).mkdir()
        (folder / name / "small.jpg").write_bytes(encoded("JPEG"))
    (folder / "notes.txt").write_text("P6 is how a picture may begin")
    (folder / "table.csv").write_text("file\na.jfif\n")
    (folder / "gone.jpg").symlink_to("nowhere.jpg")
    os.mkfifo(folder / "pipe.png")
    return folder


def test_pictures_are_known_by_their_content_and_the_rest_is_named(odd, caplog):
    found = search(odd, recursive=True)
    wanted = {*KINDS, "real/A.JPG", "real/a.jpg", "phone.heic", "phone"}
    assert {str(path.relative_to(odd)) for path in found.pictures} == wanted
    assert {path.name: reason.split()[-1] for path, reason in found.others} == {
        "._a.jpg": "pictures", ".pasticcio-0123.png": "hidden", "whole.jpg.part": "copy", "a.jpg~": "copy",
        "b.crdownload": "copy", "Thumbs.db": "pictures", "clip.THM": "pictures", ".thumbnails": "hidden",
        "@eaDir": "pictures", "__MACOSX": "pictures", "notes.txt": "picture", "table.csv": "picture",
        "gone.jpg": "nothing", "pipe.png": "file",
    }  # fmt: skip
    with caplog.at_level(logging.WARNING):
        list_pictures(odd, recursive=True)
    (line,) = caplog.messages
    assert line.startswith(f"14 files are left out of {odd}: ._a.jpg (made by a system")
    assert line.endswith("and 4 more")
    for name in ("phone.heic", "phone"):  # no photo is passed over in silence: reading it says what it is
        with pytest.raises(ImageError, match="is HEIC, which is not read here; save it as JPEG or PNG"):
            read_picture(odd / name)


def test_links_to_folders_are_followed_and_nothing_is_found_twice(tmp_path):
    save_image(PIXELS, _made(tmp_path / "away") / "far.png")
    folder = _made(tmp_path / "in")
    save_image(PIXELS, _made(folder / "real") / "near.png")
    (folder / "a-link").symlink_to(tmp_path / "away")
    (folder / "again").symlink_to(folder / "real")
    (folder / "real" / "round").symlink_to(folder)
    found = search(folder, recursive=True)
    assert found.pictures == [folder / "a-link" / "far.png", folder / "real" / "near.png"]
    twice = "a link to a folder that is searched already"
    assert found.others == [(folder / "again", twice), (folder / "real" / "round", twice)]


def test_a_folder_that_cannot_be_read_is_named(tmp_path, monkeypatch):
    save_image(PIXELS, tmp_path / "a.png")
    locked, listed = _made(tmp_path / "locked"), type(tmp_path).iterdir

    def refuse(self):
        if self == locked:
            raise PermissionError(13, "Permission denied")
        return listed(self)

    monkeypatch.setattr(type(tmp_path), "iterdir", refuse)
    assert search(tmp_path, recursive=True).others == [(locked, "cannot be read: Permission denied")]
    with pytest.raises(ImageError, match=r"cannot read folder .*locked: Permission denied"):
        search(locked)


def test_a_shard_is_told_by_its_content_too(odd, tmp_path, caplog):
    with tarfile.open(tmp_path / "shard.tar", "w") as shard:
        for name in ("none", "a.jfif", "notes.txt", "._a.jpg"):
            shard.add(odd / name, name)
    with caplog.at_level(logging.WARNING):
        assert [entry.member for entry in find_pictures(tmp_path / "shard.tar")] == ["none", "a.jfif"]
    assert caplog.messages[0].startswith("2 files are left out of ")
    assert [entry.path for entry in find_pictures(odd / "none")] == [odd / "none"]


def _made(folder):
    folder.mkdir()
    return folder
