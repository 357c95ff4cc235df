"""Hosts, origins and tokens."""

import pytest

from pasticcio.server.guard import Access, host_name
from pasticcio.server.problem import RefusedError
from server_made import FORM, form, serving


def scope(method="GET", path="/v1/styles", **headers):
    named = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "method": method, "path": path, "headers": named}


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:8765", "[::1]:8765", "localhost.:1"])
def test_our_own_names(host):
    Access().check(scope(host=host))


@pytest.mark.parametrize(
    "host",
    ["", "evil", "evil:8765", "localhost.evil", "evil@localhost", "localhost/x", "localhost:x", "127.0.0.1.evil",
     "192.168.0.1", "[::1", "localhost evil", "localhost#", "localhost?x", "0.0.0.0", "2130706433"],
)  # fmt: skip
def test_other_names(host):
    with pytest.raises(RefusedError) as refused:
        Access().check(scope(host=host))
    assert refused.value.kind == "host"


def test_beyond_loopback_addresses_are_names_and_names_are_not():
    access = Access(("localhost", "my.example"), addresses=True)
    for host in ("192.168.0.1:80", "[fe80::1]:80", "my.example"):
        access.check(scope(host=host))
    with pytest.raises(RefusedError):
        access.check(scope(host="evil.example"))


def test_names_are_read_without_ports():
    assert [host_name(one) for one in ("A.b:1", "[::1]:2", "x:y", "a:b@c")] == ["a.b", "::1", "", ""]


@pytest.mark.parametrize(
    ("headers", "good"),
    [
        ({}, True),
        ({"origin": "http://localhost:8765"}, True),
        ({"origin": "https://localhost:8765", "sec_fetch_site": "same-origin"}, True),
        ({"sec_fetch_site": "none"}, True),
        ({"origin": "http://localhost:3000"}, False),
        ({"origin": "http://evil"}, False),
        ({"origin": "null"}, False),
        ({"origin": "file://localhost:8765"}, False),
        ({"origin": "http://localhost:8765.evil"}, False),
        ({"sec_fetch_site": "cross-site"}, False),
        ({"sec_fetch_site": "same-site"}, False),
        ({"origin": "http://localhost:8765", "sec_fetch_site": "cross-site"}, False),
    ],
)
def test_who_may_write(headers, good):
    Access().check(scope(host="localhost:8765", **headers))  # all may read: nothing lets a page of another site see it
    asked = scope("POST", "/v1/stylize", host="localhost:8765", **headers)
    if good:
        Access().check(asked)
        return
    with pytest.raises(RefusedError) as refused:
        Access().check(asked)
    assert refused.value.kind == "origin"


def test_a_token(stylizer, jpeg):
    with serving(stylizer, token="secret") as running:
        for path in ("/", "/healthz", "/openapi.json", "/v1/styles/dance.jpg"):
            assert running.ask("GET", path).status == 200
        for path in ("/v1/styles", "/v1/options", "/v1/models", "/metrics"):
            assert running.ask("GET", path).problem["kind"] == "token"
            assert running.ask("GET", path, headers={"Authorization": "Bearer secret"}).status == 200
        for given in ("", "secret", "Basic secret", "Bearer", "Bearer secre", "Bearer secretx", "Bearer s\xe9cret"):
            answer = running.ask("POST", "/v1/embed", form(("style", jpeg)),
                                 {"Content-Type": FORM, "Authorization": given})  # fmt: skip
            assert answer.problem["kind"] == "token"
            assert answer.headers["www-authenticate"] == "Bearer"
        assert running.send(("style", "dance"), path="/v1/embed", Authorization="Bearer secret").status == 200


def test_writes_of_other_sites_are_refused_over_http(server, jpeg):
    assert server.send(("style", "dance"), path="/v1/embed", Origin="http://evil").problem["kind"] == "origin"
    assert server.ask("GET", "/", headers={"Host": "evil"}).problem["kind"] == "host"
