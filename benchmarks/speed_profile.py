"""The time of our graphs by operator, under onnxruntime."""

from __future__ import annotations

import json
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from runners import Job, is_plain, sample
from worker import timed


def profile(model: str, job: Job, times: int = 20) -> str:
    """Markdown: the time of each operator, in every graph of a model that renders pictures."""
    import onnxruntime

    from pasticcio.model.folder import PREDICT as PREDICTS
    from pasticcio.model.folder import Model

    lines = []
    for path in sorted(Model.open(model).folder.glob("*.onnx")):
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
