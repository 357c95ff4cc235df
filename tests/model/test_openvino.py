import numpy as np
import pytest

from pasticcio.model.folder import Model
from pasticcio.model.openvino import OpenVinoGraph
from pasticcio.render.stylizer import Stylizer

pytest.importorskip("openvino", reason="needs OpenVINO: pip install 'pasticcio[openvino]'")


def test_a_size_that_comes_again_is_compiled_for(model_folder):
    """The picture stays the same, and a size that was not asked for the longest is forgotten."""
    graph = OpenVinoGraph(Model.open(model_folder).pixels, "openvino", 1, repeated=2, most_sizes=1)
    style = np.zeros((1, 6), np.float32)
    for side in (48, 64):
        content = np.random.default_rng(0).integers(0, 256, (1, side, side, 3), dtype=np.uint8)
        images = [graph({"content": content, "embedding": style})[0] for _ in range(3)]
        assert graph.compiled_sizes == [(("content", content.shape), ("embedding", style.shape))]
        for image in images[1:]:
            assert np.abs(image.astype(int) - images[0]).max() <= 1


@pytest.mark.parametrize("damage", ["absent", "unwritable", "garbage"])
def test_compiled_graphs_are_kept_and_never_fail(damage, monkeypatch, tmp_path, model_folder):
    monkeypatch.setenv("PASTICCIO_CACHE", "1")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = tmp_path / "pasticcio" / "openvino"
    photo, embedding = np.random.default_rng(0).random((40, 56, 3), np.float32), np.ones(6, np.float32)
    wanted = Stylizer(model_folder, runtime="onnxruntime").render(photo, embedding)
    if damage == "unwritable":
        folder.parent.mkdir()
        folder.write_text("a file where the folder would be")
    else:
        Stylizer(model_folder, runtime="openvino").render(photo, embedding)
        (kept,) = folder.glob("*.blob")
        if damage == "garbage":
            kept.write_bytes(kept.read_bytes()[:500])
        else:
            kept.unlink()
    found = Stylizer(model_folder, runtime="openvino").render(photo, embedding)
    assert np.abs(found - wanted).max() <= 1e-3
