"""Ray makes the same data set, also where actors are killed; without Ray this is skipped."""

import os
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from pasticcio.dataset import ray_engine
from pasticcio.dataset.work import Renderer
from pasticcio.errors import OptionError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("default"),  # Ray's own
]
ONCE, ALWAYS = "a/03", "b/05x"


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray", reason="needs Ray: pip install 'pasticcio[ray]'")
    pytest.importorskip("ray.data", reason="needs Ray Data: pip install 'pasticcio[ray]'")
    ray_engine._start(ray, 2, None)
    yield
    ray.shutdown()


def test_a_cluster_without_a_core_to_spare_is_told_so():
    small = SimpleNamespace(cluster_resources=lambda: {"CPU": 1.0})
    for workers in (None, 1):
        with pytest.raises(OptionError, match="this Ray cluster has 1 cores, 1 of them for reading: add cores"):
            ray_engine._actors(small, workers)


class Deadly(Renderer):
    """A `Renderer` that ends when it is made first, at one picture the first time, and at another one every time."""

    def __init__(self, model, look):
        mark = Path("made.mark")
        if not mark.exists():
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        super().__init__(model, look)

    def __call__(self, task):
        mark = task.item.picture.path.with_suffix(".mark")
        if task.name == ALWAYS or (task.name == ONCE and not mark.exists()):
            mark.touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(task)


def test_the_documented_pipeline_runs(cluster, tmp_path, monkeypatch):
    from docs.blocks import blocks  # the actors, which import this module, cannot

    (block,) = (one for one in blocks() if one.page == "docs/datasets.md" and "import ray\n" in one.code)
    for number in range(4):
        (tmp_path / "train").mkdir(exist_ok=True)
        Image.fromarray(np.full((80, 64, 3), 60 * number, np.uint8)).save(tmp_path / "train" / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    exec(compile(block.code, str(block), "exec"), {"__name__": "docs"})


def test_two_actors_of_which_some_are_killed_make_the_same(
    cluster, source, make, reference, state, tmp_path, monkeypatch
):
    shutil.copytree(source, tmp_path / "in")
    monkeypatch.setattr(ray_engine, "Renderer", Deadly)
    monkeypatch.chdir(tmp_path)  # the actors begin in another folder
    rows = make("in", tmp_path / "out", engine="ray", workers=2)
    assert (tmp_path / "made.mark").exists()
    assert (tmp_path / "in" / f"{ONCE}.mark").exists()
    assert [(row.key, "ended 2 processes" in row.error) for row in rows if row.error] == [(ALWAYS, True)]
    assert state(tmp_path / "out" / "shards") == state(reference / "shards")
    with pytest.raises(OptionError, match="give --workers 2 or fewer"):
        make(source, tmp_path / "more", engine="ray", workers=3)
