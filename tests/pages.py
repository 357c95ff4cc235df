"""Web servers that know nothing of the page that they serve, and pages whose requests and errors are watched."""

from __future__ import annotations

import base64
import contextlib
import http.server
import io
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

STYLIZE = """async ({photo, styles, mask, options, size}) => {
  const {stylize} = await import("./browser.js");
  window.files ??= {};
  const file = text => text && (files[text] ??= new Blob([Uint8Array.from(atob(text), c => c.charCodeAt(0))]));
  const given = styles.map(style => ({...style, blob: file(style.blob), mask: file(style.mask)}));
  const all = {strength: 1, stroke: 1, texture: 1, colors: "style", ...options};
  const blob = await stylize({photo: file(photo), styles: given, mask: file(mask), options: all, size});
  const bytes = new Uint8Array(await blob.arrayBuffer());
  return btoa(Array.from(bytes, byte => String.fromCharCode(byte)).join(""));
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@contextlib.contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address at which a folder is served by Python's own web server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Watched:
    """A page with what it asked for and what went wrong in it."""

    def __init__(self, context, address: str) -> None:
        self.context, self.address = context, address
        self.requests: list[str] = []
        self.errors: list[str] = []
        context.on("request", lambda request: self.requests.append(request.url))
        self.page = context.new_page()
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda message: self.errors.append(message.text) if message.type == "error" else None)

    def open(self, fragment: str = ""):
        self.page.goto(self.address + fragment)
        self.page.wait_for_selector("html[data-provider]", timeout=60_000)
        return self.page

    def check(self) -> None:
        """No error, and no request to anybody but the server of the page."""
        assert self.errors == [], self.errors  # pytest shows the values of test modules alone
        assert self.requests
        assert [url for url in self.requests if not url.startswith((self.address, "blob:", "data:"))] == []


@contextlib.contextmanager
def watched(browser, address: str, **settings):
    """A new page at an address; its requests and errors are checked at the end."""
    context = browser.new_context(**{"viewport": {"width": 1200, "height": 800}, **settings})
    try:
        one = Watched(context, address)
        yield one
        one.check()
    finally:
        context.close()


def encoded(pixels):
    """A picture as the text that goes into a page; None stays None."""
    if pixels is None:
        return None
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def rendered(page, photo, styles, mask=None, options=None, size=None) -> np.ndarray:
    """What the page makes of a photo. Styles have a `name` or a `blob`, and perhaps a `weight` and a `mask`."""
    given = [{**one, **{name: encoded(one.get(name)) for name in ("blob", "mask")}} for one in styles]
    asked = {"photo": encoded(photo), "styles": given, "mask": encoded(mask), "options": options or {}, "size": size}
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(page.evaluate(STYLIZE, asked)))))
