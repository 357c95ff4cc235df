import io
import struct
import zlib

import numpy as np
import pytest
import tifffile
from PIL import ExifTags, Image, ImageCms, ImageOps

from pasticcio.errors import ImageError
from pasticcio.image.icc import deep_to_srgb, srgb_profile
from pasticcio.image.read import read_picture
from pasticcio.image.sixteen_bit import write_png, write_tiff
from profiles import CURVES, icc


@pytest.fixture(scope="module")
def samples(photo):
    """uint16 (60, 70, 4): a photo with all 16 bits in use, partly transparent."""
    noise = np.random.default_rng(0).integers(0, 256, (60, 70, 4), dtype=np.uint16)
    colors = np.dstack([photo[100:160, 100:170], np.linspace(0, 255, 70)[None, :].repeat(60, 0)])
    return colors.astype(np.uint16) << 8 | noise


def straight_png(samples, color_type, **chunks):
    """A PNG by the book, with every filter; none of the package's code."""
    height, width, channels = samples.shape
    rows = np.ascontiguousarray(samples, ">u2").view(np.uint8).reshape(height, -1).astype(int)
    step, lines = channels * 2, []
    for y, row in enumerate(rows):
        left = np.concatenate([np.zeros(step, int), row[:-step]])
        up = rows[y - 1] if y else row * 0
        corner = np.concatenate([np.zeros(step, int), up[:-step]])
        guess = left + up - corner
        far = np.stack([abs(guess - left), abs(guess - up), abs(guess - corner)])
        paeth = np.choose(far.argmin(0), [left, up, corner])
        guessed = [row * 0, left, up, (left + up) // 2, paeth][y % 5]
        lines.append(bytes([y % 5]) + ((row - guessed) % 256).astype(np.uint8).tobytes())

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", width, height, 16, color_type, 0, 0, 0)
    extra = b"".join(chunk(name.encode(), data) for name, data in chunks.items())
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + extra + chunk(b"IDAT", zlib.compress(b"".join(lines)))
        + chunk(b"IEND", b"")
    )  # fmt: skip


@pytest.mark.parametrize("color_type", [0, 2, 4, 6])
def test_png(samples, color_type):
    channels = {0: [0], 2: [0, 1, 2], 4: [0, 3], 6: [0, 1, 2, 3]}[color_type]
    picture = read_picture(straight_png(samples[:, :, channels], color_type))
    seen = samples[:, :, 3] > 0
    colors = samples[:, :, [0, 0, 0]] if color_type in (0, 4) else samples[:, :, :3]
    if color_type < 4:
        assert picture.alpha is None
        assert np.array_equal(picture.pixels, colors)
    else:
        assert np.array_equal(picture.alpha, samples[:, :, 3])
        assert np.array_equal(picture.pixels[seen], colors[seen])


@pytest.mark.parametrize("color_type", [0, 2])
def test_png_with_a_transparent_color(samples, color_type):
    colors = samples[:, :, :1] if color_type == 0 else samples[:, :, :3]
    chosen = colors[3, 4]
    picture = read_picture(straight_png(colors, color_type, tRNS=chosen.astype(">u2").tobytes()))
    assert np.array_equal(picture.alpha == 0, (colors == chosen).all(2))
    assert picture.alpha[3, 4] == 0
    assert picture.alpha.max() == 65535


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("tile", [None, (16, 32)])
@pytest.mark.parametrize("channels", [1, 3, 4])
def test_tiff(samples, channels, tile, compression, byteorder):
    file = io.BytesIO()
    given = samples[:, :, :channels].squeeze()
    tifffile.imwrite(
        file, given, photometric="rgb" if channels > 1 else "minisblack", tile=tile, compression=compression,
        predictor=compression is not None, byteorder=byteorder, extrasamples=["unassalpha"] if channels == 4 else None,
    )  # fmt: skip
    picture = read_picture(file.getvalue())
    assert picture.pixels.dtype == np.uint16
    assert not picture.note
    seen = samples[:, :, 3] > 0 if channels == 4 else np.ones((60, 70), bool)
    assert np.array_equal(
        picture.pixels[seen], samples[:, :, :3][seen] if channels > 1 else samples[:, :, [0, 0, 0]][seen]
    )
    assert channels < 4 or np.array_equal(picture.alpha, samples[:, :, 3])


def test_premultiplied_tiff(samples):
    file, alpha = io.BytesIO(), samples[:, :, 3:].astype(float) / 65535
    given = np.dstack([np.round(samples[:, :, :3] * alpha), samples[:, :, 3]]).astype(np.uint16)
    tifffile.imwrite(file, given, photometric="rgb", extrasamples=["assocalpha"])
    picture = read_picture(file.getvalue())
    thick = samples[:, :, 3] > 20000
    assert np.abs(picture.pixels[thick].astype(int) - samples[:, :, :3][thick]).max() <= 3


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_planes_are_read_and_cmyk_at_8_bits(samples, compression):
    planes, cmyk = io.BytesIO(), io.BytesIO()
    tifffile.imwrite(
        planes, np.moveaxis(samples[:, :, :3], 2, 0).copy(), photometric="rgb", planarconfig="separate",
        compression=compression,
    )  # fmt: skip
    picture = read_picture(planes.getvalue())
    assert np.array_equal(picture.pixels, samples[:, :, :3])
    assert not picture.note
    tifffile.imwrite(cmyk, samples, photometric="separated", compression=compression)
    picture = read_picture(cmyk.getvalue())
    expected = Image.frombytes("CMYK", (70, 60), (samples >> 8).astype(np.uint8).tobytes()).convert("RGB")
    assert np.array_equal(picture.pixels, np.asarray(expected))
    assert "read at 8 bits, not 16" in picture.note


def test_orientation_is_applied(samples):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = straight_png(samples[:, :, :3], 2, eXIf=exif.tobytes()[6:])
    assert np.array_equal(read_picture(data).pixels, np.rot90(samples[:, :, :3], -1))
    file = io.BytesIO()
    tifffile.imwrite(file, samples[:, :, :3], photometric="rgb", extratags=[(274, 3, 1, 6, True)])
    assert np.array_equal(read_picture(file.getvalue()).pixels, np.rot90(samples[:, :, :3], -1))


@pytest.mark.parametrize("channels", [3, 4])
@pytest.mark.parametrize("height", [1, 256, 300])
def test_written_files_are_what_others_read(channels, height, photo):
    """Pillow's 8 bits are the upper ones, tifffile's all 16; and Pillow finds no fault."""
    given = np.random.default_rng(1).integers(0, 65536, (height, 33, channels), dtype=np.uint16)
    given[: height // 2, :, :3] = photo[: height // 2, :33].astype(np.uint16) * 257
    png, tiff = io.BytesIO(), io.BytesIO()
    write_png(png, np.asfortranarray(given), srgb_profile(), None)  # in whatever order the pixels lie
    write_tiff(tiff, np.asfortranarray(given), srgb_profile(), None)
    for file in (png, tiff):
        Image.open(file).verify() if file is png else None
        with Image.open(file) as image:
            assert np.array_equal(np.asarray(image), given >> 8)
            assert image.info["icc_profile"] == srgb_profile()
    tiff.seek(0)
    assert np.array_equal(tifffile.imread(tiff), given)


def test_a_file_with_a_profile_keeps_its_16_bits(samples):
    profile = icc(CURVES["gamma"])
    data = straight_png(samples[:, :, :3], 2, iCCP=b"x\0\0" + zlib.compress(profile))
    picture = read_picture(data)
    assert picture.pixels.dtype == np.uint16
    assert np.array_equal(picture.pixels, deep_to_srgb(samples[:, :, :3], profile))
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for other in (lab, profile[:200], profile.replace(b"rTRC", b"A2B0")):
        assert deep_to_srgb(samples[:, :, :3], other) is None
        picture = read_picture(straight_png(samples[:, :, :3], 2, iCCP=b"x\0\0" + zlib.compress(other)))
        assert picture.pixels.dtype == np.uint8
        assert "read at 8 bits, not 16" in picture.note


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_tiff_is_read_at_8_bits_without_tifffile_and_it_is_said(samples, compression, monkeypatch):
    monkeypatch.setattr("pasticcio.image.sixteen_bit.find_spec", lambda name: None)
    file = io.BytesIO()
    tifffile.imwrite(file, samples[:, :, :3], photometric="rgb", compression=compression)
    picture = read_picture(file.getvalue())
    assert np.array_equal(picture.pixels, samples[:, :, :3] >> 8)
    assert picture.note == (
        "read at 8 bits, not 16: 16-bit colors of a TIFF need tifffile and imagecodecs: pip install 'pasticcio[tiff]'"
    )
    planes = io.BytesIO()
    apart = np.moveaxis(samples[:, :, :3], 2, 0).copy()
    tifffile.imwrite(planes, apart, photometric="rgb", planarconfig="separate", compression=compression)
    if compression:
        assert np.array_equal(read_picture(planes.getvalue()).pixels, samples[:, :, :3] >> 8)
    else:
        with pytest.raises(ImageError, match="cannot be read: 16-bit colors of a TIFF need tifffile"):
            read_picture(planes.getvalue())


def test_a_tiff_that_is_cut_off_is_damaged(samples):
    file = io.BytesIO()
    tifffile.imwrite(file, samples[:, :, :3], photometric="rgb", metadata=None)
    with pytest.raises(ImageError, match="is damaged or cut off"):
        read_picture(file.getvalue()[:-100])


@pytest.mark.parametrize("turn", range(1, 9))
def test_deep_files_are_turned_as_pillow_turns(turn, samples):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = turn
    found = read_picture(straight_png(samples[:, :, :3], 2, eXIf=exif.tobytes()[6:])).pixels
    upper = Image.fromarray((samples[:, :, :3] >> 8).astype(np.uint8))
    upper.getexif()[ExifTags.Base.Orientation] = turn
    assert np.array_equal(found >> 8, np.asarray(ImageOps.exif_transpose(upper)))


def test_a_transparent_color_counts_at_8_bits_too(samples):
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    colors = samples[:, :, :3]
    chunks = {"iCCP": b"x\0\0" + zlib.compress(lab), "tRNS": colors[3, 4].astype(">u2").tobytes()}
    picture = read_picture(straight_png(colors, 2, **chunks))
    assert picture.pixels.dtype == picture.alpha.dtype == np.uint8
    assert np.array_equal(picture.alpha == 0, (colors == colors[3, 4]).all(2))
