"""Running: a socket, a server on it, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import os
import secrets
import signal
import socket
import threading
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field

import uvicorn

from pasticcio.errors import OptionError, PasticcioError
from pasticcio.image.picture import Pixels
from pasticcio.render.stylizer import Stylizer
from pasticcio.server.app import Api, make_app
from pasticcio.server.connection import within
from pasticcio.server.guard import LOOPBACK, Access, host_name
from pasticcio.server.limits import FIELD, Limits

GRACE = 1  # seconds that answers have to end when the server is stopped
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


@dataclass(frozen=True)
class Place:
    """Where a server listens.

    Attributes:
        listener: the socket.
        host: that it was asked for.
        token: that the API asks for; empty for none.
    """

    listener: socket.socket
    host: str
    token: str = field(repr=False)

    @property
    def port(self) -> int:
        """Of the socket."""
        return int(self.listener.getsockname()[1])

    @property
    def url(self) -> str:
        """What to open in a browser, with the token behind it."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(self.host, self.host)
        name = f"[{host}]" if ":" in host else host
        return f"http://{name}:{self.port}/" + (f"#token={self.token}" if self.token else "")

    def access(self, names: Collection[str] = ()) -> Access:
        """Who may ask.

        Args:
            names: further names by which the server goes.
        """
        outside = not _is_loopback(self.listener)
        hosts = {*LOOPBACK, host_name(f"[{self.host}]" if ":" in self.host else self.host), *map(str.lower, names)}
        if outside:
            hosts.add(socket.gethostname().lower())
        return Access(frozenset(hosts - {"", "0.0.0.0", "::"}), addresses=outside, token=self.token)


def listen(host: str, port: int, token: str = "") -> Place:
    """Open the socket of a server; beyond loopback a token is made if none is given.

    Args:
        host: a name or an address.
        port: 0 for one that is free.
        token: letters, digits and -._~+/= only, as in a header.

    Raises:
        OptionError: a host, a port or a token that cannot be had.
    """
    if not 0 <= port <= 65_535:
        raise OptionError(f"port is {port}; it must be between 0 and 65535")
    if not set(token) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/="):
        raise OptionError("the token holds more than letters, digits and -._~+/=; give another one")
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind)
        try:
            if os.name == "posix":
                listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(socket.SOMAXCONN)
        except OSError:
            listener.close()
            raise
    except (OSError, UnicodeError) as error:
        raise OptionError(_why(error, host, port)) from error
    return Place(listener, host, token or ("" if _is_loopback(listener) else secrets.token_urlsafe(24)))


def _why(error: Exception, host: str, port: int) -> str:
    number = getattr(error, "errno", None)
    if number == errno.EADDRINUSE:
        return f"port {port} of {host} is in use; choose another with --port, or 0 for one that is free"
    if number == errno.EACCES:
        return f"no permission to listen at port {port} of {host}; choose one of 1024 or more with --port"
    return f"cannot listen at {host}: {getattr(error, 'strerror', None) or error}; give an address of this machine"


def _is_loopback(listener: socket.socket) -> bool:
    address = str(listener.getsockname()[0])
    return address.startswith("127.") or address == "::1"


class Server(uvicorn.Server):
    """uvicorn's server, which says when it is ready and ends quietly when a signal asks for it.

    Args:
        place: where it listens.
        api: what it serves.
        limits: of connections.
        names: further names by which it goes.
        ready: called when requests are answered.
    """

    def __init__(
        self,
        place: Place,
        api: Api,
        limits: Limits,
        names: Collection[str] = (),
        ready: Callable[[], None] = lambda: None,
    ) -> None:
        for name, level in (("uvicorn.error", logging.ERROR), ("python_multipart", logging.CRITICAL)):
            logging.getLogger(name).setLevel(level)  # what strangers send is no news
        self._place, self._api, self._ready = place, api, ready
        super().__init__(
            uvicorn.Config(
                make_app(api, place.access(names)),
                http=within(limits),
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                h11_max_incomplete_event_size=FIELD,
                timeout_graceful_shutdown=GRACE,
                backlog=socket.SOMAXCONN,
            )
        )

    def serve_forever(self) -> bool:
        """Serve until a signal, or `should_exit`; returns whether all threads have ended."""
        with contextlib.closing(self._place.listener):
            warming = threading.Thread(target=warm_up, args=(self._api.stylizer,), daemon=True)
            warming.start()
            asyncio.run(self.serve(sockets=[self._place.listener]))
        warming.join(GRACE / 4)
        return self._api.work.close(GRACE / 4) and not warming.is_alive()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to serve."""
        await super().startup(sockets)
        self._ready()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Stop when a signal asks for it; uvicorn would raise the signal again."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
        before = {number: signal.getsignal(number) for number in numbers}
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, self.handle_exit)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def warm_up(stylizer: Stylizer) -> None:
    """Load the graphs, so that the first request need not wait for them."""
    import numpy as np

    photo: Pixels = np.zeros((64, 64, 3), np.uint8)
    with contextlib.suppress(PasticcioError, MemoryError):  # the first request says why
        embedding = np.zeros(stylizer.model.embedding, np.float32)
        stylizer.render(photo, embedding)
        if not stylizer.model.table:
            stylizer.embed(photo, side=64)
