import io
import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from made import QUICK, SIDES, encoded
from pasticcio.errors import ImageError
from pasticcio.image.icc import srgb_profile
from pasticcio.image.picture import give_back
from pasticcio.image.read import open_image, read_picture, read_rgb
from pasticcio.image.write import encode_png
from profiles import CURVES, icc

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
CUT = [("PNG", "RGB"), ("JPEG", "RGB"), ("WEBP", "RGB"), ("TIFF", "RGB"), ("GIF", "P"), ("BMP", "RGB")]


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


@pytest.mark.parametrize(("kind", "mode"), CUT)
def test_a_truncated_file_is_damaged(kind, mode, photo):
    data = encoded(Image.fromarray(photo[:64, :64]).convert(mode), kind)
    for part in (0.5, 0.9):
        with pytest.raises(ImageError, match=r"the picture given is (damaged or cut off: .|not a picture)"):
            read_picture(data[: int(len(data) * part)])
    deep = encode_png(read_picture(photo[:64, :64].astype(np.uint16) * 257))
    with pytest.raises(ImageError, match="damaged or cut off"):
        read_picture(deep[: len(deep) // 2])


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
        ImageError,
        match=r"is 2000 x 1000, 2 million pixels; the limit is 1\.5; make it smaller \(in .*max_megapixels=2\)",
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
    with pytest.raises(ImageError, match=r"100000 x 100000, 10000 million pixels; the limit is 400; .*=10000\)"):
        read_picture(data)


class Tensor:
    """What torch's tensors have in common with arrays."""

    def __array__(self, dtype=None, copy=None):
        return np.zeros((2, 2, 3), np.uint8)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "a value of type NoneType is no picture; give a file, its bytes, a PIL image or an array"),
        (7, "a value of type int is no picture; give"),
        ([[0, 1]], r"a value of type list is no picture; make it an array with numpy\.asarray"),
        (Tensor(), r"a value of type Tensor is no picture; make it an array with numpy\.asarray"),
        (io.StringIO("text"), "gives str, not bytes; open it in binary mode, with 'rb'"),
    ],
)
def test_what_is_of_no_known_type_is_explained(value, message):
    with pytest.raises(ImageError, match=message):
        read_picture(value)


def test_a_closed_file_is_explained(photo_file):
    file = photo_file.open("rb")
    file.close()
    with pytest.raises(ImageError, match=r"cannot read .*closed file"):
        read_picture(file)


def test_bytes_of_any_kind(photo):
    data = encoded(Image.fromarray(photo))
    for kind in (bytes, bytearray, memoryview):
        assert np.array_equal(read_picture(kind(data)).pixels, photo)


@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, AssertionError])
@pytest.mark.parametrize("broken", ["_channels", "read_exif", "from_channels", "_deep_channels"])
def test_our_own_errors_are_no_damaged_files(error, broken, photo, monkeypatch):
    def fail(*arguments):
        raise error("a bug")

    monkeypatch.setattr(f"pasticcio.image.read.{broken}", fail)
    deep = photo[:8, :8].astype(np.uint16) * 257
    data = encode_png(read_picture(deep)) if broken == "_deep_channels" else encoded(Image.fromarray(photo[:8, :8]))
    with pytest.raises(error, match="a bug"):
        read_picture(data)


def test_eight_bits_over_white():
    pixels = np.zeros((2, 1, 4), np.uint16)
    pixels[0, 0] = (65535, 0, 0, 65535)
    assert read_rgb(pixels).tolist() == [[[255, 0, 0]], [[255, 255, 255]]]
    assert read_rgb(pixels).dtype == np.uint8
