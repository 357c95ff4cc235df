"""A server for each module, on a free port, with small limits."""

import io

import pytest
from PIL import Image

pytest.importorskip("starlette", reason="needs the extra serve")

from pasticcio.render.stylizer import Stylizer
from server_made import serving


@pytest.fixture(scope="session")
def stylizer():
    return Stylizer()


@pytest.fixture(scope="module")
def server(stylizer):
    with serving(stylizer, header_seconds=0.4, stall_seconds=0.4, body_seconds=1.5, max_megapixels=1, max_body=1,
                 max_pictures=4, workers=1, max_waiting=3) as running:  # fmt: skip
        yield running


@pytest.fixture(scope="session")
def jpeg(photo):
    data = io.BytesIO()
    Image.fromarray(photo).resize((120, 80)).save(data, "JPEG")
    return data.getvalue()
