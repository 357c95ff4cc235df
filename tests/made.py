"""Pictures made for the tests, and how many of them Hypothesis makes."""

import io

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

QUICK = settings(
    deadline=None, max_examples=40, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)
SIDES = st.integers(1, 40)


def encoded(image, kind="PNG", **options):
    """A PIL image as the bytes of a file."""
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
