"""Connections: deadlines and a limit, below HTTP. uvicorn itself keeps half-sent headers and slow readers for ever."""

from __future__ import annotations

import asyncio
import sys
from http import HTTPStatus
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from pasticcio.server.limits import FIELD, Limits
from pasticcio.server.problem import MEDIA_TYPE, RefusedError

TICKS = 4  # looks at a connection within the shortest of its deadlines
LONGEST_TICK = 1.0  # seconds


class Connection(H11Protocol):
    """uvicorn's connection, which is closed when it has waited too long for its client.

    Attributes:
        limits: see `Limits`; a subclass sets them, see `within`.
    """

    limits: Limits

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to look at the clock; refuse one connection too many."""
        super().connection_made(transport)
        self._begun: float | None = self.loop.time()  # of headers that are awaited
        self._written, self._left = self.loop.time(), 0
        shortest = min(self.limits.header_seconds, self.limits.write_seconds)
        self._tick = min(LONGEST_TICK, shortest / TICKS)
        self._clock = self.loop.call_later(self._tick, self._look)
        if len(self.connections) > self.limits.max_connections:
            most = f"{self.limits.max_connections} connections are open, the limit of this server (--max-connections)"
            self._answer(RefusedError("busy", f"{most}; try again", {"Retry-After": "2"}))

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop looking."""
        self._clock.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what the client sends."""
        if self.transport.is_closing():
            return
        if self._begun is None and self._between:
            self._begun = self.loop.time()
        super().data_received(data)
        if not self._between:
            self._begun = None

    def on_response_complete(self) -> None:
        """Look at what came of the next request while this one was answered."""
        super().on_response_complete()
        if self._between and self.conn.trailing_data[0]:
            self._begun = self.loop.time()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        error = sys.exc_info()[1]
        if isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431:
            self._answer(
                RefusedError("headers", f"the headers have more than {FIELD} bytes, the limit; send shorter ones")
            )
        else:
            self._answer(RefusedError("request", f"this is no HTTP request: {error or msg}"))

    @property
    def _between(self) -> bool:
        """Whether no request is being answered, and the headers of the next are not all there."""
        return self.conn.their_state is h11.IDLE and (self.cycle is None or self.cycle.response_complete)

    def _look(self) -> None:
        """Close the connection if its client is too slow."""
        self._clock = self.loop.call_later(self._tick, self._look)
        now, left = self.loop.time(), self.transport.get_write_buffer_size()
        if not left or left != self._left:
            self._left, self._written = left, now
        elif now - self._written > self.limits.write_seconds:
            self.transport.abort()
            return
        if self._begun is not None and self._between and now - self._begun > self.limits.header_seconds:
            self._begun = None
            self._answer(
                RefusedError(
                    "slow",
                    f"the headers were not there after {self.limits.header_seconds:g} s, the limit of this server "
                    "(--header-seconds); send them faster",
                )
            )

    def _answer(self, refusal: RefusedError) -> None:
        """Answer without the application, and close."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True  # it is not to answer, too
            self.cycle.message_event.set()
            if self.cycle.response_started:
                self.transport.abort()
                return
        body = refusal.body()
        lines = [
            f"HTTP/1.1 {refusal.status} {HTTPStatus(refusal.status).phrase}",
            f"Content-Type: {MEDIA_TYPE}",
            f"Content-Length: {len(body)}",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
            *(f"{name}: {value}" for name, value in refusal.headers.items()),
        ]
        self.transport.write("\r\n".join([*lines, "", ""]).encode() + body)
        self.transport.close()


def within(limits: Limits) -> type[Connection]:
    """The class of connections of one server."""
    members: dict[str, Any] = {"limits": limits}
    return type("Connection", (Connection,), members)
