import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from made import QUICK, SIDES, encoded
from pasticcio.errors import ImageError, OutputError
from pasticcio.image.picture import as_float, over_white
from pasticcio.image.read import open_image, read_picture
from pasticcio.image.write import FORMATS, encode_png, save_image, save_picture
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer

LOSSLESS = (".png", ".tif", ".tiff")


def kinds(photo):
    """Every kind of file by its name: bytes, and what is expected: size, dtype, whether it has alpha."""
    image = Image.fromarray(photo[:48, :64])
    gray, clear = image.convert("L"), image.copy()
    clear.putalpha(Image.linear_gradient("L").resize(image.size))
    deep = photo[:48, :64].astype(np.uint16) * 257
    gone = image.quantize(64)
    gone.info["transparency"] = gone.getpixel((3, 3))
    cases = {
        "baseline.jpg": encoded(image, "JPEG"),
        "progressive.jpg": encoded(image, "JPEG", progressive=True),
        "cmyk.jpg": encoded(image.convert("CMYK"), "JPEG"),
        "gray.jpeg": encoded(gray, "JPEG"),
        "colors.png": encoded(image),
        "palette.png": encoded(image.quantize(64)),
        "black-and-white.png": encoded(image.convert("1")),
        "colors.webp": encoded(image, "WEBP"),
        "colors.tif": encoded(image, "TIFF"),
        "cmyk.tiff": encoded(image.convert("CMYK"), "TIFF", compression="tiff_lzw"),
        "lab.tif": encoded(ImageCms.profileToProfile(image, ImageCms.createProfile("sRGB"),
                           ImageCms.createProfile("LAB"), outputMode="LAB"), "TIFF"),
        "colors.gif": encoded(image, "GIF"),
        "colors.bmp": encoded(image, "BMP"),
        "png-inside.jpg": encoded(image),
        "ünïcödé 画 🎨.png": encoded(image),
        "n" * 251 + ".png": encoded(image),
    }  # fmt: skip
    if ".avif" in FORMATS:
        cases["colors.avif"] = encoded(image, "AVIF")
    found = {name: (data, (48, 64), np.uint8, False) for name, data in cases.items()}
    transparent = {
        "clear.png": encoded(clear),
        "gray-clear.png": encoded(clear.convert("LA")),
        "clear.webp": encoded(clear, "WEBP"),
        "clear.tif": encoded(clear, "TIFF"),
        "one-color-gone.png": encoded(gone),
        "one-color-gone.gif": encoded(gone, "GIF"),
    }
    found |= {name: (data, (48, 64), np.uint8, True) for name, data in transparent.items()}
    gray16 = Image.fromarray(np.asarray(gray).astype(np.uint16) * 257)
    found["gray-16.png"] = encoded(gray16), (48, 64), np.uint16, False
    found["gray-16.tif"] = encoded(gray16, "TIFF"), (48, 64), np.uint16, False
    found["colors-16.png"] = encode_png(read_picture(deep)), (48, 64), np.uint16, False
    found["floats.tif"] = (
        encoded(Image.fromarray(np.asarray(gray) / np.float32(255)), "TIFF"),
        (48, 64),
        np.float32,
        False,
    )
    for width, height in ((1, 1), (1, 40), (40, 1), (20000, 50)):
        small = Image.fromarray(np.resize(photo[:50], (height, width, 3)))
        found[f"{width}x{height}.png"] = encoded(small), (height, width), np.uint8, False
    return found


NAMES = sorted(kinds(np.zeros((60, 64, 3), np.uint8)))


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_file_is_stylized(name, photo, model_folder, tmp_path):
    data, size, dtype, clear = kinds(photo)[name]
    path = tmp_path / name
    path.write_bytes(data)
    picture = read_picture(path)
    assert picture.pixels.shape == (*size, 3)
    assert picture.pixels.dtype == dtype
    assert (picture.alpha is not None) == clear
    assert not picture.note
    if size == (48, 64) and name != "black-and-white.png":
        expected = photo[:48, :64] / 255
        if name.startswith(("gray", "floats")):
            expected = np.asarray(Image.fromarray(photo[:48, :64]).convert("L"))[:, :, None] / 255
        seen = picture.alpha > 0 if clear else np.ones(size, bool)
        assert np.abs(as_float(picture.pixels) - expected)[seen].mean() < 0.04
    stylizer = Stylizer(model_folder, threads=1)
    style = stylizer.embed(photo[:100, :100])
    painted = stylizer.paint(picture, style, Options())
    assert not np.array_equal(painted.pixels, picture.pixels)
    for suffix in (".png", ".tif", ".jpg"):
        save_picture(painted, tmp_path / f"out{suffix}")
        again = read_picture(tmp_path / f"out{suffix}")
        assert again.pixels.shape == picture.pixels.shape
        if suffix == ".jpg":
            assert again.alpha is None
            assert np.abs(as_float(again.pixels) - over_white(painted)).mean() < 0.06
        else:
            assert again.pixels.dtype == (np.uint8 if dtype == np.uint8 else np.uint16)
            assert (again.alpha is None) == (not clear)
            assert not clear or np.array_equal(again.alpha, picture.alpha)
            if dtype != np.float32 and not clear:
                assert np.array_equal(again.pixels, painted.pixels)


@QUICK
@given(SIDES, SIDES, st.sampled_from(sorted(FORMATS)), st.booleans(), st.booleans())
def test_any_size_is_saved_and_read_again(tmp_path_factory, width, height, suffix, clear, deep):
    values = np.random.default_rng(width * 41 + height).integers(0, 65536, (height, width, 4), dtype=np.uint16)
    array = values if deep else (values >> 8).astype(np.uint8)
    picture = read_picture(array if clear else array[:, :, :3])
    path = tmp_path_factory.mktemp("any") / f"a{suffix}"
    save_picture(picture, path)
    again = read_picture(path)
    assert again.pixels.shape == (height, width, 3)
    if suffix in LOSSLESS:
        assert np.array_equal(again.pixels, picture.pixels)
        assert again.pixels.dtype == picture.pixels.dtype
    if suffix not in (".jpg", ".jpeg"):
        assert (again.alpha is None) == (picture.alpha is None)
    assert os.listdir(path.parent) == [path.name]


@pytest.mark.parametrize("suffix", FORMATS)
def test_saved_pictures_come_back(suffix, photo, tmp_path):
    path = tmp_path / f"photo{suffix.upper()}"
    save_image(photo.astype(np.float32) / 255, path)
    error = np.abs(open_image(path) - photo / 255).mean()
    assert error < (1e-6 if suffix in (".png", ".tif", ".tiff") else 0.02)
    assert os.listdir(tmp_path) == [path.name]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("out.xyz", "suffix '.xyz'"),
        ("out", "suffix ''"),
        ("none/out.png", "no folder"),
        ("dir.png", "is a folder"),
        ("n" * 252 + ".png", "File name too long"),
        ("a\0b.png", "null"),
    ],
)
def test_what_cannot_be_written_is_explained(name, message, tmp_path):
    (tmp_path / "dir.png").mkdir()
    with pytest.raises(OutputError, match=message):
        save_image(np.zeros((2, 2, 3), np.float32), tmp_path / name)


def test_what_a_format_cannot_hold_is_said(tmp_path):
    wide = read_picture(np.zeros((1, 17000, 3), np.uint8))
    with pytest.raises(OutputError, match=r"WEBP holds at most 16383 pixels a side, and the picture has 17000; write"):
        save_picture(wide, tmp_path / "o.webp")
    much = replace(wide, exif=b"Exif\0\0" + bytes(70000))
    with pytest.raises(OutputError, match=r"as JPEG: EXIF data is too long; leave the EXIF data out with --strip"):
        save_picture(much, tmp_path / "o.jpg")
    save_picture(much, tmp_path / "o.jpg", strip=True)
    assert os.listdir(tmp_path) == ["o.jpg"]


def test_quality_changes_the_size(photo, tmp_path):
    sizes = []
    for quality in (10, 50, None):
        save_picture(read_picture(photo), tmp_path / "o.jpg", quality=quality)
        sizes.append((tmp_path / "o.jpg").stat().st_size)
    assert sizes == sorted(set(sizes))


def test_the_same_picture_is_the_same_file(photo):
    assert encode_png(read_picture(photo)) == encode_png(read_picture(photo))


def test_a_failed_write_leaves_the_old_file(monkeypatch, tmp_path):
    path = tmp_path / "out.png"
    path.write_bytes(b"old")

    def fail(self, target, **options):
        target.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(Image.Image, "save", fail)
    with pytest.raises(OutputError, match="disk full"):
        save_image(np.zeros((2, 2, 3), np.float32), path)
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["out.png"]


def test_floats_of_another_scale_are_refused(tmp_path):
    save_image(np.full((2, 2, 3), 1.2), tmp_path / "a.png")  # as a network gives them
    assert (open_image(tmp_path / "a.png") == 1.0).all()
    with pytest.raises(ImageError, match="divide by 255"):
        save_image(np.full((2, 2, 3), 200.0), tmp_path / "b.png")


def test_our_own_errors_are_no_failed_writes(photo, monkeypatch, tmp_path):
    def fail(picture):
        raise ValueError("a bug")

    monkeypatch.setattr("pasticcio.image.write.give_back", fail)
    with pytest.raises(ValueError, match="a bug"):
        save_image(photo, tmp_path / "a.png")
