"""Fuzzing the server: changed forms and changed requests; no answer may be a 500, and nothing may be left.

    python scripts/fuzz_server.py [--inputs 20000] [--seconds 600]

Starts a server of its own on a free port. Prints how many answers had which status; exit code 1 after a 500, a request
without an answer, or bytes that are still held.
"""

from __future__ import annotations

import argparse
import contextlib
import random
import socket
import sys
import threading
import time
from collections import Counter
from pathlib import Path

from pasticcio.render.stylizer import Stylizer
from pasticcio.server.app import Api
from pasticcio.server.limits import Limits
from pasticcio.server.run import Server, listen

sys.path.insert(0, str(Path(__file__).parent))
import bad_pictures
from fuzz import mutate

BOUNDARY = "edge"
LIMITS = Limits(header_seconds=0.5, stall_seconds=0.5, body_seconds=2, max_megapixels=0.1, max_body=1)
TEXTS = (("style", "dance"), ("strength", "0.5"), ("size", "16"), ("format", "jpeg"), ("weight", "1"))


def request(draw: random.Random) -> bytes:
    """A request whose form, or all of it, was changed."""
    pictures = [data for data in bad_pictures.FILES.values() if len(data) < 3000]
    body = b""
    for name, text in draw.sample(TEXTS, draw.randint(1, len(TEXTS))):
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{text}\r\n'.encode()
    for name in ("photo", "mask", "style")[: draw.randint(1, 3)]:
        part = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"; filename="x"\r\n\r\n'
        body += part.encode() + draw.choice(pictures) + b"\r\n"
    body += f"--{BOUNDARY}--\r\n".encode()
    whole = draw.random() < 0.3
    body = body if whole else mutate(body, draw)
    head = (
        f"POST /v1/{draw.choice(('stylize', 'embed'))} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        f"Content-Type: multipart/form-data; boundary={BOUNDARY}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode()
    return mutate(head, draw) + body if whole else head + body


def ask(port: int, data: bytes) -> int:
    """The status of the answer; 0 where there is none."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client, contextlib.suppress(ConnectionError):
        client.sendall(data)
        while piece := client.recv(65_536):
            answer += piece
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def fuzz(inputs: int, seconds: float, seed: int = 0) -> tuple[Counter[int], int]:
    """How many answers had which status, and the bytes that were held at the end."""
    api, place, ready = Api(Stylizer(), LIMITS), listen("127.0.0.1", 0), threading.Event()
    server = Server(place, api, LIMITS, ready=ready.set)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    draw, end, found = random.Random(seed), time.monotonic() + seconds, Counter[int]()
    try:
        ready.wait()
        while found.total() < inputs and time.monotonic() < end:
            found[ask(place.port, request(draw))] += 1
        return found, api.held.bytes
    finally:
        server.should_exit = True
        thread.join()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=600)
    given = parser.parse_args()
    found, held = fuzz(given.inputs, given.seconds)
    print(f"{found.total()} requests: {', '.join(f'{status}: {count}' for status, count in sorted(found.items()))}")
    print(f"{held} bytes held at the end")
    sys.exit(bool(found[500] or found[0] or held))
