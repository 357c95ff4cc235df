"""The quality benchmark: one table, on photos and styles that nothing was trained on.

    python benchmarks/quality.py --shared ../shared --thin 8 --out docs/benchmarks
    python benchmarks/quality.py --lists classic --thin 4 --sizes 384

There are two lists of pairs (`pairs.py`), and where their packages are installed two judges (`judges.py`).
Methods take turns on every pair, so that their times are taken under the same conditions. With
--results what was measured before is kept, and only methods or sizes that are not there are run.
"""

from __future__ import annotations

import argparse
import itertools
import json
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from curves import beside, decimals, plane
from judges import Judges
from measures import Measures, Seen, clipped, frame, spectrum, ssim
from methods import MAGENTA, Method, adain, magenta, microast, optimization, ours, untouched
from pairs import PHOTOS, STYLES, PairList, find, find_list, square

from pasticcio.image.crop import center_crop
from pasticcio.image.picture import to_pil
from pasticcio.image.read import open_image
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.pictures import Pictures

SIZES = (256, 384, 512)
STRENGTHS = (0.25, 0.5, 0.75)
PLANE_FILES = {"test": "plane.png", "classic": "plane-classic.png"}  # by list
OWN = 2  # every so many photos is given to every method as its own style
SHEET_PHOTOS, SHEET_STYLES = (0, 3, 10, 14, 17), (0, 7, 18, 21, 24, 31, 34, 39)
KINDS = {"paintings": 0.75, "textures": 0.25}  # shares of the styles, as in the list of the table
SPLITS = ("train", "test")
Results = dict[str, dict[str, Any]]
Observed = dict[str, dict[str, list[float]]]


def main() -> None:
    arguments = parse()
    results: Results = {}
    if arguments.results and arguments.results.exists():
        results = json.loads(arguments.results.read_text())
    shared: Path = arguments.shared
    if not (shared / "data/photos.csv").exists():
        sys.exit(f"the benchmark needs the shared data, which is not at {shared}; name its folder with --shared")
    measures = Measures(shared / "weights")
    for name in arguments.lists:
        those = find_list(shared, name)
        for size in arguments.sizes:
            methods = [m for m in all_methods(arguments) if key(name, size, m.name) not in results]
            if methods:
                results |= compare(methods, those, size, arguments.thin, measures)
            if arguments.optimize and key(name, size, "optimized") not in results and size == arguments.sizes[0]:
                results[key(name, size, "optimized")] = optimize(arguments, those, size, measures)
            if arguments.results:
                arguments.results.write_text(json.dumps(results))
    if arguments.observed and "observed" not in results:
        results["observed"] = observed(arguments, measures)
    if arguments.results:
        arguments.results.write_text(json.dumps(results))
    extra = results.get("observed")
    if extra:
        print(ratio_text(extra))
    print(table(results, arguments))
    if arguments.out:
        arguments.out.mkdir(parents=True, exist_ok=True)
        for name in arguments.lists:
            plane(
                [(f"{name} list, {size} pixels", of(results, name, size)) for size in arguments.sizes],
                arguments.out / PLANE_FILES[name],
            )
        if extra:
            distributions(extra, arguments.out / "styles.png")
        sheet(arguments, arguments.out / "sheet.jpg")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of the shared data")
    parser.add_argument("--lists", nargs="+", default=["test"], choices=PLANE_FILES, help="of pairs")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES)
    parser.add_argument("--thin", type=int, default=1, help="one in so many of a list's pairs")
    parser.add_argument("--models", nargs="+", default=["default", "fast"], help="names or folders of our models")
    parser.add_argument("--strengths", type=float, nargs="+", default=STRENGTHS, help="of our models, beside 1")
    parser.add_argument("--adapt", type=int, nargs="+", default=[0, 8], help="steps in which ours are fitted to photos")
    parser.add_argument("--optimize", type=int, default=0, help="pairs to optimize at the first size")
    parser.add_argument("--iterations", type=int, default=300)
    parser.add_argument("--style-weight", type=float, default=10.0, help="per layer, as in the recipe of `fast`")
    parser.add_argument("--observed", type=int, default=0, help="styles on either side of observed against unobserved")
    parser.add_argument("--only", nargs="+", default=[], help="methods whose name begins so")
    parser.add_argument("--results", type=Path, help="JSON file of what is measured already")
    parser.add_argument("--out", type=Path, help="folder of the figures")
    return parser.parse_args()


def all_methods(arguments: argparse.Namespace) -> list[Method]:
    """Every row of the table but the optimization; of peers only those asked for need to be there."""

    def asked(family: str) -> bool:
        return not arguments.only or any(word.startswith(family) or family.startswith(word) for word in arguments.only)

    peers = arguments.shared / "peers"
    methods = [untouched()]
    methods += [magenta(peers, kind) for kind in MAGENTA if asked("Magenta")]
    methods += [adain(arguments.shared, alpha) for alpha in (0.75, 1.0) if asked("AdaIN")]
    methods += [microast(arguments.shared)] if asked("MicroAST") else []
    for model in arguments.models:
        stylizer = Stylizer(model)
        methods += [ours(stylizer, s, steps) for steps in arguments.adapt for s in (*arguments.strengths, 1.0)]
    return [m for m in methods if not arguments.only or any(m.name.startswith(word) for word in arguments.only)]


def key(those: str, size: int, name: str) -> str:
    """Of a row of the results."""
    return f"{those} {size} {name}"


def of(results: Results, those: str, size: int) -> Results:
    """The rows of one list at one size, by method."""
    start = key(those, size, "")
    return {k.removeprefix(start): r for k, r in results.items() if k.startswith(start)}


def load(those: PairList, size: int, measures: Measures) -> tuple[list[Seen], list[Seen]]:
    """Photos and styles at one size with what the loss networks say of them."""
    photos = [measures.photo(square(path, size)) for path in those.photos]
    return photos, [measures.style(square(path, size)) for path in those.styles]


def compare(methods: list[Method], those: PairList, size: int, thin: int, measures: Measures) -> Results:
    """Run every method on every pair, in turn."""
    photos, styles = load(those, size, measures)
    judges = Judges([photo.image for photo in photos], [style.image for style in styles])
    which = those.pairs(thin)
    found: dict[str, dict[str, list[float]]] = {m.name: defaultdict(list) for m in methods}
    own: dict[str, list[list[float]]] = {m.name: [] for m in methods}
    for number, (p, s) in enumerate(which):
        photo, style = photos[p], styles[s]
        for method in methods:
            wanted = method.prepare(style.image)
            begun = time.perf_counter()
            output = method.render(photo.image, wanted)
            taken = time.perf_counter() - begun
            figures = measures(output, photo, style) | spectrum(output)
            figures |= judges(output, p, s)
            figures |= {"ms": 1000 * taken, "frame": frame(output), "clipped": clipped(output)}
            for name, value in figures.items():
                found[method.name][name].append(value)
        progress(f"{those.name}, {size} pixels: pair {number + 1} of {len(which)}")
    for photo in photos[::OWN]:
        for method in methods:
            output = method.render(photo.image, method.prepare(photo.image))
            own[method.name].append([float(np.abs(output - photo.image).mean()), ssim(output, photo.image)])
    reference: dict[str, list[float]] = defaultdict(list)
    for style in styles:
        for name, value in (spectrum(style.image) | {"clipped": clipped(style.image)}).items():
            reference[name].append(value)
    print(file=sys.stderr)
    rows = {
        key(those.name, size, m.name): {
            **found[m.name],
            "own": own[m.name],
            "megabytes": m.megabytes,
            "pairs": len(which),
        }
        for m in methods
    }
    return rows | {key(those.name, size, "styles"): dict(reference)}


def optimize(arguments: argparse.Namespace, those: PairList, size: int, measures: Measures) -> dict[str, Any]:
    """What the loss can reach on some pairs, spread over the list."""
    method = optimization(arguments.shared, arguments.iterations, arguments.style_weight)
    every = those.pairs(8)
    found: dict[str, Any] = defaultdict(list)
    numbers = np.linspace(0, len(every) - 1, arguments.optimize).round().astype(int)
    for done, (p, s) in enumerate(every[i] for i in numbers):
        photo = measures.photo(square(those.photos[p], size))
        style = measures.style(square(those.styles[s], size))
        begun = time.perf_counter()
        output = method.render(photo.image, method.prepare(style.image))
        found["ms"].append(1000 * (time.perf_counter() - begun))
        for name, value in measures(output, photo, style).items():
            found[name].append(value)
        beside = ours(Stylizer(arguments.models[0]))
        figures = measures(beside.render(photo.image, beside.prepare(style.image)), photo, style)
        for name in ("content4", "style"):
            found[f"beside_{name}"].append(figures[name])
        progress(f"optimization: pair {done + 1} of {arguments.optimize}")
    return {**found, "name": method.name, "pairs": arguments.optimize, "megabytes": method.megabytes}


def observed(arguments: argparse.Namespace, measures: Measures, size: int = 256) -> Observed:
    """Style losses on styles trained on and on others, by method and kind of style, over the same photos.

    Of either there are as many paintings and as many textures, evenly spread. AdaIN, which was trained on neither list
    as such, tells how hard the lists themselves are.
    """
    methods = [ours(Stylizer(arguments.models[0])), adain(arguments.shared)]
    photos = [measures.photo(square(find(arguments.shared, name), size)) for name in PHOTOS]
    found: Observed = {m.name: defaultdict(list) for m in methods}
    for kind, share in KINDS.items():
        for split in SPLITS:
            styles = Pictures([str(arguments.shared / "data" / f"{kind}.csv")], split)
            count = round(share * arguments.observed)
            for turn, number in enumerate(np.linspace(0, len(styles) - 1, count).round().astype(int)):
                style = measures.style(open_image(center_crop(styles.load(int(number)), size, size)))
                photo = photos[turn % len(photos)]
                for method in methods:
                    output = method.render(photo.image, method.prepare(style.image))
                    found[method.name][f"{split} {kind}"].append(measures(output, photo, style)["style"])
                progress(f"{split} {kind}: {turn + 1} of {count}")
    return found


def ratio_text(found: Observed) -> str:
    """Medians of unobserved over medians of observed styles, with the middle 95% of 2,000 bootstrap draws."""
    rng = np.random.default_rng(0)
    lines = ["", "| style loss, median | styles | observed | unobserved | ratio | 95% |", "|---" * 6 + "|"]
    for method, groups in found.items():
        for kinds in (tuple(KINDS), *((kind,) for kind in KINDS)):
            train, test = (np.concatenate([groups[f"{split} {kind}"] for kind in kinds]) for split in SPLITS)
            draws = [
                np.median(rng.choice(test, len(test))) / np.median(rng.choice(train, len(train))) for _ in range(2000)
            ]
            low, high = np.percentile(draws, (2.5, 97.5))
            a, b = np.median(train), np.median(test)
            lines.append(
                f"| {method}: {' and '.join(kinds)} | {len(train)} and {len(test)} | {a:.3f} | {b:.3f} | {b / a:.2f} "
                f"| {low:.2f} to {high:.2f} |"
            )
    return "\n".join(lines) + "\n"


def table(results: Results, arguments: argparse.Namespace) -> str:
    """Markdown."""
    lines = []
    for those, size in itertools.product(arguments.lists, arguments.sizes):
        rows = of(results, those, size)
        reference = rows.pop("styles", None)
        best = rows.pop("optimized", None)
        count = max(row["pairs"] for row in rows.values())
        lines += [
            "",
            f"### {those} list, {size} pixels, {count} pairs",
            "",
            *head(),
            *(line(n, r) for n, r in rows.items()),
        ]
        if best:
            lines.append(line(f"{best['name']} ({best['pairs']} of the pairs)", best))
            found = " / ".join(f"{np.mean(best[f'beside_{name}']):.3f}" for name in ("content4", "style"))
            lines += ["", f"On those pairs {arguments.models[0]} has content relu4_1 and style (mean) {found}."]
        lines += ["", *beside(rows)]
        if reference:
            lines += ["", *artifacts(rows, reference)]
    return "\n".join(lines)


def head() -> list[str]:
    names = (
        "method", "content relu4_1", "relu3_3", "style mean", "median", "SqueezeNet content", "style mean", "median",
        "photo found", "style found: EfficientNet, AlexNet", "SSIM", "variation", "own style: difference", "SSIM",
        "ms", "MB",
    )  # fmt: skip
    return ["| " + " | ".join(names) + " |", "|---" * len(names) + "|"]


def line(name: str, row: dict[str, Any]) -> str:
    mean = {k: float(np.mean(v)) for k, v in row.items() if isinstance(v, list) and k != "own"}
    own = np.mean(row["own"], axis=0) if row.get("own") else None
    cells = [
        name, f"{mean['content4']:.3f}", f"{mean['content3']:.3f}", f"{mean['style']:.3f}",
        f"{statistics.median(row['style']):.3f}", f"{mean['squeeze_content']:.3f}", f"{mean['squeeze_style']:.3f}",
        f"{statistics.median(row['squeeze_style']):.3f}", share(mean, "photo found"),
        ", ".join(share(mean, f"style found, {judge}") for judge in ("efficientnet", "alexnet")), f"{mean['ssim']:.3f}",
        f"{statistics.median(row['variation']):.2f}", "" if own is None else f"{own[0]:.4f}",
        "" if own is None else f"{own[1]:.3f}", f"{statistics.median(row['ms']):.0f}", f"{row['megabytes']:.1f}",
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |"


def share(mean: dict[str, float], name: str) -> str:
    return f"{mean[name]:.0%}" if name in mean else "-"


def artifacts(rows: dict[str, Any], reference: dict[str, list[float]]) -> list[str]:
    """Patterns on the pixel grid, borders and clipped pixels of every method, beside the styles' own."""
    names = ("quarter", "half", "quarter_peak", "half_peak")
    lines = [
        "| artifacts | power at 1/4, of the styles' | at 1/2 | peak at 1/4 | at 1/2 | frame to inside | clipped |",
        "|---|---|---|---|---|---|---|",
        "| styles | 1 | 1 | "
        + " | ".join(f"{np.mean(reference[n]):.2f}" for n in names[2:])
        + f" | | {np.mean(reference['clipped']):.3f} |",
    ]
    for name, row in rows.items():
        power = [f"{np.mean(row[n]) / np.mean(reference[n]):.2f}" for n in names[:2]]
        peaks = [f"{np.mean(row[n]):.2f}" for n in names[2:]]
        rest = [f"{np.mean(row['frame']):.3f}", f"{np.mean(row['clipped']):.3f}"]
        lines.append("| " + " | ".join([name, *power, *peaks, *rest]) + " |")
    return lines


def distributions(found: Observed, path: Path) -> None:
    """Style loss of observed and unobserved styles, as cumulative shares."""
    figure, axis = plt.subplots(figsize=(6, 4))
    for color, (method, groups) in enumerate(found.items()):
        for split, label, line in zip(SPLITS, ("observed", "unobserved"), ("-", "--"), strict=True):
            values = np.sort(np.concatenate([groups[f"{split} {kind}"] for kind in KINDS]))
            shares = np.arange(1, len(values) + 1) / len(values)
            axis.plot(values, shares, line, color=f"C{color}", label=f"{method}, {label} ({len(values)} styles)")
    axis.set(xlabel="style loss", ylabel="share of styles below", xscale="log")
    decimals(axis.xaxis)
    axis.grid(alpha=0.3)
    axis.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=90)
    plt.close(figure)


def sheet(arguments: argparse.Namespace, path: Path, size: int = 256) -> None:
    """Outputs of our first model, fitted to the photos: photos down, styles across. The inputs are not ours to show."""
    method = ours(Stylizer(arguments.models[0]), adapt=max(arguments.adapt))
    rows = []
    for p in SHEET_PHOTOS:
        photo = square(find(arguments.shared, PHOTOS[p]), size)
        styles = [square(find(arguments.shared, STYLES[s]), size) for s in SHEET_STYLES]
        rows.append(np.concatenate([method.render(photo, method.prepare(style)) for style in styles], axis=1))
    to_pil(np.concatenate(rows, axis=0)).save(path, quality=88)


def progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text}   ", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
