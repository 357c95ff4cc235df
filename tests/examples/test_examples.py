"""The examples, as far as their hosts can be had here."""

from __future__ import annotations

import importlib.util
import json
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from docs.blocks import ROOT

EXAMPLES = ROOT / "examples"


def load(path: Path) -> Any:
    """An example as a module; the package does not contain them."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(0).random((40, 48, 3), np.float32)


def test_comfyui_node_renders_a_batch(photo: np.ndarray) -> None:
    import torch

    nodes = load(EXAMPLES / "comfyui/__init__.py")
    node = nodes.NODE_CLASS_MAPPINGS["PasticcioStylize"]()
    batch = torch.from_numpy(np.stack([photo, photo[::-1]]))
    assert "dance" in node.INPUT_TYPES()["required"]["style"][0]
    (named,) = getattr(node, node.FUNCTION)(batch, "dance", 1.0, 1.0)
    (pictured,) = getattr(node, node.FUNCTION)(batch, nodes.PICTURE, 1.0, 1.0, style_picture=batch[:1])
    for output in (named, pictured):
        assert output.shape == batch.shape
        assert output.dtype == torch.float32
        assert 0 <= output.min() <= output.max() <= 1
    assert not torch.equal(named, pictured)
    with pytest.raises(ValueError, match="connect style_picture"):
        node.stylize(batch, nodes.PICTURE, 1.0, 1.0)


def test_gradio_app_renders(photo: np.ndarray) -> None:
    app = load(EXAMPLES / "gradio_app.py")
    pixels = (photo * 255).astype(np.uint8)
    named, pictured = (
        app.render(pixels, picture, "dance", 1.0, stroke) for picture, stroke in ((None, 0), (pixels[::-1].copy(), 1))
    )
    assert named.shape == pictured.shape == pixels.shape
    assert not np.array_equal(named, pictured)


def test_ray_jobs_actor_paints_pictures_of_different_sizes(photo: np.ndarray) -> None:
    painter = load(EXAMPLES / "ray_job.py").Painter("dance")
    images = np.empty(2, object)
    images[:] = [(photo * 255).astype(np.uint8), (photo[:32] * 255).astype(np.uint8)]
    painted = painter({"image": images, "path": np.array(["a", "b"])})
    assert [one.shape for one in painted["image"]] == [one.shape for one in images]
    assert not np.array_equal(painted["image"][0], images[0])
    assert list(painted["path"]) == ["a", "b"]


def test_gimp_plug_in_renders_a_file(
    photo: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from pasticcio import open_image, save_image
    from pasticcio.cli.main import app

    plug_in = load(EXAMPLES / "gimp_plug_in.py")

    def in_process(words: list[str], **_: object) -> types.SimpleNamespace:
        from typer.testing import CliRunner

        done = CliRunner().invoke(app, words[1:])
        return types.SimpleNamespace(returncode=done.exit_code, stderr=done.stderr or str(done.exception))

    monkeypatch.setattr(plug_in.subprocess, "run", in_process)
    save_image(photo, tmp_path / "photo.png")
    plug_in.render(str(tmp_path / "photo.png"), str(tmp_path / "out.png"), "dance", 0.8)
    assert open_image(tmp_path / "out.png").shape == photo.shape
    with pytest.raises(RuntimeError):
        plug_in.render(str(tmp_path / "photo.png"), str(tmp_path / "out.png"), "no-such-style", 0.8)


def test_gimp_plug_in_registers_with_gimp(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[str] = []

    class Anything:
        def __getattr__(self, name: str) -> Any:
            return lambda *_: calls.append(name)

    gimp = types.SimpleNamespace(
        PlugIn=type("PlugIn", (), {"__gtype__": 1}),
        ImageProcedure=types.SimpleNamespace(new=lambda *_: Anything()),
        PDBProcType=types.SimpleNamespace(PLUGIN=0),
        main=lambda kind, _: kinds.append(kind),
    )
    kinds: list[int] = []
    repository = types.ModuleType("gi.repository")
    for name, value in {"Gimp": gimp, "Gio": Anything(), "GLib": Anything()}.items():
        setattr(repository, name, value)
    repository.GObject = types.SimpleNamespace(ParamFlags=types.SimpleNamespace(READWRITE=3))  # type: ignore[attr-defined]
    gi = types.ModuleType("gi")
    gi.require_version = lambda *_: None  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "gi", gi)
    monkeypatch.setitem(sys.modules, "gi.repository", repository)
    plug_in = load(EXAMPLES / "gimp_plug_in.py")
    plug_in.main()
    assert kinds == [1]


def test_notebook_runs_and_has_its_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    cells = json.loads((EXAMPLES / "notebook.ipynb").read_text("utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert all("image/jpeg" in output["data"] for cell in code for output in cell["outputs"])
    assert sum(len(cell["outputs"]) for cell in code) == len(code)
    names: dict[str, Any] = {}
    for cell in code:
        exec("".join(cell["source"]), names)
    assert names["style"].embedding.shape == (100,)
