import io
import os
import threading
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from PIL import Image, ImageCms

from pasticcio.errors import ImageError, OutputError
from pasticcio.image.picture import (
    FORMATS,
    as_depth,
    as_float,
    encode_png,
    give_back,
    list_pictures,
    open_image,
    over_white,
    read_picture,
    save_image,
    save_picture,
    srgb_profile,
    to_pil,
)
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from profiles import CURVES, icc

LOSSLESS = (".png", ".tif", ".tiff")


def encoded(image, kind="PNG", **options):
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def test_paths_bytes_files_images_and_arrays_are_the_same(photo, tmp_path):
    image = Image.fromarray(photo)
    path = tmp_path / "photo.png"
    image.save(path)
    expected = photo.astype(np.float32) / 255
    with path.open("rb") as file:
        sources = [path, str(path), path.read_bytes(), file, image, photo, expected, photo.astype(np.uint16) * 257]
        for source in sources:
            found = open_image(source)
            assert found.dtype == np.float32
            np.testing.assert_allclose(found, expected, atol=1e-6)


def test_orientation_is_applied():
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0, :, 0] = 255  # red on top
    exif = Image.Exif()
    exif[0x0112] = 6  # turn clockwise to see it upright: the top becomes the right
    found = open_image(encoded(Image.fromarray(pixels), exif=exif))
    assert found.shape == (6, 4, 3)
    assert found[:, -1, 0].min() == 1
    assert found[:, 0].max() == 0


@pytest.mark.parametrize("mode", ["L", "P", "1", "CMYK", "RGBA", "LA", "I;16", "F"])
def test_every_mode_becomes_rgb(mode, photo):
    gray = Image.fromarray(photo).convert("L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(gray).astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(np.asarray(gray).astype(np.float32) / 255)
    else:
        image = (
            gray.convert("RGBA" if mode == "P" else mode).convert(mode)
            if mode != "CMYK"
            else gray.convert("RGB").convert(mode)
        )
    found = open_image(image)
    assert found.shape == (*photo.shape[:2], 3)
    tolerance = 0.5 if mode == "1" else 0.04
    assert abs(found.mean() - np.asarray(gray).mean() / 255) < tolerance * 0.5


def test_transparent_pixels_lie_on_white():
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, :, 3] = 255
    for source in (pixels, Image.fromarray(pixels), encoded(Image.fromarray(pixels))):
        found = open_image(source)
        assert found[0].max() == 0
        assert found[1].min() == 1


def test_a_profile_that_does_not_fit_is_passed_over():
    gray = Image.new("RGB", (8, 8), (64, 64, 64))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for other in (srgb_profile(), profile, profile[:90], b"nonsense"):
        np.testing.assert_allclose(open_image(encoded(gray, icc_profile=other)), 64 / 255, atol=0.01)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "P"])
def test_profile_is_converted_to_srgb(mode):
    """Linear light: 64 of 255 is much brighter in sRGB (IEC 61966-2-1: 137)."""
    image = Image.new("RGBA", (8, 8), (64, 64, 64, 200))
    image = image.convert("RGB").quantize(4) if mode == "P" else image.convert(mode)
    colorants = None if mode in ("L", "LA") else [[0.43607, 0.38515, 0.14307], [0.22249, 0.71687, 0.06061],
                                                  [0.01392, 0.09708, 0.71410]]  # fmt: skip
    picture = read_picture(encoded(image, icc_profile=icc(CURVES["linear"], colorants)))
    assert np.abs(picture.pixels.astype(int) - 137).max() <= 2
    assert (picture.alpha is not None) == mode.endswith("A")
    save = io.BytesIO(encode_png(picture))
    with Image.open(save) as saved:
        assert saved.info["icc_profile"] == srgb_profile()
    assert np.array_equal(read_picture(save.getvalue()).pixels, picture.pixels)


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (5, 4), color) for color in ((255, 0, 0), (0, 0, 255))]
    for kind, what in (("GIF", "animation of 2 frames"), ("WEBP", "animation of 2 frames"), ("PNG", "animation of 2"),
                       ("TIFF", "2 pages")):  # fmt: skip
        found = read_picture(encoded(frames[0], kind, save_all=True, append_images=frames[1:]))
        assert found.pixels[0, 0, 0] > 250
        assert found.pixels[0, 0, 2] < 5
        assert found.note.startswith(what)
        assert found.note.endswith("the first is used")
    with Image.open(io.BytesIO(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))) as image:
        image.seek(1)  # the caller's choice
        assert read_picture(image).pixels[0, 0].tolist() == [0, 0, 255]
        assert not read_picture(image).note


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


CUT = [("PNG", "RGB"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("TIFF", "RGB"), ("GIF", "P"), ("BMP", "RGB")]


@pytest.mark.parametrize(("kind", "mode"), CUT)
def test_a_truncated_file_is_damaged(kind, mode, photo):
    data = encoded(Image.fromarray(photo[:64, :64]).convert(mode), kind)
    for part in (0.5, 0.9):
        with pytest.raises(ImageError, match=r"the picture given is (damaged or cut off: .|not a picture)"):
            read_picture(data[: int(len(data) * part)])
    deep = encode_png(read_picture(photo[:64, :64].astype(np.uint16) * 257))
    with pytest.raises(ImageError, match="damaged or cut off"):
        read_picture(deep[: len(deep) // 2])


def test_hidden_colors_are_the_mean_of_the_visible_ones():
    pixels = np.full((4, 4, 4), (200, 100, 50, 255), np.uint8)
    pixels[0] = 0
    picture = read_picture(pixels)
    assert (picture.pixels == (200, 100, 50)).all()
    assert (picture.alpha[0] == 0).all()
    assert (read_picture(pixels[:1]).pixels == 0).all()  # nothing visible to take from
    assert read_picture(pixels[1:]).alpha is None


def test_with_pixels_keeps_all_else(photo):
    picture = replace(read_picture(photo), exif=b"x", note="y")
    changed = picture.with_pixels(np.full(photo.shape, 0.5, np.float32))
    assert (changed.pixels == 128).all()
    assert (changed.exif, changed.note, changed.kind) == (b"x", "y", picture.kind)
    with pytest.raises(ImageError, match="do not fit"):
        picture.with_pixels(np.zeros((2, 2, 3), np.float32))


QUICK = settings(
    deadline=None, max_examples=40, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
SIDES = st.integers(1, 40)
MODES = [
    "1",
    "L",
    "LA",
    "La",
    "P",
    "PA",
    "RGB",
    "RGBX",
    "RGBA",
    "RGBa",
    "CMYK",
    "YCbCr",
    "LAB",
    "HSV",
    "I",
    "I;16",
    "F",
]
DTYPES = [np.uint8, np.uint16, np.float16, np.float32, np.float64, np.dtype(">u2"), np.dtype(">f4")]


@QUICK
@given(SIDES, SIDES, st.sampled_from(DTYPES), st.sampled_from([None, 1, 3, 4]), st.data())
def test_arrays_come_back_as_they_were_given(height, width, dtype, channels, data):
    shape = (height, width) if channels is None else (height, width, channels)
    dtype = np.dtype(dtype)
    elements = st.floats(0, 1, width=16) if dtype.kind == "f" else st.integers(0, np.iinfo(dtype).max)
    array = data.draw(arrays(dtype, shape, elements=elements, fill=st.nothing() if height * width < 9 else None))
    picture = read_picture(array)
    assert picture.pixels.shape == (height, width, 3)
    back = give_back(picture)
    assert back.dtype == dtype
    assert back.shape == (height, width, 4 if channels == 4 else 3)
    if channels == 4:
        seen = array[:, :, 3] > 0
        assert np.array_equal(back[seen], array[seen])
        assert np.array_equal(back[:, :, 3], array[:, :, 3])
    else:
        assert np.array_equal(back, np.broadcast_to(array.reshape(height, width, -1), back.shape))
    if dtype.kind == "u":
        png = read_picture(encode_png(picture))
        assert np.array_equal(png.pixels, picture.pixels)
        assert png.pixels.dtype == picture.pixels.dtype
        assert (png.alpha is None) == (picture.alpha is None)
        assert png.alpha is None or np.array_equal(png.alpha, picture.alpha)


@QUICK
@given(SIDES, SIDES, st.sampled_from(MODES), st.integers(0, 2**32 - 1))
def test_images_of_every_mode_and_size_come_back(width, height, mode, seed):
    values = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    image = Image.fromarray(values)
    try:
        image = image.convert("LA" if mode in ("La", "PA") else "RGBA" if mode == "RGBa" else mode).convert(mode)
    except ValueError:  # Pillow has no way there from RGB
        image = Image.new(mode, (width, height))
    before = image.copy()
    back = give_back(read_picture(image))
    assert isinstance(back, Image.Image)
    assert back.size == (width, height)
    assert back.mode == ("RGBA" if mode in ("LA", "La", "PA", "RGBA", "RGBa") else "RGB")
    if mode in ("RGB", "RGBA"):
        assert np.array_equal(np.asarray(back.convert("RGB")), values)
    assert image.mode == mode
    assert image.tobytes() == before.tobytes()


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


@given(st.sampled_from([np.uint8, np.uint16]))
@QUICK
def test_depths_are_exact_both_ways(dtype):
    every = np.arange(np.iinfo(dtype).max + 1).astype(dtype)
    assert np.array_equal(as_depth(as_float(every), dtype), every)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "none.png", "no such file"),
        (lambda p: p, "is a folder"),
        (lambda p: p / ("n" * 300 + ".png"), "File name too long"),
        (lambda p: "a\0b.png", "null"),
        (lambda p: Image.new("RGB", (0, 4)), "is 0 x 4; a picture has pixels"),
        (lambda p: b"", "is empty"),
        (lambda p: b"hello", "is not a picture"),
        (lambda p: encoded(Image.new("RGB", (64, 64), (9, 8, 7)), "JPEG")[:300], "damaged or cut off|not a picture"),
        (lambda p: encoded(Image.effect_noise((64, 64), 50))[:900], "damaged or cut off"),
        (lambda p: np.zeros((4, 4, 2), np.uint8), "no picture"),
        (lambda p: np.zeros((4, 0, 3), np.uint8), "no picture"),
        (lambda p: np.full((4, 4, 3), 200.0), "must lie in"),
        (lambda p: np.full((4, 4, 3), np.nan), "must lie in"),
        (lambda p: np.zeros((4, 4, 3), np.int32), "use uint8"),
    ],
)
def test_what_is_no_picture_is_explained(make, message, tmp_path):
    with pytest.raises(ImageError, match=message):
        open_image(make(tmp_path))


def test_a_bomb_is_refused(monkeypatch):
    data = encoded(Image.new("L", (2000, 1000)))
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 4000)  # Pillow's own limit is not the one that counts
    with pytest.raises(
        ImageError, match=r"is 2000 x 1000, 2 million pixels; the limit is 1\.5; .* --max-megapixels 2 "
    ):
        read_picture(data, max_megapixels=1.5)
    tiff = encoded(Image.new("L", (2000, 1000)), "TIFF")  # it has a limit of its own at the decoding
    readers = [threading.Thread(target=read_picture, args=(one,)) for one in (data, tiff) * 4]
    for reader in readers:
        reader.start()
    for one in (data, tiff):
        assert read_picture(one, max_megapixels=2).pixels.shape == (1000, 2000, 3)
    for reader in readers:
        reader.join()
    assert Image.MAX_IMAGE_PIXELS == 4000


def test_a_bomb_is_not_decoded():
    """A header of 10,000 megapixels in a few bytes."""
    import struct
    import zlib

    head = b"IHDR" + struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0)
    data = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + head + struct.pack(">I", zlib.crc32(head))
    data += struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    with pytest.raises(ImageError, match=r"100000 x 100000, 10000 million pixels; the limit is 400; .* 10000"):
        read_picture(data)


@pytest.mark.parametrize("suffix", FORMATS)
def test_saved_pictures_come_back(suffix, photo, tmp_path):
    path = tmp_path / f"photo{suffix.upper()}"
    save_image(photo.astype(np.float32) / 255, path)
    error = np.abs(open_image(path) - photo / 255).mean()
    assert error < (1e-6 if suffix in (".png", ".tif", ".tiff") else 0.02)
    assert os.listdir(tmp_path) == [path.name]


def test_values_are_rounded_and_clipped():
    assert np.asarray(to_pil(np.array([[[-1.0, 0.5, 2.0]]], np.float32))).tolist() == [[[0, 128, 255]]]


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


def test_folders_named_like_pictures_are_passed_over(tmp_path):
    (tmp_path / "trip.jpg").mkdir()
    with pytest.raises(ImageError, match="no pictures in folder"):
        list_pictures(tmp_path)
    with pytest.raises(ImageError, match="is a folder, not a picture"):
        read_picture(tmp_path / "trip.jpg")
    save_image(np.zeros((2, 2, 3), np.uint8), tmp_path / "a.png")
    assert list_pictures(tmp_path) == [tmp_path / "a.png"]


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
