"""Declared options as a JSON schema: for the page's controls, and for those who ask the server what it takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any


def schema(kind: type, leave_out: Sequence[str] = ()) -> dict[str, Any]:
    """The JSON schema (2020-12) of a dataclass whose fields are declared with `option`.

    >>> from pasticcio.render.options import Options
    >>> schema(Options, leave_out=["mask"])["properties"]["strength"]["maximum"]
    1.5

    Args:
        kind: the dataclass.
        leave_out: names of its fields.
    """
    declared = [one for one in fields(kind) if one.metadata and one.name not in leave_out]
    return {
        "type": "object",
        "properties": {one.name: _property(one.default, one.metadata) for one in declared},
        "additionalProperties": False,
    }


def _property(default: Any, limits: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {"description": limits["help"]}
    if limits["choices"]:
        found |= {"type": "string", "enum": list(limits["choices"])}
    else:
        low, high = limits["range"]
        values = {"type": "integer" if limits["type"] is int else "number", "minimum": low}
        values |= {} if high is None else {"maximum": high}
        if limits["besides"]:
            found["anyOf"] = [{"const": limits["besides"][0], "description": limits["besides"][1]}, values]
        else:
            found |= values
    if default is not None:
        found["default"] = default
    elif limits["meaning"] is not None:
        found["x-default"] = str(limits["meaning"])
    return found | ({"x-unit": limits["unit"]} if limits["unit"] else {})
