"""The site: `sphinx-build -W -b html docs docs/_build`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click
import typer

from pasticcio import __version__
from pasticcio.cli.main import COMMANDS, app

project = "Pasticcio"
author = "the Pasticcio authors"
project_copyright = "2026, the Pasticcio authors"
version = release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx.ext.viewcode"]
exclude_patterns = ["_build"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence", "deflist"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_preserve_defaults = True
autodoc_type_aliases = {name: name for name in ("Source", "Given", "Weighted", "Pixels", "Array", "Seed", "Frame")}
suppress_warnings = ["myst.xref_missing"] if "linkcheck" in sys.argv else []

html_theme = "furo"
html_title = "Pasticcio"
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#a8431f", "color-brand-content": "#a8431f"},
    "dark_css_variables": {"color-brand-primary": "#f0976f", "color-brand-content": "#f0976f"},
}


def commands_page() -> str:
    """Every command with its help, as the command line prints it."""
    group = typer.main.get_command(app)
    lines = [
        "# Commands",
        "",
        "What `--help` prints. Exit codes: 0, all is well; 1, some pictures could not be read or made, and are named;",
        "2, wrong arguments or bad input, and nothing was made; 130, interrupted.",
        "",
    ]
    with click.Context(group, info_name="pasticcio") as above:
        for name in COMMANDS:
            command = group.get_command(above, name)  # type: ignore[attr-defined]
            with typer.Context(command, parent=above, info_name=name, max_content_width=92) as context:
                lines += [f"## {name}", "", "```text", command.get_help(context).strip(), "```", ""]
    return "\n".join(lines)


def rewritten(_: Any, page: str, source: list[str]) -> None:
    """Links from pages of the site to files outside of it lead to the repository's files, as text."""
    import re

    source[0] = re.sub(r"\[([^\]]+)\]\(\.\./(?!\w+\.md)[^)]+\)", r"\1", source[0])


def setup(site: Any) -> None:
    Path(__file__).with_name("reference").joinpath("commands.md").write_text(commands_page(), "utf-8")
    site.connect("source-read", rewritten)
