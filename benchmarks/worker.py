"""A contender's process, from both ends: it is stopped between its turns, so that nothing of it runs or spins then."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from contenders import PEAK, Contender, check, contenders
from runners import Job, Run

SHORT = 0.2  # seconds: turns of shorter runs begin with an untimed one


class Worker:
    """A contender's process, which is stopped except in its turns.

    Raises:
        RuntimeError: the process failed; the message is the last line of its standard error.
    """

    def __init__(self, contender: Contender, job: Job, arguments: argparse.Namespace) -> None:
        self.contender = contender
        self.warm = 0.0  # seconds of one run
        self.idle = 0.0  # processor seconds used between its turns
        self.stopped_at: float | None = None
        self.complaints = tempfile.TemporaryFile()  # noqa: SIM115 (closed in `end`)
        what = json.dumps({"name": contender.name, "job": asdict(job)})
        threads = {f"{library}_NUM_THREADS": str(job.threads) for library in ("OMP", "OPENBLAS", "MKL")}
        kept = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
        self.process = subprocess.Popen(
            [
                sys.executable, str(Path(__file__).with_name("speed.py")), "--worker", what,
                "--shared", str(arguments.shared), "--cache", str(arguments.cache), "--models", *arguments.models,
            ],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.complaints, text=True, env=kept | threads,
            start_new_session=True,  # in our own session the kernel would send SIGHUP to a stopped process
        )  # fmt: skip

    def ask(self, request: str) -> dict[str, Any]:
        """Continue the process, send a request, wait for the answer and stop it again."""
        if self.stopped_at is not None:
            self.idle += self._used() - self.stopped_at
        self.process.send_signal(signal.SIGCONT)
        assert self.process.stdin
        with contextlib.suppress(BrokenPipeError):  # `answer` raises what it said
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
        """Wait for an answer, and stop the process."""
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
        """Processor seconds of the process so far; 0 on systems without /proc."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def work(arguments: argparse.Namespace) -> None:
    """The process of a `Worker`: load the contender, then do what the lines of standard input ask for."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # answers go to the old standard output; what libraries print goes to standard error
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
            if seconds < 10 * SHORT:  # the first run is slower than later ones
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
            del output  # so that two outputs never share the memory
        print(json.dumps({"figures": figures}), file=answers, flush=True)


def timed(run: Run) -> tuple[float, Any]:
    """Seconds of a run, and its output."""
    begun = time.perf_counter()
    output = run()
    return time.perf_counter() - begun, output


def peak_memory() -> float | None:
    """Peak memory of this process in megabytes; None on systems without /proc."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("VmHWM")), None)
