"""The lines of docs/server.md, run against a server."""

import re
import shutil
import subprocess
import sys

import pytest
from PIL import Image

from conftest import ROOT
from pasticcio.server.limits import Limits
from pasticcio.server.problem import KINDS
from server_made import serving

TEXT = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
OURS = "<!-- not run: tests/server runs it, against a server -->"
BLOCKS = dict(re.findall(OURS + r"\n```(\w+)\n(.*?)```", TEXT, re.DOTALL))
ADDRESS = "http://127.0.0.1:8765"


@pytest.fixture(scope="module")
def folder(stylizer, photo, tmp_path_factory):
    here = tmp_path_factory.mktemp("docs")
    Image.fromarray(photo).resize((150, 100)).save(here / "photo.jpg")
    Image.fromarray(photo).rotate(90).resize((90, 90)).save(here / "painting.jpg")
    with serving(stylizer) as running:
        yield here, f"http://127.0.0.1:{running.place.port}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
@pytest.mark.parametrize("line", BLOCKS["sh"].splitlines())
def test_a_line_of_curl_works(line, folder):
    here, address = folder
    subprocess.run(["bash", "-ec", line.replace(ADDRESS, address)], cwd=here, check=True, capture_output=True)
    out = here / re.search(r"-o (\S+)", line)[1]
    if out.suffix != ".json":
        with Image.open(out) as image:
            assert image.format.lower() == out.suffix[1:].replace("jpg", "jpeg")


def test_the_python_lines_work(folder):
    here, address = folder
    subprocess.run([sys.executable, "-c", BLOCKS["python"].replace(ADDRESS, address)], cwd=here, check=True)
    with Image.open(here / "python.png") as image:
        assert image.size == (150, 100)


def test_every_limit_and_every_kind_of_refusal_is_in_its_table():
    for name, value in vars(Limits()).items():
        assert f"| `--{name.replace('_', '-')}` | {value:g} |" in TEXT
    for kind in KINDS:
        assert f":{kind}`" in TEXT
