import io
import os

import numpy as np
import pytest
from PIL import Image, ImageCms

from pasticcio.errors import ImageError, OutputError
from pasticcio.images import FORMATS, open_image, read_picture, save_image, to_pil


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
    grey = Image.fromarray(photo).convert("L")
    if mode == "I;16":
        image = Image.fromarray(np.asarray(grey).astype(np.uint16) * 257)
    elif mode == "F":
        image = Image.fromarray(np.asarray(grey).astype(np.float32) / 255)
    else:
        image = (
            grey.convert("RGBA" if mode == "P" else mode).convert(mode)
            if mode != "CMYK"
            else grey.convert("RGB").convert(mode)
        )
    found = open_image(image)
    assert found.shape == (*photo.shape[:2], 3)
    tolerance = 0.5 if mode == "1" else 0.04
    assert abs(found.mean() - np.asarray(grey).mean() / 255) < tolerance * 0.5


def test_transparent_pixels_lie_on_white():
    pixels = np.zeros((2, 2, 4), np.uint8)
    pixels[0, :, 3] = 255
    for source in (pixels, Image.fromarray(pixels), encoded(Image.fromarray(pixels))):
        found = open_image(source)
        assert found[0].max() == 0
        assert found[1].min() == 1


def test_profile_is_converted_to_srgb():
    """The same numbers mean another colour in a linear-light profile."""
    grey = Image.new("RGB", (8, 8), (64, 64, 64))
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    same = open_image(encoded(grey, icc_profile=ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()))
    np.testing.assert_allclose(same, 64 / 255, atol=0.01)
    found = open_image(encoded(grey, icc_profile=profile.tobytes()))  # unfit for RGB: passed over, not fatal
    np.testing.assert_allclose(found, 64 / 255, atol=0.01)


def test_first_frame_of_an_animation():
    frames = [Image.new("RGB", (5, 4), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    found = open_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert found[0, 0].tolist() == [1, 0, 0]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: p / "none.png", "no such file"),
        (lambda p: p, "is a folder"),
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
    assert read_picture(data, max_megapixels=2).pixels.shape == (1000, 2000, 3)
    assert Image.MAX_IMAGE_PIXELS == 4000


@pytest.mark.parametrize("suffix", FORMATS)
def test_saved_pictures_come_back(suffix, photo, tmp_path):
    path = tmp_path / f"photo{suffix.upper()}"
    save_image(photo.astype(np.float32) / 255, path)
    error = np.abs(open_image(path) - photo / 255).mean()
    assert error < (1e-6 if suffix in (".png", ".tif", ".tiff") else 0.02)
    assert os.listdir(tmp_path) == [path.name]
    assert oct(path.stat().st_mode)[-3:] == oct(0o666 & ~_umask())[-3:]


def _umask():
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_values_are_rounded_and_clipped():
    assert np.asarray(to_pil(np.array([[[-1.0, 0.5, 2.0]]], np.float32))).tolist() == [[[0, 128, 255]]]


@pytest.mark.parametrize(
    ("name", "message"),
    [("out.xyz", "suffix '.xyz'"), ("out", "suffix ''"), ("none/out.png", "no folder"), ("dir.png", "is a folder")],
)
def test_what_cannot_be_written_is_explained(name, message, tmp_path):
    (tmp_path / "dir.png").mkdir()
    with pytest.raises(OutputError, match=message):
        save_image(np.zeros((2, 2, 3), np.float32), tmp_path / name)


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
