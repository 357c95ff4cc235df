"""The speed benchmark: our networks and other people's, timed in turns in one run.

    python benchmarks/speed.py --shared ../shared --results runs/speed.json
    python benchmarks/speed.py --sizes 512 --batches 1 --methods Magenta Pasticcio
    python benchmarks/speed.py --profile

Every method runs in a process of its own with --threads threads; between its turns that process is stopped, so that
nothing of it spins. A turn is one untimed run (where a run is short) and some timed ones; five rounds of turns make
--repeats runs. Fewer are made where they would take more than --seconds, and by methods that are over three times
slower than the fastest peer. A run that would take longer than --limit, judging by a smaller picture, is left out, and
so are batches of more than 4.2 megapixels. Every size and batch is measured at one go, with fresh processes, and kept
in --results when it is done: what is there already is not measured again.

What is timed: from a picture in memory, in the layout and type that the network takes, to the output in memory. The
style is embedded beforehand. On a GPU (--device cuda) see `gpu.py`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from contenders import PEAK, PREDICT, RENDER, Contender, Job, Run, check, contenders

SIZES = ("256", "384", "512", "1024", "1920x1080", "2048")
BATCHES = (1, 8)
ROUNDS = 5
LEAST = 5  # timed runs of the slowest
FAR = 3.0  # times the fastest peer's time: a method that takes longer is timed less often
MOST = 2048 * 2048  # pixels in a batch of several
SHORT = 0.2  # seconds: a run that is shorter is done once untimed at the beginning of a turn
STYLE_SIDE = 256
PACKAGES = ("numpy", "onnxruntime", "openvino", "torch", "ai-edge-litert")
Row = dict[str, Any]
Cell = dict[str, Row]


def main() -> None:
    arguments = parse()
    if arguments.worker:
        work(arguments)
        return
    if arguments.profile:
        print(profile(arguments))
        return
    if arguments.device == "cuda":
        from gpu import compare

        print(compare(arguments.shared, arguments.models[0], [pixels(size) for size in arguments.sizes]))
        return
    results: dict[str, Any] = {"machine": machine(arguments.threads), "cells": {}}
    if arguments.results and arguments.results.exists():
        results["cells"] = json.loads(arguments.results.read_text())["cells"]
    everyone = contenders(arguments.shared, arguments.models, arguments.cache)
    for task, job in jobs(arguments):
        key = title(task, job)
        if key in results["cells"]:
            continue
        chosen = [c for c in everyone if c.task in (task, PEAK) and fits(c, job) and wanted(c, arguments.methods)]
        if all(c.task == PEAK for c in chosen):
            continue
        results["cells"][key] = measure(chosen, job, results["cells"], arguments)
        if arguments.results:
            arguments.results.parent.mkdir(parents=True, exist_ok=True)
            arguments.results.write_text(json.dumps(results))
    print(results["machine"])
    for key, cell in results["cells"].items():
        print(table(key, cell))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"), help="folder of the shared data")
    parser.add_argument("--models", nargs="+", default=["default"], help="names or folders of our models")
    parser.add_argument("--sizes", nargs="+", default=SIZES, help="sides of squares, or WIDTHxHEIGHT")
    parser.add_argument("--batches", nargs="+", type=int, default=BATCHES)
    parser.add_argument("--methods", nargs="+", default=[], help="only those with one of these words in their names")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--repeats", type=int, default=15, help="timed runs of each method")
    parser.add_argument("--seconds", type=float, default=15.0, help="for the timed runs of one method at one size")
    parser.add_argument("--limit", type=float, default=6.0, help="seconds; no run longer than that is begun")
    parser.add_argument("--cache", type=Path, default=Path("runs/speed"), help="folder for exported peers")
    parser.add_argument("--results", type=Path, help="JSON file of what is measured already")
    parser.add_argument("--profile", action="store_true", help="time by operator of our graph at the first size")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    return parser.parse_args()


def jobs(arguments: argparse.Namespace) -> Iterator[tuple[str, Job]]:
    """What is measured, small before large."""
    yield PREDICT, Job(STYLE_SIDE, STYLE_SIDE, 1, arguments.threads)
    sizes = [(*pixels(size), batch) for batch in arguments.batches for size in arguments.sizes]
    for height, width, batch in sorted(sizes, key=lambda size: (size[2], size[0] * size[1])):
        if batch == 1 or height * width * batch <= MOST:
            yield RENDER, Job(height, width, batch, arguments.threads)


def pixels(size: str) -> tuple[int, int]:
    """Height and width of "512" or "1920x1080"."""
    width, _, height = size.partition("x")
    return int(height or width), int(width)


def title(task: str, job: Job) -> str:
    what = "embedding a style" if task == PREDICT else f"batch of {job.batch}"
    return f"{job.width}x{job.height}, {what}"


def fits(contender: Contender, job: Job) -> bool:
    return contender.fixed in (0, job.width if job.width == job.height else -1)


def wanted(contender: Contender, words: list[str]) -> bool:
    return contender.task == PEAK or not words or any(word.lower() in contender.name.lower() for word in words)


class Worker:
    """A contender's process: stopped, but for its turns.

    Raises:
        RuntimeError: it failed; the message is the last line that it said.
    """

    def __init__(self, contender: Contender, job: Job, arguments: argparse.Namespace) -> None:
        self.contender = contender
        self.warm = 0.0  # seconds of a run
        self.idle = 0.0  # processor seconds that it took between its turns
        self.stopped_at: float | None = None
        self.complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `end`)
        what = json.dumps({"name": contender.name, "job": asdict(job)})
        threads = {f"{library}_NUM_THREADS": str(job.threads) for library in ("OMP", "OPENBLAS", "MKL")}
        kept = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
        self.process = subprocess.Popen(
            [
                sys.executable, __file__, "--worker", what, "--shared", str(arguments.shared),
                "--cache", str(arguments.cache), "--models", *arguments.models,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints, text=True, env=kept | threads,
            start_new_session=True,  # or the kernel hangs up on our whole group when we end before a stopped process
        )  # fmt: skip

    def ask(self, request: str) -> dict[str, Any]:
        """Let it go on with a request, and stop it again."""
        if self.stopped_at is not None:
            self.idle += self._used() - self.stopped_at
        self.process.send_signal(signal.SIGCONT)
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # answer says why
            self.process.stdin.write(request + "\n")
            self.process.stdin.flush()
        return self.answer()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout, self.complaints):
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def answer(self) -> dict[str, Any]:
        """Wait for what it says, and stop it."""
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            self.complaints.seek(0)
            said = self.complaints.read().decode(errors="replace").strip().splitlines()
            raise RuntimeError(said[-1] if said else f"ended with {self.process.wait()}")
        self.process.send_signal(signal.SIGSTOP)
        self.stopped_at = self._used()
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _used(self) -> float:
        """Processor seconds so far; 0 where the system does not say."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def measure(chosen: list[Contender], job: Job, before: dict[str, Cell], arguments: argparse.Namespace) -> Cell:
    """Run everyone in turn on one size and batch."""
    cell: Cell = {}
    workers: list[Worker] = []
    where = title(next(c.task for c in chosen if c.task != PEAK), job)
    try:
        for contender in chosen:
            row = cell[contender.name] = {k: getattr(contender, k) for k in ("task", "peer", "precision")}
            reason = contender.missing() or too_slow(contender, job, before, arguments.limit)
            if reason:
                row["left_out"] = reason
                continue
            progress(f"{where}: {contender.name} is counted")
            try:
                row["count"] = contender.count(job) if contender.count else None
            except ValueError as error:
                row["left_out"] = str(error)
                continue
            workers.append(Worker(contender, job, arguments))
        for step in ("loaded", "warmed up"):
            for worker in list(workers):
                progress(f"{where}: {worker.contender.name} is {step}")
                try:
                    if step == "loaded":
                        worker.answer()
                    else:
                        worker.warm = worker.ask("warm")["seconds"]
                except RuntimeError as error:
                    cell[worker.contender.name]["left_out"] = str(error)
                    workers.remove(worker)
                    worker.end()
        nearest = min((w.warm for w in workers if w.contender.peer), default=math.inf)
        took: dict[str, list[list[float]]] = defaultdict(list)
        for turn in range(ROUNDS):
            progress(f"{where}: round {turn + 1} of {ROUNDS}")
            for worker in workers:
                total = runs(worker.warm, nearest, arguments.repeats, arguments.seconds)
                count = total * (turn + 1) // ROUNDS - total * turn // ROUNDS
                ask = f"run {count} {int(worker.warm < SHORT)}"
                took[worker.contender.name].append(worker.ask(ask)["figures"] if count else [])
        for worker in workers:
            cell[worker.contender.name] |= worker.ask("end") | {"idle": worker.idle}
            cell[worker.contender.name] |= summary(took[worker.contender.name])
    finally:
        for worker in workers:
            worker.end()
        progress("")
    return cell


def runs(own: float, peer: float, repeats: int, seconds: float) -> int:
    """How many timed runs there are for a method that takes `own` seconds where the fastest peer takes `peer`."""
    enough = LEAST if own > FAR * peer else int(seconds / own)
    return min(repeats, max(LEAST, enough))


def too_slow(contender: Contender, job: Job, before: dict[str, Cell], limit: float) -> str:
    """Why a run is not begun, judging by the largest of the smaller pictures."""
    area = job.height * job.width * job.batch
    for cell in reversed(before.values()):
        row = cell.get(contender.name, {})
        if row.get("area", area) >= area or contender.task == PEAK:
            continue
        seconds = row["median"] * area / row["area"]
        return f"would take {seconds:.0f} s a run" if seconds > limit else ""
    return ""


def summary(turns: list[list[float]]) -> Row:
    """Median and quartiles of the figures of all turns: seconds, or rates (`PEAK`)."""
    figures = [figure for turn in turns for figure in turn]
    low, middle, high = statistics.quantiles(figures, n=4, method="inclusive") if len(figures) > 1 else figures * 3
    return {"median": middle, "quartiles": [low, high], "most": max(figures), "turns": turns, "runs": len(figures)}


def times_as_fast(row: Row, other: Row) -> float:
    """How much less time than another a method takes: the median over the rounds of the ratio of their medians.

    When something else takes half of the machine during two rounds, both are slower in these.
    """
    pairs = [pair for pair in zip(row["turns"], other["turns"], strict=True) if all(pair)]
    return statistics.median(statistics.median(theirs) / statistics.median(own) for own, theirs in pairs)


def work(arguments: argparse.Namespace) -> None:
    """The other end of `Worker`: load, warm up, then do as the lines of the input say."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what libraries print is no answer
    what = json.loads(arguments.worker)
    job = Job(**what["job"])
    everyone = contenders(arguments.shared, arguments.models, arguments.cache)
    contender = next(c for c in everyone if c.name == what["name"])
    run = contender.load(job)
    peak = contender.task == PEAK
    print("{}", file=answers, flush=True)
    for line in sys.stdin:
        if line.startswith("warm"):
            seconds, output = timed(run)
            if seconds < 10 * SHORT:  # the first run, which is slower, is not much of a hint
                seconds, output = timed(run)
            if not peak:
                check(output, contender, job)
            del output
            print(json.dumps({"seconds": seconds}), file=answers, flush=True)
            continue
        if line.startswith("end"):
            end = {"memory": peak_memory(), "area": job.height * job.width * job.batch}
            print(json.dumps(end), file=answers, flush=True)
            return
        count, untimed = map(int, line.split()[1:])
        for _ in range(untimed):
            run()
        figures = []
        for _ in range(count):
            seconds, output = timed(run)
            figures.append(output if peak else seconds)
            del output  # before the next is made
        print(json.dumps({"figures": figures}), file=answers, flush=True)


def timed(run: Run) -> tuple[float, Any]:
    """Seconds, and what came out."""
    begun = time.perf_counter()
    output = run()
    return time.perf_counter() - begun, output


def peak_memory() -> float | None:
    """Most megabytes that this process has held; None where the system does not say."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")), None)


def table(key: str, cell: Cell) -> str:
    """Markdown of one size and batch."""
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
    """The processor and the packages, in a line."""
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


def profile(arguments: argparse.Namespace, times: int = 20) -> str:
    """onnxruntime's time by operator, of every graph of ours that makes pictures, at the first size."""
    import onnxruntime
    from contenders import is_plain, sample

    from pasticcio.model.folder import PREDICT as PREDICTS
    from pasticcio.model.folder import Model

    job = Job(*pixels(arguments.sizes[0] if arguments.sizes != SIZES else "512"), 1, arguments.threads)
    lines = []
    for path in sorted(Model.open(arguments.models[0]).folder.glob("*.onnx")):
        if path.name == PREDICTS or not is_plain(path):
            continue
        with tempfile.TemporaryDirectory() as folder:
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = job.threads
            options.log_severity_level = 3
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            inputs = {i.name: sample(i.shape, i.type, job) for i in session.get_inputs()}
            plain = _median_run(session, inputs, times)
            options.enable_profiling = True
            options.profile_file_prefix = str(Path(folder, "profile"))
            session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
            session.run(None, inputs)
            _median_run(session, inputs, times)
            events = json.loads(Path(session.end_profiling()).read_text())
        lines += _operators(events, times + 1, f"{path.name}, {job.width}x{job.height}: {1000 * plain:.1f} ms")
    return "\n".join(lines)


def _median_run(session: Any, inputs: dict[str, Any], times: int) -> float:
    return statistics.median(timed(lambda: session.run(None, inputs))[0] for _ in range(times))


def _operators(events: list[dict[str, Any]], times: int, head: str) -> list[str]:
    """Markdown: milliseconds a run by operator."""
    spent: dict[str, float] = defaultdict(float)
    nodes: dict[str, set[str]] = defaultdict(set)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith("_kernel_time"):
            kind = event["args"]["op_name"]
            spent[kind] += event["dur"] / 1000 / times
            nodes[kind].add(event["name"])
    lines = ["", f"### {head}", "", "| operator | nodes | ms | share |", "|---|---:|---:|---:|"]
    for kind, value in sorted(spent.items(), key=lambda item: -item[1]):
        lines.append(f"| {kind} | {len(nodes[kind])} | {value:.2f} | {value / sum(spent.values()):.1%} |")
    return [*lines, f"| all | {sum(map(len, nodes.values()))} | {sum(spent.values()):.2f} | |"]


def progress(text: str) -> None:
    print(f"\r{text:<90}", end="" if text else "\r", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
