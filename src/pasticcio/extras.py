"""Optional dependencies: the packages that an extra of the distribution installs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pasticcio.errors import MissingExtraError


@contextmanager
def extra(name: str, what: str) -> Iterator[None]:
    """Imports inside this context that fail say which extra installs the missing package.

    Args:
        name: the extra, as in `pip install 'pasticcio[NAME]'`.
        what: what needs the package, the subject of the message.

    Raises:
        MissingExtraError: a package is not installed. A missing module of Pasticcio's own is a fault of the
            installation or of the code, and its ModuleNotFoundError is passed on.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing == "pasticcio":
            raise
        raise MissingExtraError(f"{what} ({missing})" if missing else what, name) from error
