"""How a long call says how far it is."""

from __future__ import annotations

from collections.abc import Callable

Report = Callable[[int, int], None]
"""Called with how many parts are done and how many there are."""
