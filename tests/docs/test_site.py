"""The reference has every public name and every command."""

from __future__ import annotations

import importlib.util
import re

import pytest

import pasticcio
from docs.blocks import ROOT
from pasticcio.cli.main import COMMANDS


def test_every_public_name_is_in_the_reference() -> None:
    page = (ROOT / "docs/reference/python.md").read_text("utf-8")
    assert set(pasticcio.__all__) <= set(re.findall(r"^\.\. auto\w+:: (\w+)$", page, re.MULTILINE))


def test_every_page_is_in_the_contents() -> None:
    index = (ROOT / "docs/index.md").read_text("utf-8")
    listed = {line for block in re.findall(r":::\{toctree\}\n(.*?):::", index, re.DOTALL) for line in block.split("\n")}
    pages = {path.relative_to(ROOT / "docs").with_suffix("").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {page for page in pages if not page.startswith("_build/")} - {"index"} <= listed


def test_every_command_is_in_the_reference() -> None:
    pytest.importorskip("sphinx")
    spec = importlib.util.spec_from_file_location("conf", ROOT / "docs/conf.py")
    assert spec is not None
    assert spec.loader is not None
    conf = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(conf)
    page = conf.commands_page()
    for command in COMMANDS:
        assert f"## {command}\n" in page
        assert f"Usage: pasticcio {command} " in page
