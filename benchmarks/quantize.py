"""How much the losses change with the 8-bit graph.

    python benchmarks/quantize.py --shared ../shared
    python benchmarks/quantize.py --model runs/mine/model --thin 8 --size 512

The pairs and losses are those of `quality.py`. 8-bit pictures are rendered by the float32 graph under onnxruntime, and
by `pixels-int8.onnx` (see `pasticcio quantize`) under each installed runtime. `speed.py` measures the time.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from measures import Measures
from pairs import PHOTOS, STYLES, find, pairs, square

from pasticcio.image.picture import as_depth, as_float
from pasticcio.model.names import INT8, ONNXRUNTIME
from pasticcio.model.package import is_installed
from pasticcio.render.stylizer import Stylizer

FIGURES = "content4", "style", "squeeze_content", "squeeze_style", "ssim"
DIFFERENCE = "difference"
Figures = dict[str, list[float]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="default")
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--thin", type=int, default=20, help="take one pair in THIN of the 800")
    arguments = parser.parse_args()
    if not (arguments.shared / "data/photos.csv").exists():
        sys.exit(f"this needs the shared data, which is not at {arguments.shared}; name its folder with --shared")
    runtimes = ONNXRUNTIME, *filter(is_installed, INT8)
    print(table(losses(arguments.model, runtimes, arguments.shared, arguments.size, arguments.thin)))


def losses(model: str, runtimes: Sequence[str], shared: Path, size: int, thin: int) -> dict[str, Figures]:
    """Losses of each runtime on each pair, and the mean difference from the output of the first, on [0, 1]."""
    measures = Measures(shared / "weights")
    which = pairs(thin)
    photos = {p: measures.photo(square(find(shared, PHOTOS[p]), size)) for p in {p for p, _ in which}}
    styles = {s: measures.style(square(find(shared, STYLES[s]), size)) for s in {s for _, s in which}}
    found: dict[str, Figures] = {}
    first: dict[tuple[int, int], np.ndarray] = {}
    for runtime in runtimes:
        stylizer = Stylizer(model, runtime=runtime)
        row = found[runtime] = defaultdict(list)
        for p, s in which:
            content = as_depth(photos[p].image, np.uint8)
            output = as_float(stylizer.render(content, stylizer.embed(styles[s].image).embedding))
            for figure, value in measures(output, photos[p], styles[s]).items():
                row[figure].append(value)
            row[DIFFERENCE].append(float(np.abs(output - first.setdefault((p, s), output)).mean()))
        print(f"{runtime} is measured", file=sys.stderr, flush=True)
    return found


def table(found: dict[str, Figures]) -> str:
    """A Markdown table of means, with their change from the first row."""
    lines = [f"| runtime | {' | '.join(FIGURES)} | mean {DIFFERENCE} |", "|---" + "|---:" * (len(FIGURES) + 1) + "|"]
    first = next(iter(found.values()))
    for runtime, row in found.items():
        cells = []
        for name in FIGURES:
            value = np.mean(row[name])
            cells.append(f"{value:.3f}" + ("" if row is first else f" ({value / np.mean(first[name]) - 1:+.2%})"))
        lines.append(f"| {runtime} | {' | '.join(cells)} | {np.mean(row[DIFFERENCE]):.4f} |")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
