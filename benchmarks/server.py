"""The server beside the library called directly, previews, and memory under clients of every kind.

    python benchmarks/server.py [--seconds 10] [--rounds 2] [--minutes 0] [--clients 200]

Direct calls read the same JPEG of 512 x 512 pixels, render it and write the same PNG, in one thread and in as many as
the server has. Rounds alternate between them and the server, which runs in a process of its own. With --minutes,
clients of every kind come after that: a part asks for pictures, the others send garbage, stop half way in the headers
or the body, leave, or do not read their answer. Prints a table of Markdown.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import io
import os
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from pasticcio.image.read import read_picture
from pasticcio.image.write import encode_png
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer

SIDE, PREVIEW, WORKERS = 512, 384, 2
STYLE = "dance"
KINDS = ("picture", "picture", "preview", "garbage", "half a head", "half a body", "leaves", "does not read")


def photo(side: int) -> bytes:
    """A JPEG of a photo of scikit-image."""
    from skimage import data

    file = io.BytesIO()
    Image.fromarray(data.astronaut()).resize((side, side)).save(file, "JPEG", quality=92)
    return file.getvalue()


@contextlib.contextmanager
def server(*options: str):
    """A server in a process of its own: its port, and the process."""
    command = [sys.executable, "-m", "pasticcio", "serve", "--port", "0", "--workers", str(WORKERS), *options]
    begun = time.perf_counter()
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    ) as process:
        port = int(re.search(r":(\d+)/", process.stdout.readline())[1])
        print(f"ready after {time.perf_counter() - begun:.2f} s")
        try:
            yield port, process
        finally:
            begun = time.perf_counter()
            process.terminate()
            process.wait(30)
            print(f"ended {time.perf_counter() - begun:.2f} s after it was asked to")


def ask(connection: http.client.HTTPConnection, body: bytes, query: str) -> int:
    """The status of one rendering over a connection that is kept."""
    connection.request("POST", f"/v1/stylize?style={STYLE}&{query}", body, {"Content-Type": "image/jpeg"})
    response = connection.getresponse()
    response.read()
    return response.status


def measure(one: Callable[[], Callable[[], object]], threads: int, seconds: float) -> list[float]:
    """Seconds of each call, of so many threads that each make a call of their own and repeat it."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    def loop() -> None:
        call = one()
        while (begun := time.perf_counter()) < end:
            call()
            times.append(time.perf_counter() - begun)

    workers = [threading.Thread(target=loop) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return times


def over_http(port: int, body: bytes, query: Callable[[], str]) -> Callable[[], Callable[[], object]]:
    """What `measure` takes, for requests to a server."""

    def one() -> Callable[[], object]:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

        def call() -> None:
            if (status := ask(connection, body, query())) != 200:
                raise SystemExit(f"the server answers {status}")

        return call

    return one


def rates(port: int, seconds: float, rounds: int) -> None:
    """Direct calls, requests and previews, in turns."""
    stylizer, body = Stylizer(), photo(SIDE)
    direct = lambda: lambda: encode_png(stylizer.paint(read_picture(body), STYLE, Options()))  # noqa: E731
    requests = over_http(port, body, lambda: "")
    preview = over_http(
        port, body, lambda: f"size={PREVIEW}&preview=1&format=jpeg&strength={random.uniform(0.5, 1.4):.4f}"
    )
    ways = {
        "library, 1 thread": (direct, 1),
        f"library, {WORKERS} threads": (direct, WORKERS),
        "server, 1 client": (requests, 1),
        "server, 4 clients": (requests, 4),
        f"previews of {PREVIEW} pixels, 1 client": (preview, 1),
    }
    found: dict[str, list[float]] = {name: [] for name in ways}
    for one, _ in ways.values():
        one()()
    for _ in range(rounds):
        for name, (one, threads) in ways.items():
            found[name] += measure(one, threads, seconds)
    print(f"\n| {SIDE} pixels | a second | 50% ms | 99% ms |\n|---|---|---|---|")
    for name, times in found.items():
        rate = len(times) / (seconds * rounds)
        middle, late = (1e3 * float(np.quantile(times, share)) for share in (0.5, 0.99))
        print(f"| {name} | {rate:.2f} | {middle:.0f} | {late:.0f} |")
    best = max(len(times) for name, times in found.items() if name.startswith("library"))
    print(f"\nthe server's rate is {len(found['server, 4 clients']) / best:.0%} of the library's")


def memory(process: subprocess.Popen[str]) -> float:
    """Megabytes of a process."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) / 1e3


def client(kind: str, port: int, body: bytes, end: float, counts: Counter[str]) -> None:
    """One client of a kind, again and again."""
    draw = random.Random(kind + threading.current_thread().name)
    head = f"POST /v1/stylize?style={STYLE}&size=256 HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
    head = head + f"Content-Length: {len(body)}\r\n\r\n"
    while time.monotonic() < end:
        try:
            if kind in ("picture", "preview"):
                connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
                with contextlib.closing(connection):
                    query = "size=256" if kind == "picture" else "size=256&preview=1&format=webp"
                    counts[f"{kind} {ask(connection, body, query)}"] += 1
            else:
                with socket.create_connection(("127.0.0.1", port), timeout=60) as one:
                    if kind == "garbage":
                        one.sendall(draw.randbytes(draw.randint(1, 3000)) + b"\r\n\r\n")
                        one.recv(1000)
                    elif kind == "half a head":
                        one.sendall(head[: draw.randint(1, len(head) - 4)].encode())
                        one.recv(1000)
                    elif kind == "half a body":
                        one.sendall(head.encode() + body[: draw.randint(0, len(body) - 1)])
                        one.recv(1000)
                    elif kind == "leaves":
                        one.sendall(head.encode() + body)
                    else:
                        one.sendall(head.encode() + body)
                        time.sleep(draw.uniform(0, 5))
                counts[kind] += 1
        except OSError as error:
            counts[f"{kind}: {type(error).__name__}"] += 1
        time.sleep(draw.uniform(0, 0.5))


def load(port: int, process: subprocess.Popen[str], minutes: float, clients: int) -> None:
    """Clients of every kind, and the memory of the server all the while."""
    body, counts, end = photo(SIDE), Counter[str](), time.monotonic() + 60 * minutes
    threads = [
        threading.Thread(target=client, args=(KINDS[i % len(KINDS)], port, body, end, counts), name=str(i))
        for i in range(clients)
    ]
    for thread in threads:
        thread.start()
    samples = []
    while time.monotonic() < end:
        time.sleep(min(2.0, 60 * minutes / 20))
        samples.append(memory(process))
    for thread in threads:
        thread.join()
    fifth = max(1, len(samples) // 5)
    early, late = np.median(samples[fifth : 2 * fifth]), np.median(samples[-fifth:])
    print(f"\n{clients} clients for {minutes:g} minutes: {', '.join(f'{n} {k}' for k, n in sorted(counts.items()))}")
    print(
        f"memory: {early:.0f} MB in the second fifth, {late:.0f} MB in the last, {max(samples):.0f} MB at most, "
        f"{memory(process):.0f} MB afterwards"
    )
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    print(f"afterwards a picture is answered with {ask(connection, body, '')}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=10, help="of each way in each round")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--minutes", type=float, default=0, help="of clients of every kind")
    parser.add_argument("--clients", type=int, default=200)
    given = parser.parse_args()
    with server() as (port, process):
        if given.rounds:
            rates(port, given.seconds, given.rounds)
        if given.minutes:
            load(port, process, given.minutes, given.clients)
