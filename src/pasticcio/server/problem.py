"""Problems: errors as application/problem+json (RFC 9457)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from http import HTTPStatus
from typing import NamedTuple

from starlette.responses import Response

from pasticcio.errors import ImageError, OptionError, OutputError, PasticcioError, StyleError

MEDIA_TYPE = "application/problem+json"
LONGEST = 600  # letters of a detail: it may hold what the client sent


class Kind(NamedTuple):
    """A kind of problem.

    Attributes:
        status: of the answer.
        title: for people, the same for every problem of the kind.
    """

    status: int
    title: str


KINDS = {
    "request": Kind(400, "The request is malformed"),
    "option": Kind(400, "A field is outside its range"),
    "style": Kind(400, "A style is unknown, or styles do not mix"),
    "picture": Kind(400, "A picture cannot be read, or the output cannot be written"),
    "token": Kind(401, "The token is missing or wrong"),
    "host": Kind(403, "The server does not go by this name"),
    "origin": Kind(403, "Another site's page sent the request"),
    "not-found": Kind(404, "There is nothing at this address"),
    "method": Kind(405, "The address does not take this method"),
    "slow": Kind(408, "The request came too slowly"),
    "superseded": Kind(409, "A newer preview of the same client took its place"),
    "too-large": Kind(413, "The request is too large"),
    "media-type": Kind(415, "The body is of a type that is not read here"),
    "headers": Kind(431, "The headers of the request are too long"),
    "internal": Kind(500, "The server has a fault"),
    "busy": Kind(503, "The server is busy"),
    "memory": Kind(503, "Memory does not suffice"),
}


class RefusedError(PasticcioError):
    """A request that is not fulfilled.

    Args:
        kind: a key of `KINDS`.
        detail: names the value, the limit and the remedy.
        headers: further headers of the answer.
    """

    def __init__(self, kind: str, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(kind, detail)
        self.kind, self.detail, self.headers = kind, detail, dict(headers or {})

    def __str__(self) -> str:
        return self.detail

    @property
    def status(self) -> int:
        """Of the answer."""
        return KINDS[self.kind].status

    def body(self) -> bytes:
        """The JSON object."""
        status, title = KINDS[self.kind]
        detail = self.detail if len(self.detail) <= LONGEST else self.detail[:LONGEST] + "..."
        values = {"type": f"urn:pasticcio:{self.kind}", "title": title, "status": status, "detail": detail}
        return json.dumps(values).encode()  # ASCII: a lone surrogate is no UTF-8

    def response(self) -> Response:
        """The answer."""
        return Response(self.body(), self.status, self.headers, MEDIA_TYPE)


def busy(detail: str, seconds: float = 1.0) -> RefusedError:
    """A refusal that says when to try again."""
    return RefusedError("busy", detail, {"Retry-After": str(max(1, min(60, round(seconds))))})


def refusal_of(error: BaseException) -> RefusedError | None:
    """What is answered to an error of the library; None where it is a fault of ours.

    The refusal does not refer to the error, whose frames hold pictures.
    """
    if isinstance(error, RefusedError):
        return RefusedError(error.kind, error.detail, error.headers)
    if isinstance(error, MemoryError) or isinstance(error.__cause__, MemoryError):
        return RefusedError("memory", f"{error or 'memory does not suffice'}; try again later", {"Retry-After": "5"})
    for family, kind in ((OptionError, "option"), (StyleError, "style"), (ImageError, "picture")):
        if isinstance(error, family):
            return RefusedError(kind, str(error))
    if isinstance(error, OutputError):
        return RefusedError("picture", str(error))
    return None


def title_of(status: int) -> str:
    """The phrase of an HTTP status."""
    return HTTPStatus(status).phrase
