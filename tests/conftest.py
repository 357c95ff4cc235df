"""Tiny random-weight models, generated pictures and a browser, made once a session."""

from __future__ import annotations

import hashlib
import importlib.metadata
import logging
import os
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import numpy as np
import pytest

if TYPE_CHECKING:
    from torch import nn

os.environ.setdefault("OMP_NUM_THREADS", "1")  # pytest-xdist runs two processes; more threads would wait for each other
os.environ["PASTICCIO_RUNTIME"] = "onnxruntime"  # the runtime is the same whether or not OpenVINO is installed
os.environ["PASTICCIO_CACHE"] = "0"
ROOT = Path(__file__).parent.parent
SHARED = ROOT.parent / "shared"
sys.path.insert(0, str(ROOT / "scripts"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with signals first, then those with a slow test: pytest-xdist hands files out in this order.

    It waits for the last ones alone. A process that has used torch has ended by SIGSEGV when it got a signal.
    """
    signals, slow = ({item.path for item in items if item.get_closest_marker(name)} for name in ("signals", "slow"))
    items.sort(key=lambda item: (item.path not in signals, item.path not in slow))


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip what this machine cannot run."""
    if item.get_closest_marker("gpu"):
        torch = pytest.importorskip("torch")
        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")
    if (marker := item.get_closest_marker("network")) and not _reachable(*marker.args):
        pytest.skip(f"needs the internet: {marker.args[0]} cannot be reached")


def pytest_runtest_teardown() -> None:
    """Put back how the end of a child process is taken: torch's loader of batches leaves a handler of its own behind.

    With it, processes of tests that start others have ended by SIGSEGV.
    """
    handling = sys.modules.get("torch.utils.data._utils.signal_handling")
    if handling is not None and handling._SIGCHLD_handler_set:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        handling._SIGCHLD_handler_set = False  # the next loader sets it anew


def _reachable(host: str) -> bool:
    try:
        socket.create_connection((host, 443), timeout=5).close()
    except OSError:
        return False
    return True


def shared(*parts: str) -> Path:
    """A file of the training material, or a skip that says what is missing."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip(f"needs the training material: {'/'.join(parts)} is not beside the repository")
    return path


@contextmanager
def exporting() -> Iterator[None]:
    """jaxtyping compares sizes, which the exporter, tracing with symbols for them, must not.

    And pytest listens to torch's log of traces, for which torch then writes down a stack with each size it compares.
    """
    from jaxtyping import config

    config.update("jaxtyping_disable", True)
    try:
        with mock.patch.object(logging.getLogger("torch.__trace"), "handlers", []):
            yield
    finally:
        config.update("jaxtyping_disable", False)


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos` and `styles`."""
    from generate_pictures import generate

    folder = tmp_path_factory.mktemp("pictures")
    generate(folder, count=6, side=96)
    return folder


@pytest.fixture(scope="session")
def tiny():
    """Configuration of a network of a few thousand weights."""
    from pasticcio.nn.network import NetworkConfig

    return NetworkConfig(
        embedding=6,
        half=8,
        quarter=8,
        eighth=8,
        quarter_blocks=1,
        eighth_blocks=1,
        predictor_widths=(4, 4, 8),
        predictor_hidden=8,
    )


@pytest.fixture
def forecasting(tiny):
    """A network whose predictor has a forecast, a loss network with the same layers, and a loss of these."""
    import torch

    from pasticcio.nn.losses import LossConfig
    from pasticcio.nn.network import StyleNetwork
    from pasticcio.nn.vgg import Vgg, VggConfig

    torch.manual_seed(0)
    layers = {"relu1_1": 3, "relu2_1": 4}
    change = {"transfer": "encoded", "predictor": "statistics", "predictor_forecast": layers}
    network = StyleNetwork(replace(tiny, **change)).eval().requires_grad_(False)
    network.transfer.encoder.randomize(0)
    network.predictor.vgg.randomize(0)
    network.predictor.forecast.style.narrow.randomize(1)
    vgg = Vgg(VggConfig(padding="reflect"), list(layers)).requires_grad_(False)
    vgg.randomize(2)
    loss = LossConfig(content={"relu2_1": 1.0}, style=dict.fromkeys(layers, 10.0), relative=True, logarithmic=True)
    return network, vgg, loss


def _sources() -> str:
    """A digest of all that the graphs of a model folder depend on."""
    digest = hashlib.sha256()
    for package in ("torch", "onnx", "onnxscript", "onnx_ir"):
        digest.update(f"{package} {importlib.metadata.version(package)} ".encode())
    for folder in ("src/pasticcio/nn", "src/pasticcio/training", "src/pasticcio/model", "tests/conftest.py"):
        for path in sorted((ROOT / folder).rglob("*.py")) or [ROOT / folder]:
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Callable[..., Path]:
    """Writes a model folder, and its graphs once for all processes and all runs of the same sources.

    They take most of a minute; pytest's cache keeps them.
    """
    from pasticcio.files import alone
    from pasticcio.training.export import export
    from pasticcio.training.model_folder import save_model

    cache = getattr(pytestconfig, "cache", None)
    store = cache.mkdir("pasticcio-models") if cache else tmp_path_factory.mktemp("kept")

    def write(network: nn.Module, name: str, *more: object) -> Path:
        kept = store / f"{name}-{_sources()}"
        with alone(store / f"{name}.lock"):
            if not kept.exists():
                for older in store.glob(f"{name}-*"):
                    shutil.rmtree(older)
                begun = store / f"{name}-unfinished"
                save_model(begun, network, name, {"steps": 0}, *more)
                with exporting():
                    export(begun)
                begun.rename(kept)
            return shutil.copytree(kept, tmp_path_factory.mktemp("models") / name)

    return write


@pytest.fixture(scope="session")
def model_folder(tiny, exported) -> Path:
    """A whole model folder of the tiny network, ONNX graphs included."""
    import torch

    from pasticcio.nn.network import StyleNetwork

    torch.manual_seed(0)
    return exported(StyleNetwork(tiny).eval(), "tiny")


@pytest.fixture(scope="session")
def photo() -> np.ndarray:
    """A real photo, uint8 (300, 451, 3)."""
    from skimage import data

    return data.chelsea()


@pytest.fixture
def photo_file(photo: np.ndarray, tmp_path: Path) -> Path:
    from PIL import Image

    path = tmp_path / "photo.jpg"
    Image.fromarray(photo).save(path, quality=92)
    return path


@pytest.fixture
def style_file(tmp_path: Path) -> Path:
    from PIL import Image
    from skimage import data

    path = tmp_path / "style.png"
    Image.fromarray(data.coffee()[:200, :300]).save(path)
    return path


@pytest.fixture(scope="session")
def table_folder(tiny, exported) -> Path:
    """A whole model folder of a table of two styles, "red" and "blue"."""
    from dataclasses import replace

    import torch

    from pasticcio.nn.network import StyleNetwork

    torch.manual_seed(2)
    network = StyleNetwork(replace(tiny, predictor="table", embedding=2)).eval()
    with torch.no_grad():
        network.heads.weight += 0.5 * torch.randn_like(network.heads.weight)
    return exported(network, "pair", ["red", "blue"])


@pytest.fixture(scope="session")
def chromium() -> Iterator[Callable[..., object]]:
    """Starts headless Chromium, playwright's own or the system's, with the flags that it is given."""
    api = pytest.importorskip("playwright.sync_api", reason="needs playwright (the extra 'dev')")
    system = next(
        (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
    )

    def start(*flags: str) -> object:
        try:
            started.append(playwright.chromium.launch(executable_path=system, args=["--no-sandbox", *flags]))
        except api.Error as error:
            pytest.skip(f"needs Chromium: {str(error).splitlines()[0]}; 'playwright install chromium' gets one")
        return started[-1]

    started: list[object] = []
    with api.sync_playwright() as playwright:
        yield start
        for one in started:
            one.close()


@pytest.fixture(scope="session")
def browser(chromium: Callable[..., object]) -> object:
    """Headless Chromium."""
    return chromium()
