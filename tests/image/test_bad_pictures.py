"""Every kind of bad picture, through the library: a picture, or an error of one line."""

import io
import os
import sys

import pytest
from bad_pictures import FILES, make
from PIL import Image

from pasticcio.errors import ImageError
from pasticcio.image.read import read_picture

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


@pytest.mark.parametrize("name", ["pipe.png", "endless.png", "socket.jpg", "null.png"])
def test_what_may_never_end_is_not_read(bad, name):
    (path,) = (one for one in bad if isinstance(one, str) and one.endswith(name))
    with pytest.raises(ImageError, match="pipe, socket or device"):
        read_picture(path)


def test_exif_data_that_name_themselves_end():
    assert read_picture(FILES["exif-loop.jpg"]).exif
