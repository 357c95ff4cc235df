"""Every code block of the documentation is run, or says why not; commands that are not run exist with their options."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import numpy as np
import pytest
from PIL import Image
from skimage import data
from typer.main import get_command
from typer.testing import CliRunner

from clips import make_clip, scene
from docs.blocks import ROOT, Block, blocks, commands, pages
from pasticcio.cli.main import COMMANDS, app

BLOCKS = list(blocks())
RUN = [block for block in BLOCKS if not block.why]
SHELL = [block for block in BLOCKS if block.language == "sh"]


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the documentation speaks of."""
    folder = tmp_path_factory.mktemp("desk")
    photo = Image.fromarray(data.astronaut()).resize((160, 160))
    painting = Image.fromarray(data.coffee()).resize((192, 160))
    other = Image.fromarray(data.immunohistochemistry()).resize((160, 160))
    for name, picture in {"photo": photo, "painting": painting, "a": painting, "b": other}.items():
        picture.save(folder / f"{name}.jpg")
    photo.resize((512, 512)).save(folder / "large.jpg")
    make_clip(folder / "clip.mp4", scene(3))
    ramp = np.tile(np.linspace(0, 255, 160).astype(np.uint8), (160, 1))
    for name, pixels in {"mask": ramp, "a": ramp, "b": 255 - ramp}.items():
        Image.fromarray(pixels).save(folder / f"{name}.png")
    for name, pictures in {"photos": (photo, other), "paintings": (painting, other)}.items():
        (folder / name).mkdir()
        for number, picture in enumerate(pictures):
            picture.save(folder / name / f"{number}.jpg")
    for name, picture in {"person": photo, "cells": other}.items():
        (folder / "train" / name).mkdir(parents=True)
        for number in range(2):
            picture.crop((8 * number, 0, 100 + 8 * number, 100)).save(folder / "train" / name / f"{number}.jpg")
    return folder


@pytest.mark.filterwarnings(  # webdataset leaves the shards that it has read to the garbage collector
    "ignore:Exception ignored in. <_io.FileIO name='stylized/shards:pytest.PytestUnraisableExceptionWarning"
)
@pytest.mark.parametrize("block", RUN, ids=str)
def test_block_runs(block: Block, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(desk)
    if block.language == "python":
        exec(compile(block.code, str(block), "exec"), {"__name__": "docs"})
        return
    for words in commands(block.code):
        if words[0] == "pasticcio" and not {"|", ">", "<", "&&"} & set(words):
            result = CliRunner().invoke(app, words[1:])
            assert result.exit_code == 0, f"{' '.join(words)}\n{result.output}"
        else:
            _in_a_shell(" ".join(words) if "|" not in words else block.code)


def _in_a_shell(line: str) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(["bash", "-ec", line], env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"


@pytest.mark.parametrize("block", SHELL, ids=str)
def test_commands_and_options_exist(block: Block) -> None:
    for words in commands(block.code):
        if words[0] == "pasticcio" and len(words) > 1:
            assert words[1] in COMMANDS, f"{block}: no command {words[1]!r}"
            _known(block, get_command(app).get_command(None, words[1]), words[2:])
        elif words[0] == "python" and words[1].endswith(".py"):
            script = ROOT / words[1]
            assert script.is_file(), f"{block}: no file {words[1]}"
            text = script.read_text("utf-8")
            for flag in (word.split("=")[0] for word in words if word.startswith("--")):
                name = flag[2:].replace("-", "_")
                assert f'"{flag}"' in text or name in text, f"{block}: {words[1]} has no option {flag}"


def _known(block: Block, command: click.Command, words: list[str]) -> None:
    flags = {flag for option in command.params for flag in (*option.opts, *option.secondary_opts)} | {"--help"}
    for word in words:
        flag = word.split("=")[0]
        if flag.startswith("--") or (flag.startswith("-") and len(flag) == 2 and flag[1].isalpha()):
            assert flag in flags, f"{block}: {command.name} has no option {flag}"


@pytest.mark.parametrize("page", pages(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_code_is_fenced(page: Path) -> None:
    fenced = False
    before = ""
    for number, line in enumerate(page.read_text("utf-8").splitlines(), 1):
        fenced ^= line.startswith("```")
        indented = line.startswith(("    python ", "    pasticcio ", "    pip ", "    from ", "    import "))
        assert fenced or not (indented and not before.strip()), f"{page.name}:{number}: code in no ```sh or ```python"
        before = line
