"""The page over the server, whose back end is HTTP."""

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("starlette", reason="needs the extra serve")

from pages import watched
from pasticcio.render.stylizer import Stylizer
from server_made import serving


def test_over_a_server_a_slider_moves_a_preview_and_rests_on_the_picture(browser, small_photo, painting, tmp_path):
    stylizer = Stylizer(threads=1, runtime="onnxruntime")
    with serving(stylizer) as server, watched(browser, f"http://127.0.0.1:{server.place.port}/") as one:
        page = one.open()
        page.set_input_files("#photo-file", small_photo)
        page.set_input_files("#style-files", painting)
        page.wait_for_selector("#history li", timeout=60_000)
        with page.expect_download() as waiting:
            page.click("#download")
        waiting.value.save_as(tmp_path / "out.png")
        found = np.asarray(Image.open(tmp_path / "out.png").convert("RGB")).astype(int)
        wanted = np.asarray(stylizer.stylize(Image.open(small_photo), str(painting)).convert("RGB"))
        assert np.abs(found - wanted).max() <= 1
        page.click("#random")
        page.wait_for_selector("#history li:nth-child(2)", timeout=60_000)
        assert "random" in page.inner_text("#line")
        assert sum(url.endswith("/v1/embed") for url in one.requests) == 2  # each style is embedded once
