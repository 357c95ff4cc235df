import io

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from pasticcio.image.read import read_picture
from pasticcio.image.write import FORMATS, save_picture

NOTE = b"\0\1\2 whatever the maker wrote"


def exif(order="<", orientation=6):
    found = Image.Exif()
    found.endian = order
    found[ExifTags.Base.Make] = "Maker"
    found[ExifTags.Base.Copyright] = "© me".encode("latin-1")
    found[ExifTags.Base.Orientation] = orientation
    found[ExifTags.IFD.Exif] = {
        ExifTags.Base.ColorSpace: 65535,
        ExifTags.Base.ExifImageWidth: 30,
        ExifTags.Base.ExifImageHeight: 20,
        ExifTags.Base.ExposureTime: IFDRational(1, 60),
        ExifTags.Base.MakerNote: NOTE,
    }
    found[ExifTags.IFD.GPSInfo] = {1: "N", 2: (48.0, 51.0, 30.0)}
    return found.tobytes()


@pytest.fixture
def image(photo):
    return Image.fromarray(photo[:20, :30])


def check(path):
    with Image.open(path) as image:
        found = image.getexif()
        details, place = found.get_ifd(ExifTags.IFD.Exif), found.get_ifd(ExifTags.IFD.GPSInfo)
        assert found.get(ExifTags.Base.Orientation, 1) == 1
        assert (found[ExifTags.Base.Make], found[ExifTags.Base.Copyright]) == ("Maker", "© me")
        assert details[ExifTags.Base.ColorSpace] == 1
        assert (details[ExifTags.Base.ExifImageWidth], details[ExifTags.Base.ExifImageHeight]) == image.size == (20, 30)
        assert float(details[ExifTags.Base.ExposureTime]) == pytest.approx(1 / 60)
        assert details[ExifTags.Base.MakerNote] == NOTE
        assert [float(x) for x in place[2]] == [48, 51, 30]


@pytest.mark.parametrize("order", "<>")
@pytest.mark.parametrize("source", ["PNG", "JPEG", "WEBP"])
def test_exif_goes_from_any_format_to_any_other(source, order, image, tmp_path):
    file = io.BytesIO()
    image.save(file, source, exif=exif(order))
    picture = read_picture(file.getvalue())
    for suffix in FORMATS:
        save_picture(picture, tmp_path / f"o{suffix}")
        check(tmp_path / f"o{suffix}")
        save_picture(picture, tmp_path / f"o{suffix}", strip=True)
        with Image.open(tmp_path / f"o{suffix}") as stripped:
            assert ExifTags.Base.Make not in stripped.getexif()
            assert not stripped.getexif().get_ifd(ExifTags.IFD.GPSInfo)


@pytest.mark.parametrize("source", [".tif", ".png"])
def test_exif_of_deep_files(source, photo, tmp_path):
    picture = read_picture(np.random.default_rng(0).integers(0, 65536, (30, 20, 3), dtype=np.uint16))
    file = io.BytesIO()
    Image.fromarray(photo[:20, :30]).save(file, "JPEG", exif=exif())
    from dataclasses import replace

    save_picture(replace(picture, exif=read_picture(file.getvalue()).exif), tmp_path / f"in{source}")
    check(tmp_path / f"in{source}")
    again = read_picture(tmp_path / f"in{source}")
    assert again.pixels.dtype == np.uint16
    for suffix in (".tif", ".png", ".jpg"):
        save_picture(again, tmp_path / f"out{suffix}")
        check(tmp_path / f"out{suffix}")


def test_bytes_are_kept_but_for_what_is_no_longer_true(image):
    file, given = io.BytesIO(), exif(orientation=1)
    image.save(file, "JPEG", exif=given)
    found = read_picture(file.getvalue()).exif
    assert len(found) == len(given)
    assert sum(a != b for a, b in zip(found, given, strict=True)) <= 8  # of the color space and two sides


def test_the_old_thumbnail_goes(image):
    tags, preview = Image.Exif(), io.BytesIO()
    image.save(preview, "JPEG")
    tags.endian = "<"
    tags[ExifTags.Base.Make] = "Maker"
    data = bytearray(tags.tobytes())  # one tag; then a directory with the preview is put behind
    start = len(data) - 6
    entries = [(513, 4, 1, start + 30), (514, 4, 1, len(preview.getvalue()))]
    second = b"".join(n.to_bytes(s, "little") for e in entries for n, s in zip(e, (2, 2, 4, 4), strict=True))
    data[6 + 8 + 2 + 12 : 6 + 8 + 2 + 12 + 4] = start.to_bytes(4, "little")
    data += (2).to_bytes(2, "little") + second + bytes(4) + preview.getvalue()
    file = io.BytesIO()
    image.save(file, "JPEG", exif=bytes(data))
    with Image.open(file) as given:
        assert given.getexif().get_ifd(ExifTags.IFD.IFD1)  # it is there
    found = read_picture(file.getvalue()).exif
    assert preview.getvalue()[:20] not in found
    tags = Image.Exif()
    tags.load(found)
    assert tags[ExifTags.Base.Make] == "Maker"
    assert not tags.get_ifd(ExifTags.IFD.IFD1)


def test_damaged_exif_is_left_out_and_it_is_said(image):
    file = io.BytesIO()
    image.save(file, "PNG", exif=exif()[:40])
    picture = read_picture(file.getvalue())
    assert picture.exif is None
    assert "EXIF data are damaged" in picture.note


def test_an_image_of_the_callers_is_left_as_it_was(image):
    file = io.BytesIO()
    image.save(file, "JPEG", exif=exif())
    with Image.open(file) as given:
        before = given.info["exif"]
        picture = read_picture(given)
        assert picture.pixels.shape == (30, 20, 3)
        assert given.size == (30, 20)
        assert given.info["exif"] == before
        assert given.getexif()[ExifTags.Base.Orientation] == 6
