"""Metrics: counts and times in the text format of Prometheus, version 0.0.4."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable
from threading import Lock

MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BOUNDS = (0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)  # seconds
Number = Callable[[], float]


class Metrics:
    """What a server has done; several threads may use one.

    Args:
        gauges: by name, a line of help and a function that returns the value now.
    """

    def __init__(self, gauges: dict[str, tuple[str, Number]]) -> None:
        self._gauges = gauges
        self._answers: Counter[tuple[str, str, int]] = Counter()
        self._refusals: Counter[str] = Counter()
        self._buckets: dict[str, list[int]] = {}
        self._sums: Counter[str] = Counter()
        self._lock = Lock()

    def answered(self, method: str, route: str, status: int) -> None:
        """Count an answer.

        Args:
            method, route: of the API, or "other": their number is bounded.
            status: of the answer.
        """
        with self._lock:
            self._answers[method, route, status] += 1

    def refused(self, kind: str) -> None:
        """Count a refusal, see `problem.KINDS`."""
        with self._lock:
            self._refusals[kind] += 1

    def took(self, step: str, seconds: float) -> None:
        """Count the time of a step of a rendering."""
        with self._lock:
            self._buckets.setdefault(step, [0] * (len(BOUNDS) + 1))[bisect_left(BOUNDS, seconds)] += 1
            self._sums[step] += seconds  # type: ignore[assignment]

    def text(self) -> str:
        """All of it."""
        with self._lock:
            lines = _head("pasticcio_requests_total", "counter", "Answers by method, route and status.")
            for (method, route, status), count in sorted(self._answers.items()):
                labels = f'method="{method}",route="{route}",status="{status}"'
                lines.append(f"pasticcio_requests_total{{{labels}}} {count}")
            lines += _head("pasticcio_refusals_total", "counter", "Requests that were not fulfilled, by kind.")
            for kind, count in sorted(self._refusals.items()):
                lines.append(f'pasticcio_refusals_total{{kind="{kind}"}} {count}')
            lines += _head("pasticcio_step_seconds", "histogram", "Time of the steps of a rendering.")
            for step, counts in sorted(self._buckets.items()):
                below = 0
                for bound, count in zip((*BOUNDS, "+Inf"), counts, strict=True):
                    below += count
                    lines.append(f'pasticcio_step_seconds_bucket{{step="{step}",le="{bound}"}} {below}')
                lines.append(f'pasticcio_step_seconds_sum{{step="{step}"}} {self._sums[step]:.6f}')
                lines.append(f'pasticcio_step_seconds_count{{step="{step}"}} {below}')
        for name, (help, value) in self._gauges.items():
            lines += [*_head(name, "gauge", help), f"{name} {value():g}"]
        return "\n".join(lines) + "\n"


def _head(name: str, kind: str, help: str) -> list[str]:
    return [f"# HELP {name} {help}", f"# TYPE {name} {kind}"]
