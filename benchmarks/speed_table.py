"""The results of the speed benchmark as Markdown tables."""

from __future__ import annotations

import contextlib
import platform
import statistics
from collections import defaultdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from contenders import PEAK

PACKAGES = ("numpy", "onnxruntime", "openvino", "torch", "ai-edge-litert")
Row = dict[str, Any]
Cell = dict[str, Row]


def summary(turns: list[list[float]]) -> Row:
    """Median and quartiles of the figures of all turns: seconds, or rates (`PEAK`)."""
    figures = [figure for turn in turns for figure in turn]
    low, middle, high = statistics.quantiles(figures, n=4, method="inclusive") if len(figures) > 1 else figures * 3
    return {"median": middle, "quartiles": [low, high], "most": max(figures), "turns": turns, "runs": len(figures)}


def times_as_fast(row: Row, other: Row) -> float:
    """How many times as fast a method is as another: the median over rounds of the ratio of their median times.

    The ratio is taken within rounds because other work on the machine slows down both methods in the same round.
    """
    pairs = [pair for pair in zip(row["turns"], other["turns"], strict=True) if all(pair)]
    return statistics.median(statistics.median(theirs) / statistics.median(own) for own, theirs in pairs)


def table(key: str, cell: Cell) -> str:
    """The table of one size and batch, in Markdown."""
    peaks: dict[str, tuple[float, str]] = {}
    timed = {name: row for name, row in cell.items() if "median" in row}
    for name, row in timed.items():
        if row["task"] == PEAK:
            peaks[row["precision"]] = max(peaks.get(row["precision"], (0.0, "")), (row["most"], name))
    rows = {name: row for name, row in timed.items() if row["task"] != PEAK}
    peer = min((n for n, row in rows.items() if row["peer"]), key=lambda n: rows[n]["median"], default="")
    batch = int(key.rpartition("batch of ")[2]) if "batch of" in key else 1
    names = ("method", "ms", "a second", "times the fastest peer", "peak MB", "G multiply-adds", "share of peak")
    lines = ["", f"### {key}", "", "| " + " | ".join(names) + " |", "|---" + "|---:" * (len(names) - 1) + "|"]
    for name, row in rows.items():
        seconds, count = row["median"], row.get("count")
        peak = peaks.get(row["precision"])
        cells = [
            name,
            f"{1000 * seconds:.{0 if seconds >= 0.1 else 1}f}" + (f" ({row['runs']} runs)" if row["runs"] < 15 else ""),
            f"{batch / seconds:.{1 if batch / seconds < 100 else 0}f}",
            f"{times_as_fast(row, rows[peer]):.2f}" if peer else "",
            "" if row["memory"] is None else f"{row['memory']:.0f}",
            f"{count / 1e9:.2f}" if count else "",
            f"{count / seconds / peak[0]:.0%}" if count and peak else "",
        ]
        lines.append("| " + " | ".join(cells) + " |")
    if peaks:
        text = "; ".join(
            f"{rate / 1e9:.0f} G multiply-adds/s (median {timed[name]['median'] / 1e9:.0f}), {name}"
            for rate, name in peaks.values()
        )
        lines += ["", f"Peak (best matrix product): {text}."]
    idle = max((row["idle"] for row in timed.values()), default=0.0)
    lines.append(f"Between their turns, processes took at most {idle:.2f} s of processor time.")
    left_out: dict[str, list[str]] = defaultdict(list)
    for name, row in cell.items():
        if "left_out" in row:
            left_out[row["left_out"]].append(name)
    lines += [f"Not timed ({reason}): {'; '.join(names)}." for reason, names in left_out.items()]
    return "\n".join(lines)


def machine(threads: int) -> str:
    """Processor, threads and versions of the packages, in a line."""
    name = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        flags = next(line for line in lines if line.startswith("flags")).split()
        name = next(line for line in lines if line.startswith("model name")).partition(": ")[2]
        widest = [flag for flag in ("avx2", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16") if flag in flags]
        name += f" ({', '.join(widest)})"
    found = []
    for package in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found.append(f"{package} {version(package)}")
    return f"{name}, {threads} threads; {', '.join(found)}"
