"""Limits: what the server takes of a client, and how long it waits. Each is declared once, with the command's help.

Importing this module imports nothing heavy, so that `pasticcio serve --help` does not either.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from pasticcio.render.declare import check, option

MEGABYTE = 1_000_000
FIELD = 16_384  # bytes of a text field, and of the headers of a request
PARTS = 100  # fields of a request


@dataclass(frozen=True)
class Limits:
    """What the server takes of a client, and how long it waits.

    >>> Limits(max_megapixels=12).max_megapixels
    12

    Attributes:
        max_body: megabytes of the body of a request, all its pictures together.
        max_megapixels: million pixels of one picture, by its header: a small file can hold a very large picture.
        max_pictures: pictures in one request: the photo, styles and masks.
        max_waiting: requests that wait for a thread; further ones are answered with 503.
        max_held: megabytes of all bodies that are held at once.
        max_connections: open connections; further ones are answered with 503 and closed.
        header_seconds: until the headers of a request are there, from its first byte or from the connection.
        body_seconds: until the body is there.
        stall_seconds: between two pieces of the body.
        write_seconds: between two pieces of the answer that the client takes.
        workers: pictures that are rendered at once.

    Raises:
        OptionError: a value outside its limits.
    """

    max_body: float = field(
        default=50.0, metadata=option("Megabytes of one request.", range=(0.001, 4000), unit="megabytes")
    )
    max_megapixels: float = field(
        default=40.0, metadata=option("Million pixels of one picture, by its header.", range=(0.001, 4000))
    )
    max_pictures: int = field(
        default=20, metadata=option("Pictures in one request: photo, styles and masks.", type=int, range=(2, 100))
    )
    max_waiting: int = field(
        default=32, metadata=option("Requests that wait; further ones are refused.", type=int, range=(1, 10_000))
    )
    max_held: float = field(
        default=500.0,
        metadata=option("Megabytes of all requests that are held at once.", range=(0.001, 1e6), unit="megabytes"),
    )
    max_connections: int = field(default=256, metadata=option("Open connections.", type=int, range=(1, 100_000)))
    header_seconds: float = field(
        default=10.0, metadata=option("Seconds until the headers of a request are there.", range=(0.1, 3600))
    )
    body_seconds: float = field(
        default=60.0, metadata=option("Seconds until the body of a request is there.", range=(0.1, 86_400))
    )
    stall_seconds: float = field(
        default=5.0, metadata=option("Seconds between two pieces of a body.", range=(0.1, 3600))
    )
    write_seconds: float = field(
        default=20.0,
        metadata=option("Seconds between two pieces of an answer that a client takes.", range=(0.1, 3600)),
    )
    workers: int = field(default=2, metadata=option("Pictures rendered at once.", type=int, range=(1, 256)))

    def __post_init__(self) -> None:
        check(self)
