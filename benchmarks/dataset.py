"""How many pictures a second become a data set, and how much memory that takes.

    python benchmarks/dataset.py [--count 120] [--size 256] [--skip ray]
    python benchmarks/dataset.py --flat 20000

The first command, about 4 minutes, times the library's own loop (one Stylizer with a thread for each core, pictures
read and written in between) and `pasticcio.dataset` with each engine and 1 and 2 workers, on the same pictures in one
run. Each is run twice, the first time with a tenth of the pictures: the rate is that of the others, so that it has no
start in it. The cost of a million is extrapolated from the rate.

The second makes a data set of so many small pictures, and prints the memory of the process that writes and of those
that render, as the run goes on.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image
from skimage import data

from pasticcio import Options, Stylizer, save_image
from pasticcio.dataset.choice import Chooser, Palette
from pasticcio.dataset.local import cores
from pasticcio.dataset.run import Engine, Engines, Recipe, Run
from pasticcio.dataset.source import items
from pasticcio.dataset.work import Look, prepared
from pasticcio.image.read import read_picture
from pasticcio.model.folder import Model
from pasticcio.style.style import Style

PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")
STRENGTH = (0.5, 1.0)
MILLION = 1_000_000


def make_pictures(folder: Path, count: int, side: int) -> None:
    """Crops of scikit-image's photos, as JPEG, 500 in a class."""
    photos = [getattr(data, name)() for name in PHOTOS]
    rng = np.random.default_rng(0)
    for number in range(count):
        photo = photos[number % len(photos)]
        top, left = (int(rng.integers(0, extent - side + 1)) for extent in photo.shape[:2])
        path = folder / f"{number // 500:04d}" / f"{number:07d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(photo[top : top + side, left : left + side]).save(path, quality=90)


def loop(source: Path, out: Path, palette: Palette, look: Look) -> Iterator[object]:
    """The library's loop: one Stylizer, one picture after another."""
    stylizer, chooser = Stylizer(runtime="onnxruntime"), Chooser(palette, 0, 1, STRENGTH)
    out.mkdir()
    for number, item in enumerate(items(source)):
        (choice,) = chooser.choose(item.key)
        style = Style(choice.embedding, stylizer.model.fingerprint)
        picture = prepared(read_picture(item.picture.path), look)
        save_image(stylizer.stylize(picture, style, Options(strength=choice.strength)), out / f"{number}.jpg")
        yield


def seconds(results: Iterator[object]) -> float:
    """How long it takes until the last result."""
    begun = time.perf_counter()
    for _ in results:
        pass
    return time.perf_counter() - begun


def compare(count: int, size: int, engines: list[Engine], workers: list[int]) -> str:
    """A Markdown table of rates."""
    palette, look = Palette.open("random", Model.open()), Look(size=size)
    recipe = Recipe(strength=STRENGTH, look=look, kind="shards", shard_size=max(1, count // 4))
    lines = [
        "| | pictures/s | start, s | a million pictures, days (extrapolated) | core hours (extrapolated) |",
        "|---|---:|---:|---:|---:|",
    ]
    few = max(1, count // 10)
    with tempfile.TemporaryDirectory() as folder:
        for name, number in (("few", few), ("all", count)):
            make_pictures(Path(folder, name), number, min(256, size + size // 4))
        rows: list[tuple[str, int, Callable[[Path, Path], Iterator[object]]]] = [
            (f"loop, {cores()} threads", cores(), lambda source, out: loop(source, out, palette, look))
        ]
        for engine in engines:
            for number in workers:

                def run(source: Path, out: Path, engine: Engine = engine, number: int = number) -> Iterator[object]:
                    return Run(source, out, palette, recipe, engines=Engines(engine, number)).rows()

                rows.append((f"{engine}, {number}", number, run))
        for place, (name, used, begin) in enumerate(rows):
            short, long = (
                seconds(begin(Path(folder, source), Path(folder, f"out-{place}-{source}"))) for source in ("few", "all")
            )
            speed = (count - few) / max(long - short, 1e-9)
            start = short - few / speed
            days, hours = MILLION / speed / 86400, MILLION / speed / 3600 * used
            lines.append(f"| {name} | {speed:.2f} | {start:.1f} | {days:.1f} | {hours:,.0f} |")
            print(lines[-1], flush=True)
    return "\n".join(lines)


def memory(process: int | str = "self") -> float:
    """Resident memory of a process in MB; NaN where /proc does not say."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return float("nan")
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmRSS")), float("nan"))


def flat(count: int, workers: int, marks: int = 10) -> list[tuple[int, float, float]]:
    """Make a data set of small pictures.

    Returns:
        Pictures done, MB of this process, and MB of the largest process that renders, at so many marks.
    """
    import multiprocessing

    found = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "in")
        make_pictures(source, count, 40)
        recipe = Recipe(look=Look(size=32), kind="shards", shard_size=max(1, min(1000, count // marks)))
        run = Run(
            source, Path(folder, "out"), Palette.open("random", Model.open()), recipe,
            engines=Engines("processes", workers),
        )  # fmt: skip
        for done, _ in enumerate(run.rows(), start=1):
            if done % max(1, count // marks) == 0:
                renders = max((memory(child.pid or 0) for child in multiprocessing.active_children()), default=0.0)
                found.append((done, memory(), renders))
                print(f"{done:8d} pictures: {found[-1][1]:.0f} MB, a worker {renders:.0f} MB", flush=True)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=120)
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--skip", nargs="*", default=[], choices=["processes", "threads", "ray"])
    parser.add_argument("--flat", type=int, help="measure memory over so many pictures, and nothing else")
    arguments = parser.parse_args()
    if arguments.flat:
        flat(arguments.flat, max(arguments.workers))
        return
    engines: list[Engine] = ["processes", "threads", "ray"]
    engines = [engine for engine in engines if engine not in arguments.skip]
    if "ray" in engines and importlib.util.find_spec("ray") is None:
        print("Ray is not installed, and left out: pip install 'pasticcio[ray]'")
        engines.remove("ray")
    print("\n" + compare(arguments.count, arguments.size, engines, arguments.workers))


if __name__ == "__main__":
    main()
