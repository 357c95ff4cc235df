"""Forms, fuzzed: parts or a refusal, however the body is cut into pieces."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pasticcio.server.fields import Part
from pasticcio.server.form import Held, _Form
from pasticcio.server.problem import RefusedError
from server_made import BOUNDARY, form

CONTENT = st.one_of(st.binary(max_size=200), st.sampled_from([b"\r\n", b"\r\n--", b"--" + BOUNDARY.encode(), b"\r"]))


def parse(body: bytes, cuts: random.Random, boundary: str = BOUNDARY) -> list[Part]:
    reader, place = _Form(boundary.encode(), 100), 0
    while place < len(body):
        length = cuts.choice((1, 2, 7, 1000))
        reader.write(body[place : place + length])
        place += length
    return reader.finish()


@settings(max_examples=60, deadline=None)
@given(st.lists(CONTENT, max_size=5), st.randoms(use_true_random=False))
def test_what_was_written_is_read(contents, cuts):
    if any(f"--{BOUNDARY}".encode() in content for content in contents):
        return
    fields = [(f"field{i}", content) for i, content in enumerate(contents)] or [("none", b"")]
    assert parse(form(*fields), cuts) == [Part(name, content, file=True) for name, content in fields]


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=60), st.integers(0, 300), st.integers(0, 300), st.randoms(use_true_random=False))
def test_anything_else_is_read_or_refused(piece, start, end, cuts):
    body = form(("style", "dance"), ("photo", b"\r\n--edge"))
    changed = body[: min(start, end)] + piece + body[max(start, end) :]
    try:
        assert all(part.name for part in parse(changed, cuts))
    except RefusedError as refused:
        if refused.status not in (400, 413):
            raise


def test_bytes_are_counted_and_given_back():
    held = Held(10)
    with held.share() as one, held.share() as other:
        one.add(6)
        assert not held.full
        with pytest.raises(RefusedError):
            other.add(5)
    assert held.bytes == 0
