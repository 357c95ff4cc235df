import io

import pytest
from PIL import Image

from pasticcio.page.files import places, site, thumbnail
from pasticcio.style.named import list_styles


def test_every_named_style_has_a_place_of_its_own_and_a_thumbnail():
    found = places()
    assert found.keys() == list_styles().keys()
    assert len(set(found.values())) == len(found)
    for name, place in found.items():
        assert all(0 <= number <= 1 for number in place)
        image = Image.open(io.BytesIO(thumbnail(name).read_bytes()))
        assert (image.format, image.size) == ("JPEG", (96, 96))


@pytest.mark.parametrize("name", ["nobody", "../page", "places.json", "", "dance.jpg", "/etc/passwd"])
def test_what_is_no_named_style_has_no_thumbnail(name):
    assert thumbnail(name) is None


def test_the_site_holds_files_alone():
    assert (site() / "index.html").is_file()
    assert all(path.is_file() for path in site().iterdir())
