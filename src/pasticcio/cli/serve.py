"""The command that serves the page and the API."""

# Without `from __future__ import annotations`: typer would compile the text of every annotation at each start.

import os
import sys
from typing import Annotated

import typer

from pasticcio.cli.arguments import ModelOption, RuntimeOption, options_from
from pasticcio.server.limits import Limits


@options_from(Limits)
def serve(
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen at; beyond this machine, such as 0.0.0.0, a token is needed.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen at; 0 is one that is free.")] = 8765,
    token: Annotated[
        str,
        typer.Option(
            envvar="PASTICCIO_TOKEN",
            help="What clients must send to use the API; beyond this machine one is made if none is given.",
        ),
    ] = "",
    allow_host: Annotated[
        list[str] | None,
        typer.Option("--allow-host", help="Another name by which the server goes, as behind a proxy; repeatable."),
    ] = None,
    open_page: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    model: ModelOption = "default",
    runtime: RuntimeOption = "auto",
    threads: Annotated[int | None, typer.Option(help="Threads for the networks. [default: one per core]")] = None,
    options: Limits,
) -> None:
    """Serve a page to stylize photos with, and an HTTP API, on this machine."""
    from pasticcio.extras import extra

    with extra("serve", "the server"):
        import python_multipart  # noqa: F401
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    from pasticcio.server.run import listen

    place = listen(host, port, token)
    from pasticcio.render.stylizer import Stylizer
    from pasticcio.server.app import Api
    from pasticcio.server.run import Server

    def ready() -> None:
        typer.echo(f"serving at {place.url} (Ctrl-C ends it)")
        if open_page:
            import webbrowser
            from threading import Thread

            Thread(target=webbrowser.open, args=(place.url,), daemon=True).start()

    api = Api(Stylizer(model, threads, runtime), options)
    if not Server(place, api, options, allow_host or (), ready).serve_forever():
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        os._exit(0)  # a graph is being loaded or run, which cannot be interrupted
