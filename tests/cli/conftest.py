"""Calls of the command line, in this process or in one of its own."""

import os
import subprocess
import sys

import pytest

from pasticcio.cli.main import main


@pytest.fixture
def here(monkeypatch, capfd, tmp_path):
    """The command line in this process, in a folder of its own: exit code, standard output and error."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["pasticcio", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        return left.value.code or 0, *capfd.readouterr()

    monkeypatch.chdir(tmp_path)
    return call


@pytest.fixture
def command():
    """Arguments to the command line that runs them in a process of its own."""
    return lambda *arguments: [sys.executable, "-m", "pasticcio", *map(str, arguments)]


@pytest.fixture
def environment():
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "120", "TERM": "dumb"}


@pytest.fixture
def run(command, environment, tmp_path):
    """The command line in a process and a folder of its own; text, but where its input is bytes."""

    def call(*arguments, **options):
        options = {"capture_output": True, "text": "input" not in options, "cwd": tmp_path, **options}
        return subprocess.run(command(*arguments), env=environment, **options)

    return call
