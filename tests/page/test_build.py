import json
import re

import pytest

from pasticcio.errors import DownloadError, OutputError
from pasticcio.model.folder import Model
from pasticcio.page.build import build_page
from pasticcio.page.files import site
from pasticcio.render.options import Options
from pasticcio.render.schema import schema


def test_the_static_page_says_what_it_has(static):
    about = json.loads((static / "page.json").read_text())
    assert len(about["styles"]) == 41
    assert all((static / style["thumbnail"]).is_file() for style in about["styles"])
    assert all((static / name).is_file() for name in about["files"] if name != "./")
    assert {path.name for path in site().iterdir()} <= {path.name for path in static.iterdir()}
    assert json.dumps(about["build"]) in (static / "service.js").read_text()
    assert "browser.js" in (static / "backend.js").read_text()
    assert "MIT License" in (static / "ort" / "LICENSE.txt").read_text()


def test_modules_import_files_that_are_there():
    for path in site().glob("*.js"):
        names = re.findall(r'^(?:import|export) .*from "\./([^"]+)"', path.read_text(), re.M)
        assert all((site() / name).is_file() for name in names), path.name


def test_every_element_that_a_module_asks_for_is_on_the_page():
    there = set(re.findall(r'id="([\w-]+)"', (site() / "index.html").read_text()))
    there |= {f"{name}-row" for name in schema(Options, leave_out=["mask"])["properties"]}  # made from the schema
    for path in site().glob("*.js"):
        assert set(re.findall(r'\$\("([\w-]+)"\)', path.read_text())) <= there, path.name


def test_the_page_has_neither_scripts_nor_styles_within_nor_addresses_elsewhere():
    text = (site() / "index.html").read_text()
    assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?! type=\"module\" src=)", text)
    for path in site().iterdir():
        found = set(re.findall(r"https?://[^\s\"'<>]+", path.read_text())) - {"http://www.w3.org/2000/svg"}
        assert not found, path.name


def test_a_folder_with_files_is_left_alone(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(OutputError, match="has files already"):
        build_page(tmp_path, Model.open())
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


@pytest.mark.parametrize(("name", "reason"), [("a" * 300, "name too long"), ("file", "a file"), ("file/x", "a file")])
def test_a_place_that_cannot_be_written_is_refused_before_any_work(tmp_path, name, reason):
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=reason):
        build_page(tmp_path / name, Model.open(), runtime_folder=tmp_path)


def test_nothing_is_written_where_something_is_missing(tmp_path):
    with pytest.raises(DownloadError):
        build_page(tmp_path / "out" / "page", Model.open(), 32, runtime_folder=tmp_path)
    assert list(tmp_path.iterdir()) == []
