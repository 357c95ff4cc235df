import numpy as np
import pytest
from bad_pictures import FILES, encoded, photo, tall
from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.image.read import read_picture


@pytest.mark.parametrize("name", ["float.tif", "deep.tif", "lab.tif", "cmyk.tif", "whole-numbers.tif"])
def test_a_picture_of_which_strips_are_missing_is_refused_before_it_is_decoded(name, monkeypatch):
    monkeypatch.setattr(Image.Image, "load", lambda *_: pytest.fail("it is decoded"))
    with pytest.raises(ImageError, match=r"its header says 40 x 6118176 and its strips hold 1280 pixels"):
        read_picture(tall(FILES[name], 6_118_176))


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_deflate", "packbits", "jpeg"])
def test_strips_that_cover_the_picture_are_read(compression):
    image = photo(width=300, height=700)  # of several strips
    pixels = read_picture(encoded(image, "TIFF", compression=compression)).pixels
    assert np.abs(pixels.astype(int) - np.asarray(image)).mean() < 9
