"""The table of commands, their help, and their old names."""

import importlib

import pytest

from pasticcio import __version__
from pasticcio.cli.main import COMMANDS, OLD_NAMES


def test_version(here):
    assert here("--version") == (0, f"pasticcio {__version__}\n", "")


def test_help_names_every_command(here):
    lines = here("--help")[1].splitlines()
    for command, (_, _, text) in COMMANDS.items():
        assert sum(line.split()[:1] == [command] and line.endswith(text) for line in lines) == 1


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_its_help(command, here):
    code, said, error = here(command, "--help")
    assert (code, error) == (0, "")
    assert said.startswith("Usage: pasticcio " + command)
    assert "--help" in said
    module, function, short = COMMANDS[command]
    text = getattr(importlib.import_module(f"pasticcio.cli.{module}"), function).__doc__
    assert " ".join(text.split("\n\n")[0].split()) in " ".join(said.split())
    assert len(short) <= 62  # one line of a terminal of 80 letters


def test_a_command_that_is_not_there(here):
    code, _, error = here("stylise")
    assert code == 2
    assert "No such command 'stylise'" in error
    assert "stylize" in error


@pytest.mark.parametrize("name", OLD_NAMES)
def test_old_names_are_understood_and_not_shown(name, here):
    assert here(name, "--help")[1].startswith("Usage: pasticcio")
    assert here(name, "--help")[1].splitlines()[1:] == here(OLD_NAMES[name], "--help")[1].splitlines()[1:]
    assert name not in here("--help")[1]


def test_it_runs_as_a_module(run):
    assert run("--version").stdout == f"pasticcio {__version__}\n"
