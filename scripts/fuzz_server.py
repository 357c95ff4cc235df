"""Fuzzing the server: valid requests, and the same changed in one place; no answer may be a 500, and nothing be left.

    python scripts/fuzz_server.py [--inputs 20000] [--seconds 600] [--seed 0]

Starts a server of its own on a free port. Prints how many answers had which status, by kind of change. Exit code 1
after a 500, a request without an answer, a valid request that was refused, or bytes that are still held.
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
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from pasticcio.render.stylizer import Stylizer
from pasticcio.server.app import Api
from pasticcio.server.limits import Limits
from pasticcio.server.run import Server, listen

sys.path.insert(0, str(Path(__file__).parent))
import bad_pictures
from fuzz import mutate

BOUNDARY = "edge"
LIMITS = Limits(header_seconds=0.5, stall_seconds=0.5, body_seconds=2, max_megapixels=0.1, max_body=1)
PHOTO, MASK = bad_pictures.photo(), bad_pictures.photo("L")
PHOTOS = [bad_pictures.encoded(PHOTO, kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP")]
MASKS = [bad_pictures.encoded(MASK, kind) for kind in ("PNG", "JPEG")]
BAD = [data for data in bad_pictures.FILES.values() if len(data) < 3000]
VALUES = {  # in their ranges
    "style_size": ("64", "200"),
    "seed": ("0", "7"),
    "spread": ("0.1", "0.3"),
    "strength": ("0.5", "1.3"),
    "stroke": ("0.5", "2"),
    "texture": ("0", "2"),
    "colors": ("match", "luminance"),
    "size": ("16", "40"),
    "format": ("jpeg", "webp"),
    "quality": ("1", "100"),
}
LOOK = ("strength", "stroke", "texture", "colors", "size", "format", "quality")  # of pictures, not of embeddings
USES = {"dance": (), "random": ("seed",), "like:kiss": ("seed", "spread"), "picture": ("style_size",)}  # by style
ODD = ("", "-1", "0", "1e9", "nan", "1e400", "\N{SNOWMAN}", "\x00", "[1]", "[]", "random", "like:", "dance", "9" * 400)

Field = tuple[str, "str | bytes"]  # a text, or a file


def valid(draw: random.Random) -> tuple[str, list[Field]]:
    """A route and fields with which it answers 200."""
    route, style = draw.choice(("stylize", "stylize", "embed")), draw.choice(sorted(USES))
    fields: list[Field] = [("style", draw.choice(PHOTOS) if style == "picture" else style)]
    known = [name for name in USES[style] if draw.random() < 0.5]
    if route == "stylize":
        fields.insert(0, ("photo", draw.choice(PHOTOS)))
        if draw.random() < 0.3:
            fields.append(("mask", draw.choice(MASKS)))
        elif draw.random() < 0.4:
            fields += [("style", "kiss"), ("weight", "0.25"), ("weight", "0.75")]
        known += draw.sample(LOOK, draw.randint(0, 3))
        if "quality" in known and "format" not in known:
            known.append("format")  # a PNG has no quality
    return route, fields + [(name, draw.choice(VALUES[name])) for name in known]


def form(fields: list[Field]) -> bytes:
    """The body of a form."""
    body = b""
    for name, value in fields:
        file = "" if isinstance(value, str) else '; filename="x"'
        body += f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode()
        body += (value.encode() if isinstance(value, str) else value) + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


def head(path: str, kind: str, length: int) -> bytes:
    """The lines before a body."""
    return (
        f"POST /v1/{path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: {kind}\r\n"
        f"Content-Length: {length}\r\n\r\n"
    ).encode()


def sent(route: str, fields: list[Field], more: int = 0, change: Callable[[bytes], bytes] = bytes) -> bytes:
    """A request; its body is changed, and its length said to be more than it is."""
    body = change(form(fields))
    return head(route, f"multipart/form-data; boundary={BOUNDARY}", len(body) + more) + body


def as_it_is(draw: random.Random) -> bytes:
    """A valid request."""
    return sent(*valid(draw))


def alone(draw: random.Random) -> bytes:
    """A picture as the body, with a field in the query that is valid or odd."""
    path = draw.choice(("stylize?style=dance&", "embed?"))
    name = draw.choice(("style_size",) if path == "embed?" else LOOK[:-1])
    value, picture = draw.choice((*VALUES[name], *VALUES[name], *ODD)), draw.choice(PHOTOS)
    kind = draw.choice(("image/png", "application/octet-stream"))
    return head(f"{path}{name}={quote(value)}", kind, len(picture)) + picture


def field(draw: random.Random) -> bytes:
    """One field has another value or name, is left out, or is there twice."""
    route, fields = valid(draw)
    place, kind = draw.randrange(len(fields)), draw.randrange(4)
    name, value = fields[place]
    if kind == 0:
        value = draw.choice(BAD) if isinstance(value, bytes) else draw.choice(ODD)
        fields[place] = (name, value)
    elif kind == 1:
        fields[place] = (draw.choice((*VALUES, "photo", "mask", "like", "embedding", "weight", "other")), value)
    elif kind == 2:
        del fields[place]
    else:
        fields.insert(draw.randint(0, len(fields)), fields[place])
    return sent(route, fields)


def byte(draw: random.Random) -> bytes:
    """One byte of the body is another, missing, or there twice."""

    def change(body: bytes) -> bytes:
        place, kind = draw.randrange(len(body)), draw.randrange(3)
        between = (bytes([draw.randrange(256)]), b"", body[place : place + 1] * 2)[kind]
        return body[:place] + between + body[place + 1 :]

    return sent(*valid(draw), change=change)


def length(draw: random.Random) -> bytes:
    """The length is said to be less or, which takes the server's patience, more; or the body ends early."""
    route, fields = valid(draw)
    if draw.random() < 0.1:
        return sent(route, fields, draw.choice((1, 2, 100, 1 << 21)))
    if draw.random() < 0.5:
        return sent(route, fields, -draw.choice((1, 2, 5, 9, 40)))
    return sent(route, fields, change=lambda body: body[: draw.randrange(len(body))])


def line(draw: random.Random) -> bytes:
    """One to six changes to the lines before the body."""
    lines, _, body = sent(*valid(draw)).partition(b"\r\n\r\n")
    return mutate(lines + b"\r\n\r\n", draw) + body


def wild(draw: random.Random) -> bytes:
    """One to six changes to a form, whose pictures may be bad ones."""
    route, fields = valid(draw)
    bad = [(name, draw.choice(BAD) if isinstance(value, bytes) else value) for name, value in fields]
    return sent(route, draw.choice((fields, bad)), change=lambda body: mutate(body, draw))


KINDS = (as_it_is, alone, field, byte, length, line, wild)


def ask(port: int, data: bytes) -> int:
    """The status of the answer; 0 where there is none."""
    answer = b""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as client, contextlib.suppress(ConnectionError):
        client.sendall(data)
        while piece := client.recv(65_536):
            answer += piece
    return int(answer[9:12]) if answer.startswith(b"HTTP/1.1 ") else 0


def fuzz(inputs: int, seconds: float, seed: int = 0) -> tuple[Counter[tuple[str, int]], int]:
    """How many answers had which status, by the kind of change; and the bytes that were held at the end."""
    api, place, ready = Api(Stylizer(), LIMITS), listen("127.0.0.1", 0), threading.Event()
    server = Server(place, api, LIMITS, ready=ready.set)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    draw, end, found = random.Random(seed), time.monotonic() + seconds, Counter[tuple[str, int]]()
    try:
        ready.wait()
        while found.total() < inputs and time.monotonic() < end:
            kind = KINDS[found.total() % len(KINDS)]
            found[kind.__name__, ask(place.port, kind(draw))] += 1
        return found, api.held.bytes
    finally:
        server.should_exit = True
        thread.join()


def faults(found: Counter[tuple[str, int]]) -> dict[tuple[str, int], int]:
    """The answers that must not be."""
    return {
        (kind, status): count
        for (kind, status), count in found.items()
        if status in (0, 500) or (kind == as_it_is.__name__ and status != 200)
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=600)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    found, held = fuzz(given.inputs, given.seconds, given.seed)
    statuses = sorted({status for _, status in found})
    print(f"{found.total()} requests\n\n| change | {' | '.join(map(str, statuses))} |\n|---|{'---|' * len(statuses)}")
    for kind in KINDS:
        print(f"| {kind.__name__} | {' | '.join(str(found[kind.__name__, status]) for status in statuses)} |")
    print(f"\n{held} bytes held at the end; {faults(found) or 'no faults'}")
    sys.exit(bool(faults(found) or held))
