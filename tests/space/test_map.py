import http.server
import json
import re
import threading
from dataclasses import replace
from email.parser import BytesParser
from functools import partial

import numpy as np
import pytest

from conftest import shared
from pasticcio.image.listing import find_pictures
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embeddings import Embeddings
from pasticcio.space.layout import layout
from pasticcio.space.map import map_picture, titles, write_map
from pasticcio.style.style import Style


def test_titles_are_given_or_read_off_the_name(table):
    assert titles(table)[3] == "</script> No. 3"
    bare = replace(table, columns={}, names=["movement__artist__the-red-mill-1911"] * len(table))
    assert titles(bare)[0] == "the red mill 1911"


def test_the_picture_shows_every_thumbnail_at_its_place(table):
    points = layout(table.vectors, "pca")
    picture, bad = map_picture(table, points, side=512)
    assert not bad
    size = round(512 / (1.6 * len(table) ** 0.5))
    last = len(table) - 1  # nothing lies over it
    x, y = (round(float(v) * (512 - size)) + size // 2 for v in points[last])
    assert np.argmax(picture.getpixel((x, y))) == last % 3


def test_the_page_has_all_that_its_script_asks_for(table, tmp_path):
    write_map(table, layout(table.vectors, "pca"), tmp_path / "map.html", color="class")
    page = (tmp_path / "map.html").read_text()
    data = json.loads(re.search(r"^const DATA = (.*);$", page, re.M).group(1))
    assert data["titles"][3] == "</script> No. 3"
    assert page.count("</script>") == 1  # no name ends the script
    assert {*re.findall(r"DATA\.(\w+)", page)} == data.keys()
    assert {*re.findall(r'\$\("(\w+)"\)', page)} <= {*re.findall(r'id="(\w+)"', page)}
    assert "Color by" in page


def watch(page):
    errors = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    return errors


def test_the_page_in_a_browser(table, browser, tmp_path):
    """Points are drawn, zoom, hover, click, search and colors work, from a file and without a network."""
    out = tmp_path / "map.html"
    assert write_map(table, layout(table.vectors, "pca"), out, color="class") == []
    page = browser.new_context(offline=True, viewport={"width": 1200, "height": 800}).new_page()
    errors = watch(page)
    page.goto(out.as_uri())
    page.wait_for_function("window.map && sheets.every(sheet => sheet.levels)")
    page.wait_for_timeout(200)
    assert page.evaluate("map.drawn") == len(table)
    row = len(table) - 1  # drawn last: nothing lies over it
    x, y = page.evaluate("i => map.screen(i)", row)
    color = page.evaluate("([x, y]) => [...pen.getImageData(x * ratio, y * ratio, 1, 1).data]", [x, y])
    assert np.argmax(color[:3]) == row % 3

    page.mouse.move(x, y)
    page.wait_for_selector("#tip", state="visible")
    assert "</script> No. " in page.inner_text("#tip")
    page.mouse.click(x, y)
    page.wait_for_selector("#right", state="visible")
    assert page.locator("#near button").count() == 10
    chosen = page.evaluate("state.chosen")
    distances = np.linalg.norm(table.vectors - table.vectors[chosen], axis=1)
    first = page.locator("#near button").first.inner_text()
    assert f"{np.sort(distances)[1]:.2f}" in first

    page.fill("#search", "no. 44")
    assert page.inner_text("#found") == "1 found"
    page.press("#search", "Enter")
    assert page.evaluate("state.chosen") == 44
    page.fill("#search", "painter blue")
    assert page.inner_text("#found") == "15 found"
    page.fill("#search", "")
    page.click("#close")
    assert page.locator("#legend button").count() == 3
    page.click("#legend button >> nth=0")
    assert page.evaluate("[...Array(N).keys()].filter(lit).length") == 15

    before = page.evaluate("view.scale")
    page.mouse.move(600, 400)
    page.mouse.wheel(0, -400)
    page.wait_for_function(f"view.scale > {before * 1.5}")
    left = page.evaluate("view.x")
    page.mouse.down()
    page.mouse.move(650, 400, steps=3)
    page.mouse.up()
    assert page.evaluate("view.x") == pytest.approx(left + 50)
    assert page.is_hidden("#corner")
    assert errors == []


class Offering(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and stylizes: what the page asks of whoever serves it."""

    stylizer = None

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        form = BytesParser().parsebytes(b"Content-Type: " + self.headers["Content-Type"].encode() + b"\r\n\r\n" + body)
        parts = {
            part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
            for part in form.get_payload()
        }
        path = f"{self.directory}/style.json"
        with open(path, "wb") as file:
            file.write(parts["style"])
        picture = self.stylizer.stylize(parts["photo"], Style.load(path))
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        picture.save(self.wfile, "PNG")

    def log_message(self, *arguments):
        pass


def test_a_served_page_stylizes_a_photo_by_a_click(table, browser, model_folder, photo_file, tmp_path):
    write_map(table, layout(table.vectors, "pca"), tmp_path / "map.html")
    (tmp_path / "pasticcio.json").write_text('{"stylize": "stylize"}')
    Offering.stylizer = Stylizer(model_folder)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Offering, directory=tmp_path))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        errors = watch(page)
        page.goto(f"http://127.0.0.1:{server.server_port}/map.html")
        page.wait_for_selector("#corner", state="visible")
        page.set_input_files("#photo", photo_file)
        x, y = page.evaluate("i => map.screen(i)", 44)
        page.mouse.click(x, y)
        page.wait_for_selector("#result img")
        page.wait_for_function("document.querySelector('#result img').naturalWidth > 0")
        assert page.evaluate("document.querySelector('#result img').naturalWidth") == 451
        assert errors == []
        # half precision is what the page keeps of an embedding
        style = Style.load(tmp_path / "style.json")
        np.testing.assert_allclose(style.embedding, table.vectors[page.evaluate("state.chosen")], rtol=1e-3, atol=1e-4)
        page.close()
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.slow
def test_a_map_of_all_paintings(browser, tmp_path):
    """6,315 points, under 10 MB, search by artist; with random embeddings, which take no time."""
    entries = find_pictures(shared("data", "paintings.csv"))
    vectors = np.random.default_rng(0).normal(size=(len(entries), 100)).astype(np.float32)
    columns = {key: [entry.columns[key] for entry in entries] for key in ("artist", "movement")}
    table = Embeddings([e.path.stem for e in entries], vectors, [e.path for e in entries], "none", 256, columns)
    out = tmp_path / "map.html"
    assert write_map(table, layout(vectors, "pca"), out, color="movement") == []
    assert out.stat().st_size < 10_000_000
    page = browser.new_page(viewport={"width": 1400, "height": 900})
    errors = watch(page)
    page.goto(out.as_uri())
    page.wait_for_function("window.map && sheets.every(sheet => sheet.levels)")
    assert page.evaluate("map.drawn") == 6315
    page.fill("#search", "claude monet")
    assert page.inner_text("#found") == f"{sum('claude-monet' in name for name in table.names)} found"
    x, y = page.evaluate("map.screen([...state.hits][0])")
    page.mouse.move(x, y)
    page.wait_for_selector("#tip", state="visible")
    assert "claude-monet" in page.inner_text("#tip")
    assert errors == []
    page.close()
