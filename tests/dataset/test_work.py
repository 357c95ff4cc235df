import io
import re

import numpy as np
import pytest
from PIL import Image

from pasticcio import Options, Style, Stylizer
from pasticcio.dataset.source import Item
from pasticcio.dataset.work import Look, Renderer, Task, prepared
from pasticcio.errors import ImageError, OptionError
from pasticcio.image.listing import Entry
from pasticcio.image.read import read_picture


@pytest.mark.parametrize(
    ("look", "size"),
    [(Look(64), (85, 64)), (Look(64, 48), (48, 48)), (Look(0), (160, 120)), (Look(0, 99), (99, 99))],
)
def test_pictures_are_resized_by_their_short_side_and_cropped_in_the_middle(look, size):
    ramp = np.tile(np.linspace(0, 255, 160).astype(np.uint8)[None, :, None], (120, 1, 3))
    found = prepared(read_picture(ramp), look).pixels
    assert found.shape[1::-1] == size
    assert abs(float(found.mean()) - ramp.mean()) < 2
    assert found.dtype == np.uint8


def test_a_narrow_picture_does_not_fill_the_memory():
    narrow = read_picture(np.zeros((1, 2000, 3), np.uint8))
    with pytest.raises(ImageError, match=r"is 2000 x 1 and would become 128000 x 64; the limit is 8 million pixels"):
        prepared(narrow, Look(64, max_megapixels=8))


def test_transparent_and_deep_pictures_become_opaque_ones_of_8_bits():
    pixels = np.zeros((32, 32, 4), np.uint16)
    assert prepared(read_picture(pixels), Look(size=0)).pixels.tolist() == np.full((32, 32, 3), 255).tolist()
    assert prepared(read_picture(pixels), Look(size=0)).alpha is None


def test_a_picture_smaller_than_the_crop_is_refused():
    with pytest.raises(ImageError, match="30 x 40, smaller than the crop of 32 pixels"):
        prepared(read_picture(np.zeros((40, 30, 3), np.uint8)), Look(size=0, crop=32))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"size": 8}, "size is 8"),
        ({"crop": 300}, "crop is 300; it must be at most the size, 256"),
        ({"quality": 0}, "quality is 0"),
        ({"format": ".bmp"}, "cannot write '.bmp'"),
        ({"max_megapixels": 0}, "above 0"),
    ],
)
def test_values_outside_their_range_are_refused(options, message):
    with pytest.raises(OptionError, match=message):
        Look(**options)


def test_an_output_is_what_stylize_gives(source, palette):
    entry = Entry(source / "a" / "00.png")
    embedding = palette.gaussian.sample(1)
    task = Task(0, 0, "a/00", Item("a/00", entry), "random", embedding, 0.5, 1)
    result = Renderer("default", Look(size=0, format=".png"))(task)
    stylizer = Stylizer(threads=1, runtime="onnxruntime")
    style = Style(embedding, stylizer.model.fingerprint)
    wanted = stylizer.stylize(entry.path, style, Options(strength=0.5))
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(result.data))), np.asarray(wanted))


def test_a_picture_that_cannot_be_read_is_a_result_that_names_it(source, tmp_path):
    renderer = Renderer("default", Look(max_megapixels=0.001))
    for path, error in (
        (tmp_path / "no.png", "No such file"),
        (source / "a" / "00.png", r"00\.png is 48 x 40, .* limit is 0\.001"),
    ):
        task = Task(0, 0, "x", Item("x", Entry(path)), "random", np.zeros(100, np.float32), 1.0, 0)
        result = renderer(task)
        assert not result.data
        assert re.search(error, result.error), result.error
