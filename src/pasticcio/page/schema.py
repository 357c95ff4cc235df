"""The options of `render` as a JSON schema, by which the page makes its sliders."""

from __future__ import annotations

import os
from dataclasses import fields
from typing import Any

from pasticcio.render.options import Options

KINDS = {float: "number", int: "integer", str: "string"}


def options_schema() -> dict[str, Any]:
    """The options and their ranges (JSON Schema 2020-12); masks, which are pictures and no numbers, are left out.

    >>> options_schema()["properties"]["strength"]["maximum"]
    1.5
    """
    properties = {one.name: _property(one) for one in fields(Options) if one.metadata["type"] is not os.PathLike}
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _property(one: Any) -> dict[str, Any]:
    about = one.metadata
    found: dict[str, Any] = {"type": KINDS[about["type"]], "description": about["help"]}
    if about["choices"]:
        found["enum"] = list(about["choices"])
    low, high = about["range"] or (None, None)
    limits = {key: value for key, value in (("minimum", low), ("maximum", high)) if value is not None}
    if about["besides"]:
        found["anyOf"] = [{"const": about["besides"][0]}, limits]
    else:
        found.update(limits)
    if one.default is not None:
        found["default"] = one.default
    return found
