"""How fast a folder of photos is stylized, and the networks' share of the time.

    python benchmarks/folder.py PHOTOS [--count 200] [--styles dance wheat-field-with-cypresses] [--runtime auto]

PHOTOS is a folder, of which the first pictures by name are taken. The rest of the time is work that did not run in
parallel with the networks: decoding, encoding, colors, Python.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Any

from pasticcio.image.listing import list_pictures
from pasticcio.render.batch import plan, run
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer


class Timed(Stylizer):
    """A Stylizer that adds up the time its graphs take."""

    seconds = 0.0

    def _run(self, graph: Path, **inputs: Any) -> Any:
        begun = time.perf_counter()
        try:
            return super()._run(graph, **inputs)
        finally:
            self.seconds += time.perf_counter() - begun


def main() -> None:
    """Print pictures per second and the networks' share."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--styles", nargs="+", default=["dance", "wheat-field-with-cypresses"])
    parser.add_argument("--runtime", default="auto")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder, "photos"), Path(folder, "out")
        source.mkdir()
        for path in list_pictures(arguments.photos)[: arguments.count]:
            (source / path.name).symlink_to(path.resolve())
        jobs = plan(source, [(name, 1.0) for name in arguments.styles], out, all_pairs=True)
        stylizer = Timed(runtime=arguments.runtime)
        for _ in run(stylizer, jobs[:4], Options()):
            pass  # load the graphs before the clock starts
        stylizer.seconds = 0.0
        begun = time.perf_counter()
        outcomes = list(run(stylizer, jobs, Options()))
        wall = time.perf_counter() - begun
        bad = sum(outcome.error is not None for outcome in outcomes)
        written = sum(path.stat().st_size for path in out.rglob("*.*"))
    print(
        f"{stylizer.choice.runtime}: {len(jobs)} pictures in {wall:.1f} s: {len(jobs) / wall:.2f} a second, {bad} bad; "
        f"the networks took {stylizer.seconds / wall:.1%}; {written / len(jobs) / 1e3:.0f} kB a picture"
    )


if __name__ == "__main__":
    main()
