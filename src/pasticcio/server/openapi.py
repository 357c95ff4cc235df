"""The description of the API in OpenAPI 3.1, from the declarations of its fields."""

from __future__ import annotations

from functools import cache
from typing import Any

from pasticcio import __version__
from pasticcio.render.options import Options
from pasticcio.render.schema import schema
from pasticcio.server.fields import MEDIA_TYPES, Output
from pasticcio.server.problem import KINDS, MEDIA_TYPE

EVERY = ("host", "token", "request")  # kinds of problems that every address may answer with
READING = ("origin", "slow", "too-large", "media-type", "busy", "option", "style", "picture", "memory", "internal")
PICTURE = {"type": "string", "format": "binary"}
NUMBERS = {"type": "array", "items": {"type": "number"}, "description": "An embedding: 100 numbers."}
REPEATED: dict[str, dict[str, Any]] = {
    "style": {
        "type": "array",
        "items": {"anyOf": [{"type": "string"}, PICTURE]},
        "description": "Repeatable: a picture (a file), or a text: the name of a style, 'random', or 'like:' and the "
        "name of a style. Never a path, never a URL.",
    },
    "embedding": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Repeatable: a JSON list of numbers, in place of a style; these come after all 'style' fields.",
    },
    "like": {
        "type": "array",
        "items": {"anyOf": [{"type": "string"}, PICTURE]},
        "description": "Repeatable: a random style near this one, which is a picture, a name or a JSON list of "
        "numbers; these come last.",
    },
    "weight": {
        "type": "array",
        "items": {"type": "string"},
        "description": "One for each style, in their order: numbers that sum to 1. By default equal.",
    },
    "mask": {
        "type": "array",
        "items": PICTURE,
        "description": "A picture of the photo's proportions, white where the style is to be: one for all styles, or "
        "one for each.",
    },
}


@cache
def describe() -> dict[str, Any]:
    """The description."""
    options = schema(Options, leave_out=["mask"])["properties"]
    output = schema(Output)["properties"]
    drawn = {name: options[name] for name in ("style_size", "seed", "spread")}
    named = {name: REPEATED[name] for name in ("style", "embedding", "like")}
    texts = {name: REPEATED[name] for name in ("style", "embedding", "like", "weight")}
    client = {
        "name": "X-Pasticcio-Client",
        "in": "header",
        "schema": {"type": "string", "maxLength": 100},
        "description": "A random text; a newer preview of the same client supersedes one that waits (409).",
    }
    rendered = {
        "description": "The picture.",
        "headers": {
            "Server-Timing": {"schema": {"type": "string"}, "description": "Milliseconds of each step."},
            "X-Pasticcio-Note": {
                "schema": {"type": "string"},
                "description": "What of the photo is not in the picture; absent where all is.",
            },
        },
        "content": {kind: {"schema": PICTURE} for kind in MEDIA_TYPES.values()},
    }
    embedding = _object(embedding=NUMBERS, model={"type": "string"}, name={"type": "string"})
    style = _object(
        **{name: {"type": "string"} for name in ("name", "title", "artist", "year", "thumbnail")},
        place={"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2},
    )
    model = _object(
        **{name: {"type": "string"} for name in ("name", "fingerprint", "runtime", "version", "runtime_version")}
    )
    text = {"type": "string"}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Pasticcio",
            "version": __version__,
            "description": "A photo in the manner of a painting. Errors are application/problem+json.",
        },
        "security": [{}, {"token": []}],
        "paths": {
            "/v1/stylize": {
                "post": {
                    "summary": "Render a photo in the manner of styles",
                    "operationId": "stylize",
                    "parameters": [client, *_query({**texts, **options, **output})],
                    "requestBody": _body({"photo": PICTURE, **REPEATED, **options, **output}, "photo"),
                    "responses": {"200": rendered, **_problems(*EVERY, *READING, "superseded")},
                }
            },
            "/v1/embed": {
                "post": {
                    "summary": "The embedding of a style",
                    "operationId": "embed",
                    "parameters": _query({**named, **drawn}),
                    "requestBody": _body({**named, **drawn}, "style"),
                    "responses": {"200": _json(embedding), **_problems(*EVERY, *READING)},
                }
            },
            "/v1/styles": _get("The named styles", _object(styles={"type": "array", "items": style}, model=text)),
            "/v1/styles/{name}.jpg": _file("A small picture in a named style"),
            "/v1/models": _get("The model that runs", _object(models={"type": "array", "items": model})),
            "/v1/options": _get("The JSON schema of the options, and the limits", {"type": "object"}),
            "/healthz": _get(
                "Whether the server answers",
                _object(status=text, waiting={"type": "integer"}, running={"type": "integer"}),
            ),
            "/metrics": _get("Counts and times, for Prometheus", None),
            "/openapi.json": _get("This description", {"type": "object"}),
        },
        "components": {
            "schemas": {
                "Problem": {
                    **_object(type=text, title=text, status={"type": "integer"}, detail=text),
                    "description": "Kinds: " + ", ".join(f"urn:pasticcio:{kind}" for kind in KINDS),
                }
            },
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "Where the server was started with one."}
            },
        },
    }


def _object(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _query(properties: dict[str, Any]) -> list[dict[str, Any]]:
    """Fields as parameters of the query string."""
    texts = {
        name: {**one, "items": {"type": "string"}} if one.get("type") == "array" else one
        for name, one in properties.items()
    }
    return [{"name": name, "in": "query", "schema": one} for name, one in texts.items()]


def _body(properties: dict[str, Any], raw: str) -> dict[str, Any]:
    form = {"type": "object", "properties": properties, "additionalProperties": False}
    if raw == "photo":
        form["required"] = ["photo"]
    return {
        "required": True,
        "description": f"A form; or the {raw} alone, as the body, with all other fields in the query string.",
        "content": {
            "multipart/form-data": {"schema": form},
            "image/*": {"schema": PICTURE},
            "application/octet-stream": {"schema": PICTURE},
        },
    }


def _get(summary: str, answer: dict[str, Any] | None) -> dict[str, Any]:
    found = _json(answer) if answer else {"description": "Text.", "content": {"text/plain": {}}}
    return {"get": {"summary": summary, "responses": {"200": found, **_problems(*EVERY)}}}


def _file(summary: str) -> dict[str, Any]:
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    found = {"description": "A JPEG.", "content": {"image/jpeg": {"schema": PICTURE}}}
    problems = _problems(*EVERY, "not-found", "busy")
    return {"get": {"summary": summary, "parameters": [name], "responses": {"200": found, **problems}}}


def _json(answer: dict[str, Any]) -> dict[str, Any]:
    return {"description": "A JSON object.", "content": {"application/json": {"schema": answer}}}


def _problems(*kinds: str) -> dict[str, Any]:
    """The answers to requests that are not fulfilled, by status."""
    titles: dict[int, list[str]] = {}
    for kind in kinds:
        titles.setdefault(KINDS[kind].status, []).append(KINDS[kind].title)
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        str(status): {
            "description": "; or: ".join(lines) + ".",
            "content": content,
            **(
                {"headers": {"Retry-After": {"schema": {"type": "string"}, "description": "In seconds."}}}
                if status == 503
                else {}
            ),
        }
        for status, lines in sorted(titles.items())
    }
