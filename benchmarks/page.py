"""The static page: its bytes, the time to the first picture, and milliseconds beside the library's, in one run.

    python benchmarks/page.py            # two minutes
    python benchmarks/page.py --runs 2   # a short form

Needs playwright, Chromium, and the network for the first run.
"""

from __future__ import annotations

import argparse
import functools
import gzip
import http.server
import shutil
import tempfile
import threading
import time
from pathlib import Path
from statistics import median

import numpy as np
from playwright.sync_api import sync_playwright
from skimage import data

from pasticcio.image.resize import resized
from pasticcio.model.folder import Model
from pasticcio.page.build import build_page
from pasticcio.render.stylizer import Stylizer

SIDES = (256, 512)
RENDER = """async ({side, runs}) => {
  const {run, embed} = await import("./browser.js"), embedding = Float32Array.from(await embed({name: "dance"}));
  const times = [];
  for (let i = 0; i <= runs; i++) {
    const content = Uint8Array.from({length: 3 * side * side}, (_, k) => (k * 7919) % 251), begun = performance.now();
    const inputs = {content: {data: content, dims: [1, side, side, 3]}, embedding: {data: embedding, dims: [1, 100]}};
    await run("pixels", inputs);
    times.push(performance.now() - begun);
  }
  return times.slice(1);
}"""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Serves a folder and logs nothing."""

    def log_message(self, *arguments: object) -> None:
        """Say nothing."""


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "page"
        files = build_page(out, Model.open("fast"))
        first = [name for name in files if not any(part in name for part in ("int8", "asyncify", "webgpu", "Notices"))]
        packed = sum(len(gzip.compress((out / name).read_bytes(), 6)) for name in first)
        total = sum(files[name] for name in first)
        print(f"files that a browser without a GPU loads: {total:,} bytes, {packed:,} with gzip")
        handler = functools.partial(Quiet, directory=folder + "/page")
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/"
        system = next((found for name in ("chromium", "google-chrome") if (found := shutil.which(name))), None)
        photo = resized(data.astronaut(), (256, 256))
        from PIL import Image

        Image.fromarray(photo).save(Path(folder) / "photo.png")
        with sync_playwright() as api:
            browser = api.chromium.launch(executable_path=system, args=["--no-sandbox"])
            for isolated in (False, True):
                context = browser.new_context(service_workers="allow" if isolated else "block")
                page = context.new_page()
                begun = time.perf_counter()
                page.goto(address)
                page.wait_for_selector("html[data-provider]", timeout=120_000)
                page.set_input_files("#photo-file", Path(folder) / "photo.png")
                page.click("[data-style=dance]")
                page.wait_for_selector("#history li", timeout=120_000)
                print(f"{page.inner_text('#about')} First picture after {time.perf_counter() - begun:.2f} s")
                for side in SIDES:
                    print(f"  {side}: {median(page.evaluate(RENDER, {'side': side, 'runs': runs})):.0f} ms")
                context.close()
            browser.close()
        server.shutdown()
    for threads in (1, 2):
        stylizer = Stylizer("fast", threads=threads, runtime="onnxruntime")
        row = stylizer.embed("dance").embedding
        for side in SIDES:
            content = np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)
            times = []
            for _ in range(runs + 1):
                begun = time.perf_counter()
                stylizer.render(content, row)
                times.append(time.perf_counter() - begun)
            print(f"library, {threads} thread(s), {side}: {1e3 * median(times[1:]):.0f} ms")


if __name__ == "__main__":
    main()
