"""Time of large photos with strokes that grow with them, beside one pass: `python benchmarks/levels.py`."""

from __future__ import annotations

import statistics
import time

import numpy as np
from PIL import Image
from skimage import data

from pasticcio import Options, Stylizer
from pasticcio.model.names import ONNXRUNTIME

SIDES = 800, 1280, 2000, 3464
ROUNDS = 5
WAYS = Options(stroke=1.0), Options()


def main() -> None:
    stylizer = Stylizer(runtime=ONNXRUNTIME)
    style = stylizer.embed("dance")
    print("| megapixels | one pass, s | with levels, s | ratio |\n|---|---|---|---|")
    for side in SIDES:
        photo = np.asarray(Image.fromarray(data.astronaut()).resize((side, side), Image.Resampling.LANCZOS))
        rounds = []
        for _ in range(1 + ROUNDS):
            seconds = []
            for options in WAYS:
                begun = time.perf_counter()
                stylizer.stylize(photo, style, options)
                seconds.append(time.perf_counter() - begun)
            rounds.append(seconds)
        one, many = (statistics.median(seconds[way] for seconds in rounds[1:]) for way in (0, 1))
        ratio = statistics.median(many / one for one, many in rounds[1:])
        print(f"| {side**2 / 1e6:.1f} | {one:.2f} | {many:.2f} | {ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
