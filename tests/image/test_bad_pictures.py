"""Every kind of bad picture, through the library: a picture, or an error of one line."""

import io
import os
import sys
from contextlib import suppress

import pytest
from bad_pictures import ARRAYS, FILES, make
from PIL import Image

from pasticcio.errors import ImageError, PasticcioError
from pasticcio.image.listing import Entry
from pasticcio.image.mask import read_mask
from pasticcio.image.read import read_picture
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.pictures import open_reduced

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pipes and sockets in folders")


@pytest.fixture(scope="module")
def bad(tmp_path_factory):
    return make(tmp_path_factory.mktemp("bad"))


def test_there_are_sixty_kinds():
    assert len(FILES) >= 60


def test_every_path_gives_a_picture_or_an_image_error(bad):
    for path in bad:
        try:
            assert read_picture(os.fsdecode(path)).pixels.size
        except ImageError:
            continue


@pytest.mark.parametrize("way", [bytes, io.BytesIO, lambda data: Image.open(io.BytesIO(data))])
def test_every_content_gives_a_picture_or_an_image_error(way, bad):
    for data in FILES.values():
        try:
            source = way(data)
        except Exception:  # Pillow's own, before it is given to us
            continue
        try:
            assert read_picture(source).pixels.size
        except ImageError:
            continue


def test_every_array_gives_a_picture_or_an_error_of_ours():
    stylizer = Stylizer(threads=1)
    given = set()
    for name, array in ARRAYS.items():
        for read in (read_picture, lambda array: read_mask(array, 32, 40), lambda array: stylizer.embed(array)):
            with suppress(PasticcioError):
                read(array)
                given.add(name)
    assert {"backwards", "masked", "half", "one pixel repeated"} <= given < ARRAYS.keys()


@pytest.mark.parametrize("name", ["pipe.png", "endless.png", "socket.jpg", "null.png"])
def test_what_may_never_end_is_not_read(bad, name, tmp_path):
    (path,) = (one for one in bad if isinstance(one, str) and one.endswith(name))
    link = tmp_path / "link.jpg"
    link.symlink_to(path)
    for read in (read_picture, lambda path: Entry(path).read(), lambda path: open_reduced(path, 64)):
        with pytest.raises(ImageError, match="pipe, socket or device"):
            read(link)


def test_exif_data_that_name_themselves_end():
    assert read_picture(FILES["exif-loop.jpg"]).exif
