import io
import tarfile

import numpy as np
import pytest
from PIL import Image

from pasticcio.errors import DataError
from pasticcio.image.picture import as_depth
from pasticcio.image.read import open_image
from pasticcio.training.pictures import Pictures, find_pictures
from profiles import ADOBE, CURVES, icc


def test_lists_tables_and_shards_hold_the_same_pictures(pictures, tmp_path):
    folder = pictures / "photos"
    names = sorted(path.name for path in folder.iterdir())
    (tmp_path / "list.txt").write_text("\n".join(str(folder / name) for name in names))
    shard = tmp_path / "shard.tar"
    with tarfile.open(shard, "w") as tar:
        for name in names:
            tar.add(folder / name, name)
        (tmp_path / "label.json").write_text("{}")
        tar.add(tmp_path / "label.json", "000.json")
    sources = [Pictures([str(source)]) for source in (folder, tmp_path / "list.txt", shard)]
    assert {len(source) for source in sources} == {len(names)}
    for index in range(len(names)):
        a, b, c = (source.load(index) for source in sources)
        assert np.array_equal(a, b)
        assert np.array_equal(a, c)


def test_tables_are_split(pictures, tmp_path):
    table = tmp_path / "photos.csv"
    table.write_text("file,split\n000.png,train\n001.png,test\n002.png,train\n")
    (tmp_path / "photos").symlink_to(pictures / "photos")
    assert [entry.path.name for entry in find_pictures(table, "train")] == ["000.png", "002.png"]
    assert Pictures([str(table)], "test").load(0).shape == (96, 96, 3)


def test_unknown_sources(tmp_path):
    (tmp_path / "data.parquet").write_bytes(b"")
    (tmp_path / "bad.csv").write_text("name\nx.png\n")
    for source, message in (
        ("none", "no such"),
        ("data.parquet", "is no picture, folder"),
        ("bad.csv", "no column 'file'"),
    ):
        with pytest.raises(DataError, match=message):
            Pictures([str(tmp_path / source)])


def test_memory_for_decoded_pictures_is_bounded(pictures):
    photos = Pictures([str(pictures / "photos")])
    photos.keep_bytes = 3 * 96 * 96 * 3
    for index in (0, 1, 2, 3, 4, 0, 5):
        photos.load(index)
    assert len(photos._kept) == 3


def rotated():
    """A JPEG that the camera was turned for: red above blue once it is upright."""
    image = Image.new("RGB", (80, 48), (0, 0, 255))
    image.paste((255, 0, 0), (0, 0, 40, 48))
    exif = Image.Exif()
    exif[0x0112] = 6
    return {"image": image, "format": "JPEG", "exif": exif.tobytes(), "quality": 95}


def transparent():
    image = Image.new("RGBA", (48, 48), (0, 0, 0, 0))
    image.paste((200, 30, 30, 255), (0, 0, 24, 48))
    return {"image": image, "format": "PNG"}


def profiled():
    """Adobe RGB with a linear curve: the same numbers are other colors in sRGB."""
    image = Image.new("RGB", (48, 48), (60, 120, 30))
    return {"image": image, "format": "PNG", "icc_profile": icc(CURVES["linear"], ADOBE)}


@pytest.mark.parametrize("make", [rotated, transparent, profiled])
@pytest.mark.parametrize("shard", [False, True], ids=["file", "shard"])
def test_training_sees_what_the_stylizer_sees(tmp_path, make, shard):
    """Upright, in sRGB, over white."""
    options = make()
    image, suffix = options.pop("image"), options["format"].lower()
    file = io.BytesIO()
    image.save(file, **options)
    path = tmp_path / f"picture.{suffix}"
    path.write_bytes(file.getvalue())
    source = path
    if shard:
        source = tmp_path / "shard.tar"
        with tarfile.open(source, "w") as tar:
            tar.add(path, path.name)
    found = Pictures([str(source)]).load(0)
    assert found.dtype == np.uint8
    assert np.array_equal(found, as_depth(open_image(path), np.uint8))
    plain = np.asarray(image.convert("RGB"))
    assert found.shape != plain.shape or np.abs(found.astype(int) - plain).max() > 20, "nothing was to be done"
