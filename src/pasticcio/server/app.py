"""The application: the routes of the API, and the page."""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Awaitable, Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp

from pasticcio import __version__
from pasticcio.errors import PasticcioError
from pasticcio.model.package import version
from pasticcio.page.files import site
from pasticcio.render.options import Options
from pasticcio.render.schema import schema
from pasticcio.render.stylizer import Stylizer
from pasticcio.server import metrics as prometheus
from pasticcio.server.fields import OPTIONS, OUTPUT, PHOTO, REPEATABLE, Output, from_texts, sort
from pasticcio.server.form import Held, Share, read_parts, too_long
from pasticcio.server.guard import Access, Guard
from pasticcio.server.limits import MEGABYTE, Limits
from pasticcio.server.metrics import Metrics
from pasticcio.server.openapi import describe
from pasticcio.server.problem import RefusedError, busy, refusal_of, title_of
from pasticcio.server.service import Answer, Service
from pasticcio.server.styles import Shelf
from pasticcio.server.work import Result, Work

CLIENT = "X-Pasticcio-Client"
GONE = Response(status_code=499)  # nobody reads it
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY")
STYLIZE = (PHOTO, *REPEATABLE, *OPTIONS, *OUTPUT)
EMBED = ("style", "embedding", "like", "style_size", "seed", "spread")


class Api:
    """The endpoints.

    Args:
        stylizer: renders.
        limits: of requests.
    """

    def __init__(self, stylizer: Stylizer, limits: Limits) -> None:
        self.limits = limits
        self.stylizer = stylizer
        self.work = Work(limits.workers, limits.max_waiting)
        self.held = Held(limits.max_held * MEGABYTE)
        self.service = Service(stylizer, limits)
        self.shelf = Shelf(stylizer)
        self.metrics = Metrics(
            {
                "pasticcio_waiting": ("Requests that wait for a thread.", lambda: self.work.waiting),
                "pasticcio_running": ("Requests that are rendered now.", lambda: self.work.running),
                "pasticcio_held_bytes": ("Bytes of bodies that are held.", lambda: self.held.bytes),
            }
        )

    async def stylize(self, request: Request) -> Response:
        """Render a photo in the manner of styles."""
        with self.held.share() as share:
            fields = sort(await self._parts(request, share, PHOTO), STYLIZE)
            options, output = from_texts(Options, fields.single), from_texts(Output, fields.single)
            call = functools.partial(self.service.stylize, fields, options, output)
            del fields
            client = request.headers.get(CLIENT, "")[:100]
            answer = await self._run(request, call, preview=bool(output.preview), client=client)
        return self._picture(answer)

    async def embed(self, request: Request) -> Response:
        """The embedding of a style."""
        with self.held.share() as share:
            fields = sort(await self._parts(request, share, "style"), EMBED)
            options = from_texts(Options, fields.single)
            return JSONResponse(await self._run(request, functools.partial(self.service.embed, fields, options)))

    async def styles(self, request: Request) -> Response:
        """The named styles."""
        return JSONResponse({"styles": self.shelf.describe(), "model": self.stylizer.model.fingerprint})

    async def thumbnail(self, request: Request) -> Response:
        """A small picture in a named style."""
        name = request.path_params["name"]
        if name not in self.stylizer.model.styles:
            raise HTTPException(404)
        kept = {"Cache-Control": "private, max-age=3600"}
        if path := self.shelf.made(name):
            return FileResponse(path, headers=kept)
        data = await self._run(request, functools.partial(self.shelf.thumbnail, name))
        return Response(data, media_type="image/jpeg", headers=kept)

    async def models(self, request: Request) -> Response:
        """The model that runs."""
        model, runtime = self.stylizer.model, self.stylizer.choice.runtime
        found = {
            "name": model.name,
            "fingerprint": model.fingerprint,
            "runtime": runtime,
            "version": __version__,
            "runtime_version": version(runtime.split("-")[0]),
        }
        return JSONResponse({"models": [found]})

    async def options(self, request: Request) -> Response:
        """The JSON schema of the options, and the limits."""
        limits = {
            name: getattr(self.limits, name) for name in ("max_body", "max_megapixels", "max_pictures", "max_waiting")
        }
        return JSONResponse({**schema(Options, leave_out=["mask"]), "x-limits": limits})

    async def health(self, request: Request) -> Response:
        """Whether it answers."""
        return JSONResponse({"status": "ok", "waiting": self.work.waiting, "running": self.work.running})

    async def numbers(self, request: Request) -> Response:
        """Metrics."""
        return Response(self.metrics.text(), headers={"Content-Type": prometheus.MEDIA_TYPE})

    async def openapi(self, request: Request) -> Response:
        """The description of this API."""
        return Response(json.dumps(describe()), media_type="application/json")

    async def _parts(self, request: Request, share: Share, raw: str) -> Any:
        """The fields of a request, if it may be read."""
        length = request.headers.get("content-length", "")
        if length.isdecimal() and int(length[:30]) > self.limits.max_body * MEGABYTE:
            raise too_long(self.limits)
        if self.held.full:
            raise busy("the bodies of other requests take all memory that is set aside for them; try again")
        with self.work.admitted():
            return await read_parts(request, self.limits, share, raw)

    async def _run(
        self, request: Request, call: Callable[[], Result], *, preview: bool = False, client: str = ""
    ) -> Result:
        """The result of a call in a thread, while the client is there."""
        done = asyncio.ensure_future(self.work.run(functools.partial(_refused, call), preview=preview, client=client))
        left = asyncio.ensure_future(_left(request))
        try:
            await asyncio.wait({done, left}, return_when=asyncio.FIRST_COMPLETED)
            if not done.done():
                raise ClientDisconnect
            return done.result()
        finally:
            for task in (done, left):
                task.cancel()

    def _picture(self, answer: Answer) -> Response:
        for step, seconds in answer.seconds.items():
            self.metrics.took(step, seconds)
        headers = {"Server-Timing": ", ".join(f"{name};dur={1e3 * s:.1f}" for name, s in answer.seconds.items())}
        if answer.note:
            headers["X-Pasticcio-Note"] = answer.note.encode("ascii", "backslashreplace").decode()
        return Response(answer.data, media_type=answer.media_type, headers=headers)


def _refused(call: Callable[[], Result]) -> Result:
    """Call, with errors of the library as refusals, which hold none of their pictures."""
    try:
        return call()
    except Exception as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
    raise refusal


async def _left(request: Request) -> None:
    """Wait until the client leaves."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


def routes(api: Api) -> list[Route]:
    """The routes of the API."""
    return [
        Route("/v1/stylize", api.stylize, methods=["POST"]),
        Route("/v1/embed", api.embed, methods=["POST"]),
        Route("/v1/styles", api.styles),
        Route("/v1/styles/{name}.jpg", api.thumbnail),
        Route("/v1/models", api.models),
        Route("/v1/options", api.options),
        Route("/healthz", api.health),
        Route("/metrics", api.numbers),
        Route("/openapi.json", api.openapi),
    ]


def _other_methods(route: Route) -> Route:
    """The route of the same address for the methods that it does not take, which would be asked of the page."""
    taken = route.methods or set()

    async def refuse(request: Request) -> Response:
        raise HTTPException(405, headers={"Allow": ", ".join(sorted(taken))})

    return Route(route.path, refuse, methods=[method for method in METHODS if method not in taken])


def make_app(api: Api, access: Access) -> ASGIApp:
    """The application: API and page, guarded."""

    async def problem(request: Request, error: Exception) -> Response:
        refusal = refusal_of(error) or RefusedError("internal", "the server has a fault; its log says more")
        api.metrics.refused(refusal.kind)
        return refusal.response()

    async def http_problem(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        kind = {404: "not-found", 405: "method"}.get(error.status_code, "request")
        detail = f"{request.method} {request.url.path[:100]}: {title_of(error.status_code)}; see /openapi.json"
        return await problem(request, RefusedError(kind, detail, error.headers))

    async def gone(request: Request, error: Exception) -> Response:
        return GONE

    handlers: dict[Any, Callable[[Request, Exception], Awaitable[Response]]] = {
        HTTPException: http_problem,
        ClientDisconnect: gone,
        PasticcioError: problem,
        Exception: problem,
    }
    found = routes(api)
    page = Mount("/", StaticFiles(directory=site(), html=True))
    app = Starlette(routes=[*found, *map(_other_methods, found), page], exception_handlers=handlers)
    return Guard(app, access, api.metrics, frozenset(route.path for route in found))
