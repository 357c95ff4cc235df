"""Forms: the parts of a body, kept in memory and bounded while they arrive."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterator
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from pasticcio.server.fields import Part
from pasticcio.server.limits import FIELD, MEGABYTE, PARTS, Limits
from pasticcio.server.problem import RefusedError, busy

FORM, ANY = "multipart/form-data", "application/octet-stream"


class Held:
    """How many bytes of all bodies are held at once; used by one thread.

    Args:
        most: that many.
    """

    def __init__(self, most: float) -> None:
        self.most, self.bytes = most, 0

    @property
    def full(self) -> bool:
        """Whether no byte more may be held."""
        return self.bytes >= self.most

    @contextlib.contextmanager
    def share(self) -> Iterator[Share]:
        """A count of the bytes of one request, given back at the end of the block."""
        one = Share(self)
        try:
            yield one
        finally:
            self.bytes -= one.bytes


class Share:
    """The bytes of one request."""

    def __init__(self, held: Held) -> None:
        self._held, self.bytes = held, 0

    def add(self, count: int) -> None:
        """Count further bytes.

        Raises:
            RefusedError: there are too many, of all requests together.
        """
        if self._held.bytes + count > self._held.most:
            raise busy("the bodies of other requests take all memory that is set aside for them; try again")
        self._held.bytes += count
        self.bytes += count


async def read_parts(request: Request, limits: Limits, share: Share, raw: str) -> list[Part]:
    """The fields of a request: those of its query, then those of a form, or the body as a file.

    Args:
        request: of multipart/form-data, or of a type image/* or application/octet-stream.
        limits: of its size, and of the time that it takes to come.
        share: counts its bytes.
        raw: the name of the field that a body alone stands for.

    Raises:
        RefusedError: malformed, too large, too slow, or of another type.
        ClientDisconnect: the client has left.
    """
    kind, parameters = content_type(request)
    parts = _query(request)
    if kind == FORM:
        form = _Form(parameters.get(b"boundary", b""), PARTS - len(parts))
        async for chunk in _chunks(request, limits, share):
            form.write(chunk)
        return parts + form.finish()
    if not kind.startswith("image/") and kind != ANY:
        given = kind[:100] or "not given"
        raise RefusedError(
            "media-type", f"Content-Type is {given}; send {FORM}, or a picture alone as image/jpeg or so"
        )
    data = b"".join([chunk async for chunk in _chunks(request, limits, share)])
    return [*parts, Part(raw, data, file=True)]


def content_type(request: Request) -> tuple[str, dict[bytes, bytes]]:
    """The type of a body, and its parameters.

    Raises:
        RefusedError: it is there several times, or malformed.
    """
    given = request.headers.getlist("content-type")
    if len(given) > 1:
        raise RefusedError("request", "Content-Type is there twice; send it once")
    try:
        kind, parameters = parse_options_header(given[0] if given else "")
    except ValueError:
        raise RefusedError("request", "Content-Type cannot be read") from None
    return kind.decode("latin-1"), parameters


def _query(request: Request) -> list[Part]:
    """The fields in the query string."""
    query = request.url.query
    if len(query) > FIELD:
        raise RefusedError("request", f"the query string has {len(query)} letters; the limit is {FIELD}: send a form")
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=PARTS, errors="surrogateescape")
    except ValueError:
        raise RefusedError("request", f"the query string has more than {PARTS} fields; leave some out") from None
    return [Part(name, value.encode(errors="surrogateescape")) for name, value in pairs]


async def _chunks(request: Request, limits: Limits, share: Share) -> AsyncIterator[bytes]:
    """The pieces of a body, while it is neither too large nor too slow."""
    most, end = limits.max_body * MEGABYTE, time.monotonic() + limits.body_seconds
    got = 0
    while True:
        try:
            message = await asyncio.wait_for(
                request.receive(), min(limits.stall_seconds, max(0.0, end - time.monotonic()))
            )
        except asyncio.TimeoutError:
            raise RefusedError(
                "slow",
                f"{got} bytes of the body came and then nothing for {limits.stall_seconds:g} s, or all of it took "
                f"longer than {limits.body_seconds:g} s; send it faster, or less",
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        chunk = message.get("body", b"")
        got += len(chunk)
        if got > most:
            raise too_long(limits)
        share.add(len(chunk))
        if chunk:
            yield chunk
        if not message.get("more_body", False):
            return


def too_long(limits: Limits) -> RefusedError:
    """The refusal of a body that is too long."""
    return RefusedError(
        "too-large",
        f"the body has more than {limits.max_body:g} megabytes, the limit of this server (--max-body); send smaller "
        "pictures",
    )


class _Form:
    """A form that comes in pieces."""

    def __init__(self, boundary: bytes, most: int) -> None:
        if not boundary:
            raise RefusedError("request", "Content-Type names no boundary; let your HTTP library set it")
        self._parts: list[Part] = []
        self._most = most
        self._ended = False
        self._chunks: list[bytes] = []
        self._header, self._value = bytearray(), bytearray()
        self._name, self._file, self._length = "", False, 0
        callbacks = {
            "on_part_begin": self._begin,
            "on_part_data": self._data,
            "on_part_end": self._end,
            "on_header_field": lambda data, start, end: self._header.extend(data[start:end]),
            "on_header_value": lambda data, start, end: self._value.extend(data[start:end]),
            "on_header_end": self._header_end,
            "on_headers_finished": self._headers_finished,
            "on_end": self._finished,
        }
        try:
            self._parser = MultipartParser(boundary, callbacks)  # type: ignore[arg-type]
        except FormParserError as error:
            raise RefusedError("request", f"the form cannot be read: {error}") from None

    def write(self, data: bytes) -> None:
        try:
            self._parser.write(data)
        except FormParserError as error:
            raise RefusedError("request", f"the form cannot be read: {error}") from None

    def finish(self) -> list[Part]:
        if not self._ended:
            raise RefusedError("request", "the form ends before its last boundary; send all of it")
        return self._parts

    def _begin(self) -> None:
        if len(self._parts) >= self._most:
            raise RefusedError("too-large", f"the request has more than {PARTS} fields, the limit; leave some out")
        self._name, self._file, self._length, self._chunks = "", False, 0, []

    def _header_end(self) -> None:
        if bytes(self._header).lower() == b"content-disposition":
            _, options = parse_options_header(self._value.decode("latin-1"))
            self._name = options.get(b"name", b"").decode("utf-8", "replace")
            self._file = b"filename" in options
        self._header.clear()
        self._value.clear()

    def _headers_finished(self) -> None:
        if not self._name:
            raise RefusedError("request", "a part of the form has no name; give it one in its Content-Disposition")

    def _data(self, data: bytes, start: int, end: int) -> None:
        self._length += end - start
        if not self._file and self._length > FIELD:
            raise RefusedError(
                "too-large",
                f"{self._name[:100]} has more than {FIELD} bytes, the limit of a text; send a picture as a file, with "
                "a file's name",
            )
        self._chunks.append(data[start:end])

    def _end(self) -> None:
        self._parts.append(Part(self._name, b"".join(self._chunks), self._file))
        self._chunks = []

    def _finished(self) -> None:
        self._ended = True
