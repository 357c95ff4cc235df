"""A short form of scripts/fuzz_server.py."""

import pytest

pytest.importorskip("starlette", reason="needs the extra serve")

from fuzz_server import fuzz


def test_changed_requests_are_answered_and_none_is_a_fault():
    found, held = fuzz(inputs=60, seconds=60)
    assert held == 0
    assert found[500] == found[0] == 0
    assert len(found) >= 2
