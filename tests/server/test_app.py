"""The API over real sockets: what it answers, what it refuses, and that nothing is left."""

import io
import json
import sys
import threading

import numpy as np
import pytest
from bad_pictures import FILES
from PIL import Image

from pasticcio.errors import OptionError
from pasticcio.render.options import Options
from pasticcio.server.app import EMBED, STYLIZE, routes
from pasticcio.server.openapi import describe
from server_made import FORM, form, serving, soon

opened = None  # paths that are opened to be written, while it is a list


def _audit(event, arguments):
    if opened is not None and event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+"):
        opened.append(arguments[0])


sys.addaudithook(_audit)


def test_a_picture_is_the_librarys(server, stylizer, jpeg):
    answer = server.send(("photo", jpeg), ("style", "dance"), ("strength", "0.7"))
    assert answer.status == 200
    assert answer.headers["content-type"] == "image/png"
    assert "render;dur=" in answer.headers["server-timing"]
    wanted = stylizer.stylize(jpeg, "dance", strength=0.7)
    assert np.array_equal(np.asarray(answer.image), np.asarray(wanted))


def test_a_style_picture_is_the_librarys_and_embedded_once(server, stylizer, jpeg, monkeypatch):
    painting = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (70, 90, 3), np.uint8)).save(painting, "PNG")
    embedded = []
    embed = server.api.service._embedder.embed
    monkeypatch.setattr(server.api.service._embedder, "embed", lambda *args: embedded.append(1) or embed(*args))
    for strength in ("1", "0.5"):
        answer = server.send(
            ("photo", jpeg), ("style", painting.getvalue()), ("style_size", "100"), ("strength", strength)
        )
        wanted = stylizer.stylize(jpeg, painting.getvalue(), Options(style_size=100, strength=float(strength)))
        assert np.abs(np.asarray(answer.image, int) - np.asarray(wanted, int)).max() <= 1
    assert embedded == [1]
    matched = server.send(("photo", jpeg), ("style", painting.getvalue()), ("colors", "match"))
    wanted = stylizer.stylize(jpeg, painting.getvalue(), Options(colors="match"))
    assert np.array_equal(np.asarray(matched.image), np.asarray(wanted))


def test_mixes_masks_draws_and_likes(server, stylizer, jpeg):
    one = json.dumps(stylizer.embed("dance").embedding.tolist())
    mixed = server.send(("photo", jpeg), ("style", "kiss"), ("embedding", one), ("weight", ".25"), ("weight", ".75"))
    wanted = stylizer.stylize(jpeg, [("kiss", 0.25), ("dance", 0.75)])
    assert np.abs(np.asarray(mixed.image, int) - np.asarray(wanted, int)).max() <= 1
    mask = io.BytesIO()
    Image.linear_gradient("L").resize((120, 80)).save(mask, "PNG")
    masked = server.send(("photo", jpeg), ("style", "kiss"), ("mask", mask.getvalue()))
    assert np.array_equal(
        np.asarray(masked.image), np.asarray(stylizer.stylize(jpeg, "kiss", Options(mask=mask.getvalue())))
    )
    both = server.send(
        ("photo", jpeg), ("style", "kiss"), ("style", "dance"), ("mask", mask.getvalue()), ("mask", mask.getvalue())
    )
    assert both.status == 200
    for style in (("style", "random"), ("style", "like:dance"), ("like", jpeg), ("like", one)):
        first, second = (server.send(("photo", jpeg), style, ("seed", "5"), ("size", "32")) for _ in range(2))
        assert first.status == 200
        assert first.body == second.body


def test_a_body_alone_a_size_and_formats(server, jpeg):
    for kind in ("jpeg", "webp"):
        answer = server.ask(
            "POST", f"/v1/stylize?style=dance&size=60&format={kind}&quality=80", jpeg, {"Content-Type": "image/jpeg"}
        )
        assert answer.status == 200
        assert (answer.image.format, answer.image.size) == (kind.upper(), (60, 40))


def test_what_is_left_out_is_said(server):
    answer = server.send(("photo", FILES["animated.gif"]), ("style", "dance"))
    assert "animation of 3 frames" in answer.headers["x-pasticcio-note"]


def test_embeddings_are_the_librarys(server, stylizer, jpeg):
    raw = server.ask("POST", "/v1/embed", jpeg, {"Content-Type": "image/jpeg"})
    found = json.loads(raw.body)
    assert found["model"] == stylizer.model.fingerprint
    assert np.allclose(found["embedding"], stylizer.embed(jpeg).embedding, atol=1e-5)
    drawn = [server.send(("style", "random"), ("seed", "1"), path="/v1/embed").body for _ in range(2)]
    assert drawn[0] == drawn[1]


def test_styles_models_options_and_thumbnails(server, stylizer):
    found = json.loads(server.ask("GET", "/v1/styles").body)
    assert [one["name"] for one in found["styles"]] == list(stylizer.model.styles)
    assert all(0 <= value <= 1 for one in found["styles"] for value in one["place"])
    assert server.ask("GET", found["styles"][0]["thumbnail"]).image.format == "JPEG"
    assert json.loads(server.ask("GET", "/v1/models").body)["models"][0]["runtime"] == "onnxruntime"
    schema = json.loads(server.ask("GET", "/v1/options").body)["properties"]
    assert "mask" not in schema
    for name, one in schema.items():
        for key, sign in (("minimum", -1), ("maximum", 1)):
            if key in one:
                assert Options(**{name: one[key]})
                with pytest.raises(OptionError):
                    Options(**{name: one[key] + sign})


def test_thumbnails_that_the_page_lacks_are_rendered(server, monkeypatch):
    monkeypatch.setattr("pasticcio.server.styles.places", dict)
    assert server.ask("GET", "/v1/styles/kiss.jpg").image.size == (96, 96)


def test_the_page_is_served_with_its_policy(server):
    answer = server.ask("GET", "/")
    assert answer.headers["content-type"].startswith("text/html")
    policy = answer.headers["content-security-policy"]
    assert "unsafe-inline" not in policy
    assert "default-src 'none'" in policy
    assert "access-control-allow-origin" not in answer.headers
    assert server.ask("GET", "/healthz").headers["x-content-type-options"] == "nosniff"


def test_every_route_is_described_and_no_other(server):
    described = {(path, method.upper()) for path, one in describe()["paths"].items() for method in one}
    assert described == {(r.path, next(iter(r.methods - {"HEAD"}))) for r in routes(server.api)}
    for path, names in (("/v1/stylize", STYLIZE), ("/v1/embed", EMBED)):
        body = describe()["paths"][path]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert set(body["properties"]) == set(names)
    assert json.loads(server.ask("GET", "/openapi.json").body) == describe()


def test_metrics_count(server):
    def count():
        text = server.ask("GET", "/metrics").body.decode()
        line = 'pasticcio_requests_total{method="GET",route="/healthz",status="200"} '
        return next((int(one.removeprefix(line)) for one in text.splitlines() if one.startswith(line)), 0)

    before = count()
    server.ask("GET", "/healthz")
    assert count() == before + 1


PHOTO = ("photo", FILES["gray.jpg"])
DANCE = ("style", "dance")
BAD = {
    "no photo": ((DANCE,), 400, "request", "no photo"),
    "no style": ((PHOTO,), 400, "request", "no style"),
    "two photos": ((PHOTO, PHOTO, DANCE), 400, "request", "photo is there twice"),
    "photo as text": ((("photo", "x"), DANCE), 400, "request", "as a file"),
    "mask as text": ((PHOTO, DANCE, ("mask", "x")), 400, "request", "as a file"),
    "option as file": ((PHOTO, DANCE, ("strength", b"1")), 400, "request", "text field"),
    "option twice": ((PHOTO, DANCE, ("strength", "1"), ("strength", "0")), 400, "request", "twice"),
    "unknown field": ((PHOTO, DANCE, ("strenght", "1")), 400, "request", "did you mean strength"),
    "no UTF-8": ((PHOTO, ("style", "\udcff")), 400, "request", "UTF-8"),
    "weights": ((PHOTO, DANCE, ("weight", "1"), ("weight", "1")), 400, "request", "2 weights for 1 styles"),
    "masks": ((PHOTO, DANCE, ("mask", PHOTO[1]), ("mask", PHOTO[1])), 400, "request", "2 masks"),
    "both": (
        (PHOTO, DANCE, DANCE, ("mask", PHOTO[1]), ("mask", PHOTO[1]), ("weight", "1"), ("weight", "0")),
        400, "request", "leave one of the two out",
    ),
    "strength": ((PHOTO, DANCE, ("strength", "2")), 400, "option", "strength is 2; it must be between 0 and 1.5"),
    "no number": ((PHOTO, DANCE, ("strength", "nan")), 400, "option", "must be a number"),
    "no whole number": ((PHOTO, ("style", "random"), ("seed", "1.5")), 400, "option", "whole number"),
    "far": ((PHOTO, ("style", "random"), ("seed", "-" + "9" * 900)), 400, "option", "0 or more"),
    "choice": ((PHOTO, DANCE, ("colors", "red")), 400, "option", "luminance"),
    "format": ((PHOTO, DANCE, ("format", "tiff")), 400, "option", "png"),
    "quality": ((PHOTO, DANCE, ("quality", "9")), 400, "option", "leave one of them out"),
    "size": ((PHOTO, DANCE, ("size", "15")), 400, "option", "between 16 and 16384 pixels"),
    "of no effect": ((PHOTO, DANCE, ("seed", "1")), 400, "option", "leave it out"),
    "unknown style": ((PHOTO, ("style", "dancee")), 400, "style", "did you mean dance?"),
    "path": ((PHOTO, ("style", "/etc/hostname")), 400, "style", "no style is named"),
    "like path": ((PHOTO, ("style", "like:/etc/hostname")), 400, "style", "no style is named"),
    "url": ((PHOTO, ("style", "http://127.0.0.1/x.jpg")), 400, "style", "no style is named"),
    "weight sum": ((PHOTO, DANCE, ("weight", ".5")), 400, "style", "must sum to 1"),
    "weight text": ((PHOTO, DANCE, ("weight", "much")), 400, "style", "must be a number"),
    "embedding": ((PHOTO, ("embedding", "[1,2]")), 400, "style", "2 numbers"),
    "deep list": ((PHOTO, ("embedding", "[" * 5000)), 400, "style", "JSON list"),
    "infinite": ((PHOTO, ("embedding", "[" + "1e999," * 99 + "1]")), 400, "style", "finite"),
    "huge": ((PHOTO, ("embedding", "[" + "9" * 400 + "]")), 400, "style", "beyond"),
    "empty": ((("photo", b""), DANCE), 400, "picture", "photo is empty"),
    "no picture": ((("photo", b"no picture"), DANCE), 400, "picture", "photo is not a picture"),
    "no style picture": ((PHOTO, ("style", b"no picture")), 400, "picture", "style is not a picture"),
    "mask's proportions": ((PHOTO, DANCE, ("mask", FILES["thread.png"])), 400, "picture", "proportions"),
    "bomb": ((("photo", FILES["bomb.png"]), DANCE), 413, "too-large", "photo is 60000 x 60000, 3600 million pixels"),
    "style bomb": ((PHOTO, ("style", FILES["bomb.png"])), 413, "too-large", "style is 60000 x 60000"),
    "mask bomb": ((PHOTO, DANCE, ("mask", FILES["bomb.png"])), 413, "too-large", "mask is 60000 x 60000"),
    "pictures": ((PHOTO, *[("style", FILES["gray.jpg"])] * 4), 413, "too-large", "5 pictures in one request"),
    "long text": ((PHOTO, ("style", "x" * 17_000)), 413, "too-large", "limit of a text"),
    "fields": ((PHOTO, *[DANCE] * 101), 413, "too-large", "more than 100 fields"),
    "body": ((("photo", bytes(1_100_000)), DANCE), 413, "too-large", "more than 1 megabytes"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_bad_request_is_refused_with_its_reason(name, server):
    fields, status, kind, said = BAD[name]
    answer = server.send(*fields)
    assert (answer.status, answer.problem["kind"]) == (status, kind)
    assert said in answer.problem["detail"]
    assert "--max-megapixels 3" not in answer.problem["detail"]
    assert "read_picture" not in answer.problem["detail"]
    assert server.nothing_is_left()


def test_every_bad_picture_gives_a_picture_or_a_reason_and_no_file(server):
    global opened
    opened = []
    try:
        statuses = set()
        for name, data in FILES.items():
            answer = server.send(("photo", data), DANCE, ("size", "32"), ("format", "webp"))
            assert answer.status in (200, 400, 413), (name, answer.body)
            assert answer.status == 200 or answer.problem["detail"]
            statuses.add(answer.status)
        written = [path for path in opened if "null" not in str(path)]
    finally:
        opened = None
    assert statuses == {200, 400, 413}
    assert written == []
    assert server.nothing_is_left()


@pytest.mark.parametrize(
    ("kind", "body", "status", "said"),
    [
        ("", b"x", 415, "not given"),
        ("text/plain", b"x", 415, "text/plain"),
        ("application/json", b"{}", 415, "application/json"),
        ("multipart/form-data", b"x", 400, "no boundary"),
        ("multipart/form-data; boundary=" + "a" * 300, b"x", 400, "Boundary length"),
        (FORM, b"no form", 400, "cannot be read"),
        (FORM, form(DANCE)[:-9], 400, "last boundary"),
        (FORM, b"", 400, "last boundary"),
        (FORM, form(DANCE).replace(b'name="style"', b"x"), 400, "no name"),
    ],
)
def test_a_bad_body_is_refused(kind, body, status, said, server):
    answer = server.ask("POST", "/v1/stylize", body, {"Content-Type": kind} if kind else {})
    assert answer.status == status
    assert said in answer.problem["detail"]


def test_paths_and_methods(server):
    for path in (
        "/nowhere",
        "/../secret",
        "/%2e%2e/%2e%2e/etc/passwd",
        "/v1/styles/..%2f..%2fx.jpg",
        "/v1/styles/no.jpg",
    ):
        assert server.ask("GET", path).problem["kind"] == "not-found"
    for method, path in (("POST", "/healthz"), ("GET", "/v1/stylize"), ("OPTIONS", "/v1/stylize"), ("DELETE", "/")):
        assert server.ask(method, path).problem["kind"] == "method"


def test_a_fault_of_ours_says_no_more_than_that(server, jpeg, monkeypatch, caplog):
    def fail(*_):
        raise KeyError("secret")

    monkeypatch.setattr(server.api.service, "stylize", fail)
    answer = server.send(("photo", jpeg), DANCE)
    assert answer.problem["kind"] == "internal"
    assert b"secret" not in answer.body
    assert soon(lambda: "secret" in caplog.text)


def test_memory_that_does_not_suffice_is_no_fault_of_the_client(server, jpeg, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr(server.api.service, "stylize", fail)
    answer = server.send(("photo", jpeg), DANCE)
    assert answer.problem["kind"] == "memory"
    assert answer.headers["retry-after"]


class Gate:
    """A rendering that waits until it is let through."""

    def __init__(self, server, monkeypatch):
        self.begun, self.open, self.calls = threading.Semaphore(0), threading.Event(), []
        real = server.api.service.stylize

        def wait(fields, *rest):
            self.calls.append(fields)
            self.begun.release()
            assert self.open.wait(30)
            return real(fields, *rest)

        monkeypatch.setattr(server.api.service, "stylize", wait)


def test_a_full_queue_refuses_before_the_body_is_read(server, jpeg, monkeypatch):
    gate, answers = Gate(server, monkeypatch), []
    ask = lambda: answers.append(server.send(("photo", jpeg), DANCE, ("size", "32")))  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(4)]
    threads[0].start()
    assert gate.begun.acquire(timeout=20)
    for place, thread in enumerate(threads[1:], start=1):
        thread.start()
        assert soon(lambda place=place: server.api.work.waiting == place)
    with server.connect() as client:  # only the headers are sent
        client.sendall(b"POST /v1/stylize HTTP/1.1\r\nHost: localhost\r\nContent-Type: image/jpeg\r\n"
                       b"Content-Length: 1000\r\n\r\n")  # fmt: skip
        said = client.recv(65536)
    assert said.startswith(b"HTTP/1.1 503")
    assert b"retry-after: " in said.lower()
    gate.open.set()
    for thread in threads:
        thread.join()
    assert [one.status for one in answers] == [200] * 4
    assert server.nothing_is_left()


def test_an_older_preview_of_a_client_is_superseded(server, jpeg, monkeypatch):
    gate, answers = Gate(server, monkeypatch), {}

    def ask(name, client):
        answers[name] = server.send(
            ("photo", jpeg), DANCE, ("size", "32"), ("preview", "1"), **{"X-Pasticcio-Client": client}
        )

    threads = []
    for name, client, waiting in (("runs", "a", 0), ("old", "a", 1), ("other", "b", 2), ("new", "a", 2)):
        threads.append(threading.Thread(target=ask, args=(name, client)))
        threads[-1].start()
        if name == "runs":
            assert gate.begun.acquire(timeout=20)
        elif name != "new":
            assert soon(lambda waiting=waiting: server.api.work.waiting == waiting)
    assert soon(lambda: "old" in answers)
    gate.open.set()
    for thread in threads:
        thread.join()
    assert {name: one.status for name, one in answers.items()} == {"runs": 200, "old": 409, "other": 200, "new": 200}
    assert answers["old"].problem["kind"] == "superseded"
    assert len(gate.calls) == 3


def test_a_client_that_left_is_not_rendered(server, jpeg, monkeypatch):
    gate = Gate(server, monkeypatch)
    thread = threading.Thread(target=server.send, args=(("photo", jpeg), DANCE))
    thread.start()
    assert gate.begun.acquire(timeout=20)
    body = form(("photo", jpeg), DANCE)
    with server.connect() as client:
        client.sendall(
            f"POST /v1/stylize HTTP/1.1\r\nHost: localhost\r\nContent-Type: {FORM}\r\nContent-Length: {len(body)}"
            "\r\n\r\n".encode()
            + body
        )
        assert soon(lambda: server.api.work.waiting == 1)
    assert soon(lambda: server.api.work.waiting == 0)
    gate.open.set()
    thread.join()
    assert len(gate.calls) == 1
    assert server.nothing_is_left()


def test_bodies_together_have_a_limit(stylizer, jpeg):
    with serving(stylizer, max_held=0.002) as small:
        answer = small.send(("photo", jpeg), DANCE)
        assert answer.problem["kind"] == "busy"
        assert small.nothing_is_left()
