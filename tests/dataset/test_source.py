import io
import tarfile

import pytest
from PIL import Image

from made import encoded
from pasticcio.dataset.source import items, survey
from pasticcio.errors import ImageError, OptionError

PNG = encoded(Image.new("RGB", (8, 8), "red"))


def shard(path, members):
    path.parent.mkdir(exist_ok=True)
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))


def keys(source, **options):
    return [item.key for item in items(source, **options)]


def test_a_tree_is_walked_by_name_and_each_folder_once(tmp_path, caplog):
    for name in ("b/2.png", "b/10.png", "a/c/x.y.png", "top.png", ".hidden/no.png", "out/no.png"):
        path = tmp_path / "in" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PNG)
    (tmp_path / "in" / "b" / "text.txt").write_text("no picture")
    (tmp_path / "in" / "z").symlink_to(tmp_path / "in")
    assert keys(tmp_path / "in", leave_out=tmp_path / "in" / "out") == ["top", "a/c/x.y", "b/10", "b/2"]
    (told,) = caplog.messages
    assert "text.txt" in told
    assert "searched already" in told
    assert ".hidden" in told
    assert [item.label for item in items(tmp_path / "in", tmp_path / "in" / "out")] == ["", "a", "b", "b"]


def test_samples_of_shards_keep_their_keys_and_members(tmp_path, caplog):
    members = [
        ("n01/a.jpg", PNG), ("n01/a.cls", b"7"), ("n01/a.json", b"{}"),
        ("b.v2.cls", b"1"), ("b.v2.seg.png", b"mask"), ("b.png", PNG),
        ("only.txt", b"words"), ("../up.png", PNG),
    ]  # fmt: skip
    shard(tmp_path / "in" / "0.tar", members)
    shard(tmp_path / "in" / "1.tar", [("last.png", PNG)])
    a, b, up, last = items(tmp_path / "in")
    assert [item.key for item in (a, b, up, last)] == ["n01/a", "b", "up", "last"]
    assert [(suffix, entry.read()) for suffix, entry in a.members] == [("cls", b"7"), ("json", b"{}")]
    assert [suffix for suffix, _ in b.members] == ["v2.cls", "v2.seg.png"]
    assert b.picture.read() == PNG
    assert "only (no picture among its members txt)" in caplog.text


def test_keys_of_a_list_stay_below_the_data_set(tmp_path):
    (tmp_path / "list.txt").write_text(f"a/1.png\n../2.png\n{tmp_path}/b/3.png\n")
    found = keys(tmp_path / "list.txt")
    assert found == ["a/1", "2", "b/3"]


@pytest.mark.parametrize("line", [".", "..", "/"])
def test_a_line_that_names_a_folder_is_refused(tmp_path, line):
    (tmp_path / "list.txt").write_text(f"a.png\n{line}\n")
    with pytest.raises(ImageError, match="which is a folder; name a picture"):
        keys(tmp_path / "list.txt")


def test_a_linked_folder_has_the_pictures_that_lie_nowhere_else(tmp_path):
    for name in ("in/n02/1.png", "other/2.png"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_bytes(PNG)
    (tmp_path / "in" / "latest").symlink_to("n02")
    (tmp_path / "in" / "a").symlink_to(tmp_path / "other")
    assert keys(tmp_path / "in") == ["n02/1", "a/2"]


def test_pictures_beside_shards_are_named(tmp_path, caplog):
    shard(tmp_path / "backup.tar", [("a.png", PNG)])
    (tmp_path / "b.png").write_bytes(PNG)
    for name in ("class", "out"):
        (tmp_path / name).mkdir()
    (tmp_path / "sizes.json").write_text("{}")
    assert keys(tmp_path, leave_out=tmp_path / "out") == ["a"]
    (told,) = caplog.messages
    assert "2 left out" in told
    assert "b.png (only the shards of this folder are read), class (only" in told


def test_links_in_a_shard_are_named(tmp_path, caplog):
    (tmp_path / "a.png").write_bytes(PNG)
    (tmp_path / "b.png").hardlink_to(tmp_path / "a.png")  # of which tar keeps the first only
    with tarfile.open(tmp_path / "0.tar", "w") as tar:
        for name in ("a.png", "b.png"):
            tar.add(tmp_path / name, name)
    assert keys(tmp_path / "0.tar") == ["a"]
    assert "b.png (a link or device, no file)" in caplog.text


@pytest.mark.parametrize("fault", ["between members", "in a header", "a header overwritten", "no end"])
def test_a_shard_that_is_cut_off_is_no_smaller_shard(tmp_path, fault):
    path = tmp_path / "0.tar"
    shard(path, [("a.png", PNG), ("b.png", PNG)])
    with tarfile.open(path) as tar:
        b = tar.getmember("b.png")
    data = path.read_bytes()
    cut = {
        "between members": data[: b.offset], "in a header": data[: b.offset + 100],
        "a header overwritten": data[: b.offset] + b"x" * 512 + data[b.offset_data :],
        "no end": data[: b.offset_data + 512],
    }  # fmt: skip
    path.write_bytes(cut[fault])
    with pytest.raises(ImageError, match=r"0\.tar is cut off or damaged after \d+ bytes; copy it anew"):
        keys(path)


def test_a_table_names_classes(tmp_path):
    (tmp_path / "t.csv").write_text("file,class\na/1.png,cat\nb/2.png,\n")
    assert [item.label for item in items(tmp_path / "t.csv")] == ["cat", "b"]


@pytest.mark.parametrize("name", ["none", "file.xyz", "broken.tar", "empty"])
def test_what_is_no_source_is_named(tmp_path, name):
    (tmp_path / "file.xyz").write_text("x")
    shard(tmp_path / "broken.tar", [("a.png", PNG * 100)])
    (tmp_path / "broken.tar").write_bytes((tmp_path / "broken.tar").read_bytes()[:600])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match=name):
        survey(lambda: items(tmp_path / name), lambda item: [item.key], str(tmp_path / name))


def test_two_outputs_of_one_name_are_named(tmp_path):
    for name in ("a.png", "b.png", "b.jpg"):
        (tmp_path / name).write_bytes(PNG)
    with pytest.raises(OptionError, match=r"b\.jpg and .*b\.png would both be b in the data set"):
        survey(lambda: items(tmp_path), lambda item: [item.key], "in")


def test_the_digest_is_of_all_keys_in_their_order(tmp_path):
    (tmp_path / "1.txt").write_text("a.png\nb.png\n")
    (tmp_path / "2.txt").write_text("b.png\na.png\n")
    one, two = (survey(lambda p=p: items(p), lambda item: [item.key], "") for p in sorted(tmp_path.iterdir()))
    assert one.count == two.count == 2
    assert one.digest != two.digest


def test_the_digest_is_of_the_labels_too(tmp_path):
    (tmp_path / "1.csv").write_text("file,class\na.png,cat\nb.png,dog\n")
    (tmp_path / "2.csv").write_text("file,class\na.png,dog\nb.png,cat\n")
    one, two = (survey(lambda p=p: items(p), lambda item: [item.key], "") for p in sorted(tmp_path.iterdir()))
    assert one.classes == two.classes
    assert one.digest != two.digest
