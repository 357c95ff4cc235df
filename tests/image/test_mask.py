import io

import numpy as np
import pytest
from PIL import ExifTags, Image

from pasticcio.errors import ImageError
from pasticcio.image.mask import product, read_mask


def test_a_mask_is_brought_to_the_photos_size(tmp_path):
    half = np.zeros((30, 40), np.uint8)
    half[:, 20:] = 255
    Image.fromarray(half).save(tmp_path / "mask.png")
    mask = read_mask(tmp_path / "mask.png", 300, 400)
    assert mask.shape == (300, 400)
    assert (mask[:, :180] == 0).all()
    assert (mask[:, 220:] == 255).all()
    assert 0 < mask[150, 200] < 255


def test_what_is_transparent_is_black():
    rgba = np.full((60, 20, 4), 255, np.uint8)
    rgba[:30, :, 3] = 0
    mask = read_mask(rgba, 60, 20)
    assert mask[0].max() <= 10
    assert mask[-1].min() >= 245


def test_other_proportions_are_refused():
    with pytest.raises(ImageError, match=r"20 x 20 and the photo 40 x 20; a mask must have the photo's proportions"):
        read_mask(np.zeros((20, 20), np.uint8), 20, 40)


def test_a_file_of_other_proportions_is_refused_before_it_is_decoded():
    long = io.BytesIO()
    Image.new("F", (40, 100), 1.0).save(long, "TIFF")
    damaged = long.getvalue()[:4000]  # decoding it would say so
    with pytest.raises(ImageError, match="is 40 x 100 and the photo 40 x 32; a mask must have"):
        read_mask(damaged, 32, 40)
    with pytest.raises(ImageError, match="damaged or cut off"):
        read_mask(damaged, 100, 40)


def test_a_mask_that_its_exif_data_turn_fits(tmp_path):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    Image.new("L", (60, 30), 255).save(tmp_path / "turned.jpg", exif=exif)
    assert read_mask(tmp_path / "turned.jpg", 60, 30).shape == (60, 30)
    with pytest.raises(ImageError, match="30 x 60 and the photo 60 x 30"):
        read_mask(tmp_path / "turned.jpg", 30, 60)


def test_edges_are_softened():
    hard = np.zeros((40, 60), np.uint8)
    hard[:, 30:] = 255
    row = read_mask(hard, 40, 60)[20].astype(int)
    assert np.diff(row).max() < 40
    assert (row[0], row[-1]) == (0, 255)


def test_product():
    assert product(np.array([255, 255, 128], np.uint8), np.array([255, 7, 128], np.uint8)).tolist() == [255, 7, 64]


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.uint16, np.int32, np.int64])
def test_a_mask_of_labels_and_of_booleans_is_black_and_white(dtype, tmp_path):
    white = np.zeros((40, 60), np.uint8)
    white[:, 30:] = 255
    wanted = read_mask(white, 40, 60)
    labels = (white > 0).astype(dtype)
    assert np.array_equal(read_mask(labels, 40, 60), wanted)
    if dtype == np.uint8:
        Image.fromarray(labels).save(tmp_path / "labels.png")
        assert np.array_equal(read_mask(tmp_path / "labels.png", 40, 60), wanted)
    with pytest.raises(ImageError):  # other labels have no scale that is known
        read_mask(labels.astype(np.int64) * 2, 40, 60)
    assert read_mask(np.full((4, 4), 2, np.uint8), 4, 4).max() == 2  # levels of gray stay as they are
