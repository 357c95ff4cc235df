"""Real servers on free ports, in threads of this process."""

import contextlib
import http.client
import io
import json
import socket
import threading
import time
from dataclasses import dataclass

import pytest
from PIL import Image

pytest.importorskip("starlette", reason="needs the extra serve")

from pasticcio.server.app import Api
from pasticcio.server.limits import Limits
from pasticcio.server.run import Place, Server, listen

BOUNDARY = "edge-of-a-part"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def form(*fields) -> bytes:
    """A form: pairs of a name and a text, or bytes for a file."""
    body = b""
    for name, value in fields:
        file = "" if isinstance(value, str) else '; filename="picture"'
        head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'
        body += head.encode() + (value.encode(errors="surrogateescape") if isinstance(value, str) else value) + b"\r\n"
    return body + f"--{BOUNDARY}--\r\n".encode()


@dataclass
class Answer:
    status: int
    headers: dict
    body: bytes

    @property
    def problem(self) -> dict:
        assert self.headers["content-type"] == "application/problem+json"
        found = json.loads(self.body)
        assert found["status"] == self.status
        assert set(found) == {"type", "title", "status", "detail"}
        return {**found, "kind": found["type"].removeprefix("urn:pasticcio:")}

    @property
    def image(self) -> Image.Image:
        return Image.open(io.BytesIO(self.body))


@dataclass
class Running:
    """A server that runs."""

    api: Api
    place: Place

    def ask(self, method, path, body=None, headers=None) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.place.port, timeout=60)
        with contextlib.closing(connection):
            connection.request(method, path, body, headers or {})
            response = connection.getresponse()
            return Answer(response.status, {k.lower(): v for k, v in response.getheaders()}, response.read())

    def send(self, *fields, path="/v1/stylize", **headers) -> Answer:
        return self.ask("POST", path, form(*fields), {"Content-Type": FORM, **headers})

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.place.port), timeout=30)

    def raw(self, data: bytes) -> bytes:
        """What is answered to bytes, until the server closes."""
        with self.connect() as client:
            client.sendall(data)
            return read_all(client)

    def nothing_is_left(self) -> bool:
        """Whether everything is let go soon: an answer may arrive before its request has been put away."""
        return soon(lambda: self.api.held.bytes == 0 and self.api.work.waiting == 0 and not self.api.work._coming)


def soon(true) -> bool:
    """Wait until something is true, at most 20 seconds; whether it is."""
    end = time.monotonic() + 20
    while not (found := true()) and time.monotonic() < end:
        time.sleep(0.01)
    return found


def read_all(client) -> bytes:
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            data += piece
    return data


@contextlib.contextmanager
def serving(stylizer, token="", names=(), **limits):
    limits = Limits(**limits)
    api, place, ready = Api(stylizer, limits), listen("127.0.0.1", 0, token), threading.Event()
    server = Server(place, api, limits, names, ready.set)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        assert ready.wait(30)
        yield Running(api, place)
    finally:
        server.should_exit = True
        thread.join(30)
        assert not thread.is_alive()
