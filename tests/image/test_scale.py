"""Pictures whose numbers are of another scale: by a file, a PIL image and an array."""

import io

import numpy as np
import pytest
from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.image.array import from_array
from pasticcio.image.read import open_image, read_picture
from pasticcio.render.stylizer import Stylizer

RAMP = np.arange(256).reshape(16, 16)


def sources(values):
    """A TIFF file and a PIL image of some numbers."""
    image = Image.fromarray(values)
    data = io.BytesIO()
    image.save(data, "TIFF")
    return data.getvalue(), image


@pytest.mark.parametrize(
    ("values", "wanted", "note"),
    [
        (RAMP.astype(np.float32), RAMP / 255, "floating-point values are whole numbers: taken as 0 to 255"),
        (RAMP.astype(np.float32) * 257, RAMP / 255, "whole numbers: taken as 0 to 65535"),
        (RAMP.astype(np.float32) / 255, RAMP / 255, ""),
        (RAMP.astype(np.float32) / 170, np.minimum(RAMP / 170, 1), r"its values span 0 to 1.5: clipped to [0, 1]"),
        ((RAMP / 255).round().astype(np.float32), (RAMP / 255).round(), ""),  # 0 and 1
        (RAMP.astype(np.int32), RAMP / 255, "its 32-bit integers are at most 255: taken as 8 bits"),
        (RAMP.astype(np.int32) * 257, RAMP / 255, ""),
        (RAMP.astype(np.uint16), RAMP / 65535, ""),  # 16 bits are 16 bits, however dark
        (np.where(RAMP > 9, np.nan, 0.5).astype(np.float32), np.where(RAMP > 9, 0, 0.5), ""),
    ],
)
def test_a_scale_that_is_certain_is_taken_and_said(values, wanted, note):
    for source in sources(values):
        picture = read_picture(source)
        np.testing.assert_allclose(open_image(source)[:, :, 0], wanted, atol=1e-4)
        assert note in picture.note
        assert bool(note) == bool(picture.note)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (RAMP.astype(np.float32) * 0.99, r"has values from 0 to 252.45; .* must lie in \[0, 1\]: divide them by 255"),
        (RAMP.astype(np.float32) * 200.1, r"has values from 0 to 51025.5; .*: divide them by 65535"),
        (RAMP.astype(np.float32) - 100, "has values from -100 to 155; .*: save it in 8 or 16 bits"),
        (RAMP.astype(np.int32) - 1, "has values from -1 to 254; integers must lie in 0 to 65535"),
        (RAMP.astype(np.int32) << 16, "integers must lie in 0 to 65535: save it in 8 or 16 bits"),
    ],
)
def test_a_scale_that_is_not_certain_is_refused(values, message):
    for source in sources(values):
        with pytest.raises(ImageError, match=message):
            read_picture(source)


def test_a_dark_file_of_sixteen_bits_stays_dark():
    data = b"P5 16 16 65535\n" + RAMP.astype(">u2").tobytes()
    picture = read_picture(data)
    assert picture.pixels.max() == 255
    assert picture.pixels.dtype == np.uint16
    assert not picture.note


@pytest.mark.parametrize(
    "array",
    [
        RAMP > 9, RAMP.astype(np.int32), RAMP, RAMP * 257, RAMP.astype(np.float64), RAMP * 257.0,
        RAMP.astype(np.uint32), np.moveaxis(np.stack([RAMP.astype(np.uint8)] * 3), 0, 0),
    ],
)  # fmt: skip
def test_what_a_message_about_an_array_advises_works(array):
    with pytest.raises(ImageError) as refused:
        from_array(array)
    message = str(refused.value)
    if "divide by " in message:
        better = array / float(message.rpartition(" ")[2])
    else:
        advice = message.partition("such as ")[2] or message.rpartition(": ")[2]
        better = eval(advice, {"array": array, "numpy": np})
    pixels = from_array(better).pixels
    scale = np.iinfo(pixels.dtype).max if pixels.dtype.kind == "u" else 1
    found = array / array.max() if array.ndim == 2 else array[0] / 255
    np.testing.assert_allclose(pixels[:, :, 0] / scale, found, atol=1e-3)


def test_content_to_render_of_another_scale_says_how_to_divide():
    stylizer = Stylizer()
    with pytest.raises(ImageError, match=r"content spans 0 to 255; .* must lie in \[0, 1\]; divide by 255$"):
        stylizer.render(np.stack([RAMP] * 3, 2).astype(np.float32), np.zeros(100, np.float32))
