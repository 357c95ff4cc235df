"""Work that benchmarks/faults.py kills: what is done, and what must be there after it.

All work is done in forks of a process that has imported everything and run nothing: so moments fall into the work, not
into imports.
"""

from __future__ import annotations

import abc
import contextlib
import dataclasses
import hashlib
import http.server
import json
import multiprocessing
import os
import shutil
import threading
import time
import traceback
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import onnx
import torch
from safetensors import safe_open

from pasticcio.errors import PasticcioError
from pasticcio.files import PREFIX
from pasticcio.image.listing import find_pictures
from pasticcio.image.read import read_picture
from pasticcio.model.folder import Model
from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.render.batch import plan, run
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.space.embed import embed_pictures
from pasticcio.space.embeddings import Embeddings
from pasticcio.space.layout import layout
from pasticcio.space.map import write_map
from pasticcio.training.config import read_recipe
from pasticcio.training.export import export
from pasticcio.training.model_folder import save_model
from pasticcio.training.pretrained import PublicFile, fetch
from pasticcio.training.quantize import quantize
from pasticcio.training.train import train

RECIPE = Path(__file__).parents[1] / "recipes" / "smoke.toml"
CONTENT = bytes(range(256)) * 20_000
PHOTO = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
SMALL = (  # of the recipe, in TOML: a step takes a tenth of a second
    "batch=2",
    "network.quarter=8",
    "network.eighth=8",
    "network.predictor_widths=[4, 4, 8]",
    "network.predictor_hidden=8",
    "loss_network.name='vgg19-small'",
    "data.workers=0",
    "data.crop=32",
    "data.photo_short=[32, 48]",
    "data.style_crop=32",
    "data.style_short=[32, 48]",
    "data.style_size=[32, 32]",
)


class Task(abc.ABC):
    """Work in a folder of its own.

    Attributes:
        place: the folder.
        material: pictures, in `photos` and `styles`.
    """

    def __init__(self, place: Path, material: Path) -> None:
        self.place, self.material = place, material
        place.mkdir(parents=True)

    @abc.abstractmethod
    def work(self) -> None:
        """Do it, going on where an earlier process stopped."""

    @abc.abstractmethod
    def look(self, complete: bool) -> None:
        """Raise an AssertionError if something is there that is not whole, or missing though it must be complete."""


class Folder(Task):
    """A folder of photos."""

    def work(self) -> None:
        jobs = plan(self.material / "photos", [("dance", 1.0)], self.place / "out")
        for outcome in run(Stylizer(threads=1, runtime="onnxruntime"), jobs, Options(), resume=True):
            assert outcome.error is None, outcome.error

    def look(self, complete: bool) -> None:
        made = visible(self.place)
        for path in made:
            read_picture(path)
        assert not complete or len(made) == len(visible(self.material / "photos"))


class Train(Task):
    """A training run with a checkpoint and a sample after every step, and the model at its end."""

    def work(self) -> None:
        changes = [*SMALL, f"out={self.place / 'run'}"]
        changes += [f"data.{kind}={self.material / kind}" for kind in ("photos", "styles")]
        (config,) = read_recipe(RECIPE, changes)
        config = dataclasses.replace(config, steps=6, log_steps=1, sample_steps=1, checkpoint_minutes=0.0)
        train(config, resume=True)

    def look(self, complete: bool) -> None:
        for path in visible(self.place):
            if path.suffix == ".safetensors":
                with safe_open(path, "pt") as file:
                    assert all(torch.isfinite(file.get_tensor(name)).all() for name in file.keys())  # noqa: SIM118
            elif path.suffix == ".json":
                json.loads(path.read_text())
            elif path.suffix == ".png":
                read_picture(path)
        log = self.place / "run" / "log.jsonl"
        assert not complete or [json.loads(line)["step"] for line in log.read_text().splitlines()] == [1, 2, 3, 4, 5, 6]


class Export(Task):
    """The graphs of a model folder that has older ones."""

    def __init__(self, place: Path, material: Path) -> None:
        super().__init__(place, material)
        torch.manual_seed(0)
        small = {"half": 8, "quarter": 8, "eighth": 8, "quarter_blocks": 1, "eighth_blocks": 1}
        more = {"embedding": 6, "predictor_widths": (4, 4, 8), "predictor_hidden": 8}
        network = StyleNetwork(NetworkConfig(**small, **more))  # type: ignore[arg-type]
        save_model(place / "model", network.eval(), "tiny", {})

    def work(self) -> None:
        from jaxtyping import config

        config.update("jaxtyping_disable", True)  # sizes are symbols to the exporter
        with traced(self.material / "traces"):
            export(self.place / "model")

    def look(self, complete: bool) -> None:
        whole = usable(self.place / "model", "onnxruntime")
        assert whole or not complete


class Download(Task):
    """A file from a server of this process, which sends it slowly."""

    def __init__(self, place: Path, material: Path) -> None:
        super().__init__(place, material)
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Slow)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        digest = hashlib.sha256(CONTENT).hexdigest()
        self.file = PublicFile(f"http://127.0.0.1:{self.server.server_port}/weights.pth", digest[:8])

    def work(self) -> None:
        fetch(self.file, self.place / "cache")

    def look(self, complete: bool) -> None:
        path = self.place / "cache" / self.file.name
        assert not path.exists() or path.read_bytes() == CONTENT
        assert not complete or [one.name for one in visible(self.place)] == [path.name]
        if complete:
            path.unlink()  # the next process begins again


class Slow(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT, with ranges."""

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted else 0
        if start >= len(CONTENT):
            self.send_error(416)
            return
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(CONTENT) - start))
        self.end_headers()
        try:
            for place in range(start, len(CONTENT), 1 << 18):
                self.wfile.write(CONTENT[place : place + (1 << 18)])
                time.sleep(0.02)
        except OSError:
            pass  # the client was killed

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


class Table(Task):
    """A table of embeddings."""

    def work(self) -> None:
        table, _ = embed_pictures(find_pictures(self.material / "styles"), workers=1)
        for name in ("table.npz", "table.json"):
            table.save(self.place / name)

    def look(self, complete: bool) -> None:
        made = visible(self.place)
        for path in made:
            assert len(Embeddings.load(path)) == len(visible(self.material / "styles"))
        assert not complete or len(made) == 2


class Map(Task):
    """A map of styles."""

    def work(self) -> None:
        table, _ = embed_pictures(find_pictures(self.material / "styles"), workers=1)
        write_map(table, layout(table.vectors, "pca", seed=0), self.place / "map.html", title="map")

    def look(self, complete: bool) -> None:
        made = visible(self.place)
        assert all(path.read_text().rstrip().endswith("</html>") for path in made)
        assert not complete or len(made) == 1


class Quantize(Export):
    """The graph in 8 bits of a model folder, which stays usable all the time; of `material`'s model, if it has one."""

    def __init__(self, place: Path, material: Path) -> None:
        super().__init__(place, material)
        if (material / "model").exists():
            shutil.copytree(material / "model", place / "model", dirs_exist_ok=True)
        else:
            in_fork(super().work)

    def work(self) -> None:
        quantize(self.place / "model", [str(self.material / "photos")], [str(self.material / "styles")], pairs=2)

    def look(self, complete: bool) -> None:
        assert usable(self.place / "model", "onnxruntime")
        whole = usable(self.place / "model", "onnxruntime-int8")
        assert whole or not complete


TASKS: dict[str, type[Task]] = {
    "folder": Folder,
    "train": Train,
    "export": Export,
    "download": Download,
    "table": Table,
    "map": Map,
    "quantize": Quantize,
}


def visible(folder: Path) -> list[Path]:
    """The files in a folder that are not temporary."""
    return sorted(
        path for path in folder.rglob("*") if path.is_file() and not any(p.startswith(PREFIX) for p in path.parts)
    )


def leftovers(folder: Path) -> list[Path]:
    """Temporary files and folders in a folder, and what is there of a download."""
    return [*folder.rglob(f"{PREFIX}*"), *folder.rglob("*.part")]


@contextlib.contextmanager
def traced(folder: Path) -> Iterator[None]:
    """Let torch trace each graph of an export once, and read it from a folder after that.

    Tracing takes nearly all of an export's time and writes nothing.
    """
    trace = torch.onnx.export
    folder.mkdir(exist_ok=True)

    def kept(graph: Any, *arguments: Any, **options: Any) -> Any:
        path = folder / f"{type(graph).__name__}.onnx"
        if not path.exists():
            program = trace(graph, *arguments, **options)
            assert program is not None
            onnx.save(program.model_proto, path)
        return types.SimpleNamespace(model_proto=onnx.load(path))

    with mock.patch.object(torch.onnx, "export", kept):
        yield


def usable(folder: Path, runtime: str) -> bool:
    """Whether a model renders; False where it is refused by an error of Pasticcio's own."""
    try:
        stylizer = Stylizer(Model.open(folder), threads=1, runtime=runtime)
        assert stylizer.stylize(PHOTO, PHOTO).shape == PHOTO.shape
    except PasticcioError:
        return False
    return True


def begin(call: Callable[..., None], *arguments: Any) -> Any:
    """Call a function in a fork of this process; what it raises is printed, and its exit code is 1."""

    def alone() -> None:
        torch.set_num_threads(1)
        try:
            call(*arguments)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)  # neither this process's server nor its exit handlers are the fork's

    process = multiprocessing.get_context("fork").Process(target=alone)
    process.start()
    return process


def in_fork(call: Callable[..., None], *arguments: Any) -> bool:
    """Call a function in a fork, to its end; whether it raised nothing."""
    process = begin(call, *arguments)
    process.join()
    return bool(process.exitcode == 0)
