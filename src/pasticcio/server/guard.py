"""Guard: who may ask, decided from the headers before a body is read; and the headers of every answer."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import ipaddress
import time
from collections.abc import Collection
from dataclasses import dataclass
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from pasticcio.server.metrics import Metrics
from pasticcio.server.problem import RefusedError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
READS = ("GET", "HEAD", "OPTIONS")
LINGER = 2.0  # seconds for which what is left of a refused body is read and forgotten
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; "
    "connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True)
class Access:
    """Who may ask.

    Attributes:
        hosts: names by which the server goes, without ports.
        addresses: whether every IP address is such a name: beyond loopback a server has addresses that it does not
            know. DNS rebinding needs a name.
        token: that the API asks for; empty for none.
    """

    hosts: Collection[str] = LOOPBACK
    addresses: bool = False
    token: str = ""

    def check(self, scope: Scope) -> None:
        """Refuse a request by its headers.

        Raises:
            RefusedError: another host, another origin, no token, or headers that contradict each other.
        """
        headers = Headers(scope=scope)
        given = headers.getlist("host")
        if len(given) != 1 or not self._ours(given[0]):
            raise RefusedError(
                "host",
                f"this server does not go by the name {', '.join(given)[:100]!r}; use one of "
                f"{', '.join(sorted(self.hosts))}, or start it with --allow-host NAME",
            )
        if headers.get("transfer-encoding") and headers.get("content-length"):
            raise RefusedError(
                "request", "Transfer-Encoding and Content-Length contradict each other; send one of them"
            )
        if scope["method"] not in READS:
            _check_origin(headers, given[0])
        if self.token and _secret(scope["method"], scope["path"]):
            self._check_token(headers)

    def _ours(self, host: str) -> bool:
        name = host_name(host)
        if name in self.hosts:
            return True
        if self.addresses:
            with contextlib.suppress(ValueError):
                ipaddress.ip_address(name)
                return True
        return False

    def _check_token(self, headers: Headers) -> None:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not hmac.compare_digest(token.strip().encode(), self.token.encode()):
            raise RefusedError(
                "token",
                "this server asks for a token: send the header 'Authorization: Bearer TOKEN' with the one that it "
                "said when it was started",
                {"WWW-Authenticate": "Bearer"},
            )


def host_name(host: str) -> str:
    """The name in a Host header, in small letters, without port and brackets; empty where it cannot be read."""
    try:
        parts = urlsplit(f"//{host}")
        _ = parts.port
    except ValueError:
        return ""
    if parts.username is not None or parts.path or parts.query or parts.fragment or any(c in host for c in "@/?#\\ "):
        return ""
    return (parts.hostname or "").rstrip(".")


def _check_origin(headers: Headers, host: str) -> None:
    """Refuse a write that a browser sends for another site's page.

    Raises:
        RefusedError: it does.
    """
    site = headers.get("sec-fetch-site", "none").lower()
    if site not in ("same-origin", "none"):
        raise RefusedError("origin", f"Sec-Fetch-Site is {site[:100]!r}; only this server's own page may send this")
    for origin in headers.getlist("origin"):
        scheme, _, place = origin.partition("://")
        if scheme not in ("http", "https") or place.lower() != host.lower():
            raise RefusedError(
                "origin",
                f"Origin is {origin[:100]!r} and Host {host[:100]!r}; only this server's own page may send this. "
                "Behind a proxy, let it pass the Host on",
            )


def _secret(method: str, path: str) -> bool:
    """Whether an address needs the token: the page is read before it can send one, and shows thumbnails without."""
    if method in READS and path.startswith("/v1/styles/") and path.endswith(".jpg"):
        return False
    return path.startswith("/v1/") or path == "/metrics"


class Guard:
    """ASGI middleware around the whole application.

    Args:
        app: the application.
        access: who may ask.
        metrics: count the answers.
        routes: the paths that are counted by themselves; all others are "other".
    """

    def __init__(self, app: ASGIApp, access: Access, metrics: Metrics, routes: Collection[str]) -> None:
        self._app, self._access, self._metrics, self._routes = app, access, metrics, routes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        exchange = _Exchange(scope, receive, send)
        try:
            self._access.check(scope)
            await self._app(scope, exchange.receive, exchange.send)
        except RefusedError as refusal:
            self._metrics.refused(refusal.kind)
            await refusal.response()(scope, exchange.receive, exchange.send)
        finally:
            method = scope["method"] if scope["method"] in ("GET", "HEAD", "POST") else "other"
            route = scope["path"] if scope["path"] in self._routes else "other"
            self._metrics.answered(method, route, exchange.status)


class _Exchange:
    """A request and its answer: the answer's headers, and what is left of the body where it was not all read.

    A connection that is closed while the client still sends is reset, and the client may never see the answer. What it
    sends is therefore read for a moment, and forgotten.
    """

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive, self._send = receive, send
        headers = Headers(scope=scope)
        self._whole = not headers.get("transfer-encoding") and headers.get("content-length", "0") == "0"
        self._private = scope["path"].startswith("/v1/") or scope["path"] in ("/metrics", "/healthz")
        self.status = 0

    async def receive(self) -> Message:
        message = await self._receive()
        if message["type"] == "http.disconnect" or not message.get("more_body", False):
            self._whole = True
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY.items():
                headers.setdefault(name, value)
            if self._private:
                headers.setdefault("Cache-Control", "no-store")
            if not self._whole:
                headers["Connection"] = "close"
        elif not message.get("more_body", False) and not self._whole:
            await self._send({**message, "more_body": True})
            await self._forget()
            message = {"type": "http.response.body", "body": b""}
        await self._send(message)

    async def _forget(self) -> None:
        end = time.monotonic() + LINGER
        with contextlib.suppress(asyncio.TimeoutError):
            while not self._whole and (left := end - time.monotonic()) > 0:
                await asyncio.wait_for(self.receive(), left)
