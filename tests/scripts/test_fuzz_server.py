"""A short form of scripts/fuzz_server.py."""

import pytest

pytest.importorskip("starlette", reason="needs the extra serve")

from fuzz_server import KINDS, faults, fuzz


def test_changed_requests_are_answered_and_none_is_a_fault():
    found, held = fuzz(inputs=10 * len(KINDS), seconds=60)
    assert held == 0
    assert faults(found) == {}
    assert {status for _, status in found} >= {200, 400}
