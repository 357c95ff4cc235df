"""Deadlines, the limit on connections, and what is no HTTP: through raw sockets."""

import contextlib
import socket
import time

import pytest

from server_made import FORM, form, read_all, serving

HEAD = b"POST /v1/stylize?style=dance HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"


@pytest.mark.parametrize(
    ("data", "status"),
    [
        (b"", b"408"),
        (b"GET / HT", b"408"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Slow: ", b"408"),
        (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\nGET / HTTP/1.1\r\nHo", b"408"),  # the second one
        (HEAD + b"Content-Length: 1000\r\n\r\n", b"408"),
        (HEAD + b"Content-Length: 1000\r\n\r\nabc", b"408"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n5\r\nab", b"408"),
    ],
)
def test_what_never_ends_is_closed(data, status, server):
    said = server.raw(data)
    assert said.split(b"HTTP/1.1 ")[-1].startswith(status)
    assert b"application/problem+json" in said
    assert server.nothing_is_left()


def test_headers_and_bodies_that_drip_are_closed(server):
    for head in (HEAD, HEAD + b"Content-Length: 1000\r\n\r\n"):
        with server.connect() as client:
            client.settimeout(0.05)
            client.sendall(head)
            begun, said = time.monotonic(), b""
            while b"408" not in said and time.monotonic() - begun < 20:
                with contextlib.suppress(TimeoutError):
                    said += client.recv(65536) or b"closed"
                with contextlib.suppress(OSError):
                    client.sendall(b"X" if head == HEAD else b"x")
            assert b"HTTP/1.1 408" in said


@pytest.mark.parametrize(
    ("data", "status", "kind"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(300) + b"\r\n\r\n", b"400", b"request"),
        (b"no http at all\r\n\r\n", b"400", b"request"),
        (b"GET / HTTP/1.1\r\n\r\n", b"400", b"request"),  # no host
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n", b"400", b"request"),
        (b"GET / HTTP/1.0\r\n\r\n", b"403", b"host"),
        (b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"y" * 40_000, b"431", b"headers"),
        (HEAD + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", b"400", b"request"),
        (HEAD + b"Content-Length: -3\r\n\r\nabc", b"400", b"request"),
        (HEAD + b"Content-Length: 1e3\r\n\r\nabc", b"400", b"request"),
        (HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n", b"400", b"request"),
        (HEAD + b"Transfer-Encoding: gzip\r\n\r\nabc", b"400", b"request"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nabc", b"400", b"request"),
        (HEAD + b"Content-Length: 99999999999999\r\n\r\nabc", b"413", b"too-large"),
        (b"GET http://evil/ HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", b"404", b"not-found"),
        (HEAD + b"Content-Type: image/png\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx", b"400", b"request"),
    ],
)
def test_what_is_no_request_is_refused(data, status, kind, server):
    said = server.raw(data)
    assert said.startswith(b"HTTP/1.1 " + status)
    assert b"urn:pasticcio:" + kind in said
    assert server.nothing_is_left()


def test_a_body_in_chunks_is_read_and_has_the_same_limit(server, jpeg):
    head = HEAD.replace(b"dance", b"dance&size=32") + b"Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    whole = b"%x\r\n%s\r\n0\r\n\r\n" % (len(jpeg), jpeg)
    assert server.raw(head + whole).startswith(b"HTTP/1.1 200")
    endless = b"%x\r\n%s\r\n" % (100_000, bytes(100_000))
    assert server.raw(head + endless * 12).startswith(b"HTTP/1.1 413")
    assert server.nothing_is_left()


def test_a_client_that_leaves_in_its_body_leaves_nothing(server):
    body = form(("photo", bytes(100_000)))
    with server.connect() as client:
        client.sendall(f"POST /v1/stylize HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: 200000\r\n\r\n"
                       .replace("Host: a", "Host: localhost").encode() + body[:50_000])  # fmt: skip
    assert server.nothing_is_left()


def test_an_expectation_is_refused_without_the_body(server):
    with server.connect() as client:
        client.sendall(HEAD + b"Content-Length: 2000000\r\nExpect: 100-continue\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 413")


def test_one_connection_too_many(stylizer):
    with serving(stylizer, max_connections=2) as few, contextlib.ExitStack() as stack:
        for _ in range(2):
            client = stack.enter_context(few.connect())
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 200")
        with few.connect() as third:
            said = read_all(third)
        assert said.startswith(b"HTTP/1.1 503")
        assert b"Retry-After" in said


def test_a_client_that_does_not_read_its_answer_is_closed(stylizer):
    with serving(stylizer, write_seconds=0.4) as running:
        large = b"x" * 30_000_000
        running.api.metrics.text = lambda: large.decode()
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(("127.0.0.1", running.place.port))
            client.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
            time.sleep(1.5)
            client.settimeout(20)
            assert len(read_all(client)) < len(large)
