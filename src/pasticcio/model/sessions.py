"""Runtimes: what runs the graphs of a model, by name.

    onnxruntime      always there; float32
    openvino         the extra `openvino`; float32
    openvino-bf16    the same in bfloat16, on CPUs that have its instructions
    onnxruntime-int8, openvino-int8
                     convolutions in 8 bits, for 8-bit pictures in one pass; all else is float32
    auto             the faster of the two in float32, by a measurement (see `choice`)

OpenVINO runs the style transfer network, where nearly all of the time goes. The style prediction network stays
with onnxruntime (OpenVINO is not faster there, and embeddings are then the same whatever the runtime), and so
does the regions graph: its masks are inputs of convolutions, which OpenVINO 2026.4 refuses ("doesn't support
dynamic weights shape").
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock, Thread
from typing import Any
from weakref import WeakSet

import numpy as np
from numpy.typing import NDArray

from pasticcio import cache
from pasticcio.errors import MissingExtraError, ModelError, OptionError, PasticcioError, nearest
from pasticcio.model.folder import PIXELS, PIXELS_INT8, TRANSFER

AUTO, ONNXRUNTIME, OPENVINO, OPENVINO_BF16 = "auto", "onnxruntime", "openvino", "openvino-bf16"
ONNXRUNTIME_INT8, OPENVINO_INT8 = "onnxruntime-int8", "openvino-int8"
INT8 = ONNXRUNTIME_INT8, OPENVINO_INT8
RUNTIMES = AUTO, ONNXRUNTIME, OPENVINO, OPENVINO_BF16, *INT8
VARIABLE = "PASTICCIO_RUNTIME"
COMPILED = "openvino"  # folder of compiled graphs in the cache folder, 6 MB each
MOST_COMPILED = 8
REPEATED, MOST_SIZES = 4, 4  # after so many pictures of a size a graph is compiled for it, and for so many sizes
SENDER = "openvino_telemetry"
LARGE = 4_000_000  # pixels: for larger pictures onnxruntime gives memory back at once, see `_onnxruntime`

Arrays = Mapping[str, NDArray[Any]]
Run = Callable[[Arrays], list[NDArray[Any]]]
Sizes = tuple[tuple[str, tuple[int, ...]], ...]  # names and shapes of inputs


def is_installed(runtime: str) -> bool:
    """Whether a runtime's package is there; it is not imported."""
    return importlib.util.find_spec(runtime.split("-")[0]) is not None


def resolve(runtime: str) -> str:
    """A runtime that was asked for, made sure of: "auto" gives way to the environment variable PASTICCIO_RUNTIME.

    Raises:
        OptionError: no runtime of that name, or one that this CPU cannot run.
        MissingExtraError: it is not installed.
    """
    source = "runtime"
    if runtime == AUTO and os.environ.get(VARIABLE):
        source, runtime = VARIABLE, os.environ[VARIABLE]
    if runtime not in RUNTIMES:
        raise OptionError(f"{source} is {runtime!r}; {nearest(runtime, RUNTIMES)}")
    if runtime == AUTO:
        return runtime
    if not is_installed(runtime):
        raise MissingExtraError(f"runtime {runtime}", OPENVINO)
    if runtime == OPENVINO_BF16 and "BF16" not in precisions():
        raise OptionError(f"{source} is {runtime!r}, and this CPU has no bfloat16 instructions; choose {OPENVINO!r}")
    return runtime


def precisions() -> tuple[str, ...]:
    """What the CPU computes in under OpenVINO: "FP32", "BF16" and others; empty where it is not installed."""
    if not is_installed(OPENVINO):
        return ()
    return tuple(_package(OPENVINO).Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"))


@dataclass(frozen=True)
class _Loading:
    """A graph that is loaded once, whichever thread comes first."""

    lock: Lock
    run: list[Run]


class Sessions:
    """The graphs of one model, each loaded when it is first run; several threads may use them.

    A process that was forked loads its own, when it first runs them.

    Args:
        runtime: says which runs the style transfer network, when that is first needed: any but "auto".
        threads: for every graph; by default one per core.
    """

    def __init__(self, runtime: Callable[[], str], threads: int | None = None) -> None:
        self._runtime, self._threads = runtime, threads
        self._graphs: dict[tuple[Path, bool], _Loading] = {}
        self._lock = Lock()
        _every.add(self)

    def run(self, graph: Path, inputs: Arrays) -> list[NDArray[Any]]:
        """The outputs of a graph, in its order, as arrays of the caller's own.

        Raises:
            ModelError: the graph cannot be loaded.
        """
        content = inputs.get("content")
        return self._loaded(graph, content is not None and content.size > 3 * LARGE)(inputs)

    def load(self, graph: Path) -> None:
        """Begin to load a graph, in a thread of its own; what is wrong with it, `run` will say."""
        # Imported here: of two threads that import at once, one may find a module half made.
        _package(self._runtime_of(graph))
        Thread(target=self._try, args=(graph,)).start()

    def _try(self, graph: Path) -> None:
        with contextlib.suppress(PasticcioError):  # said when it is run
            self._loaded(graph)

    def _loaded(self, graph: Path, large: bool = False) -> Run:
        with self._lock:
            loading = self._graphs.setdefault((graph, large), _Loading(Lock(), []))
        with loading.lock:
            if not loading.run:
                loading.run.append(open_graph(graph, self._runtime_of(graph), self._threads, large))
        return loading.run[0]

    def _runtime_of(self, graph: Path) -> str:
        return self._runtime() if graph.name in (TRANSFER, PIXELS, PIXELS_INT8) else ONNXRUNTIME

    def _begin_anew(self) -> None:
        """In a forked process: its graphs' threads are not there, and whoever frees a graph waits for them forever."""
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._graphs))  # never freed, not even at the end of the process
        self._graphs, self._lock = {}, Lock()


_every: WeakSet[Sessions] = WeakSet()


def _forked() -> None:
    for sessions in list(_every):
        sessions._begin_anew()


if hasattr(os, "register_at_fork"):  # not on Windows, where nothing forks
    os.register_at_fork(after_in_child=_forked)


def open_graph(graph: Path, runtime: str, threads: int | None = None, large: bool = False) -> Run:
    """A function that runs a graph; several threads may call it.

    Args:
        graph: an ONNX file of a model folder.
        runtime: any but "auto".
        threads: by default one per core.
        large: for pictures whose memory matters more than a tenth of their time.

    Raises:
        ModelError: the graph cannot be loaded.
    """
    try:
        return (
            _onnxruntime(graph, threads, large)
            if runtime in (ONNXRUNTIME, ONNXRUNTIME_INT8)
            else _OpenVino(graph, runtime, threads)
        )
    except Exception as error:  # neither runtime's errors have a public base
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        raise ModelError(f"cannot load {graph}: {reason}") from error


def _package(runtime: str) -> Any:
    """A runtime's package, imported without its telemetry.

    onnxruntime (1.32) sends events to its maker unless it is told not to before it is imported, and takes 30 ms for
    it; OpenVINO (2026.4) sends one at every import, unless the package that does so cannot be found. Whoever
    stylizes a photo has not asked for either.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    hidden = not {OPENVINO, SENDER} & sys.modules.keys()
    if hidden:
        sys.modules[SENDER] = None  # type: ignore[assignment]  # importing it is an ImportError, which OpenVINO expects
    try:
        return importlib.import_module(runtime.split("-")[0])
    finally:
        if hidden:
            del sys.modules[SENDER]


def _onnxruntime(graph: Path, threads: int | None, large: bool) -> Run:
    """The arena keeps all that was ever taken, in blocks of doubling size: at 12 megapixels half as much again."""
    onnxruntime = _package(ONNXRUNTIME)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads or 0
    settings.enable_cpu_mem_arena = not large
    session = onnxruntime.InferenceSession(str(graph), settings, providers=["CPUExecutionProvider"])
    return lambda inputs: list(session.run(None, inputs))


class _OpenVino:
    """A graph under OpenVINO: compiled for all sizes, and also for those that come again and again.

    A graph compiled for one size alone is 15% to 25% faster, and takes 0.1 to 0.7 s to compile.
    """

    def __init__(self, graph: Path, runtime: str, threads: int | None) -> None:
        openvino = _package(OPENVINO)
        self._graph, self._core = graph, openvino.Core()
        self._settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if runtime == OPENVINO_BF16 else "f32",
            # A compiled graph that is mapped, and that another process writes anew, ends this process.
            "ENABLE_MMAP": False,
        }
        if threads:
            self._settings["INFERENCE_NUM_THREADS"] = threads
        kept = {"CACHE_DIR": str(cache.cache_folder() / COMPILED)} if cache.caching() else {}
        try:
            compiled = self._core.compile_model(str(graph), "CPU", self._settings | kept)
        except RuntimeError:
            if not kept:
                raise
            compiled = self._core.compile_model(str(graph), "CPU", self._settings)  # the cache cannot be written
        cache.thin(MOST_COMPILED, COMPILED)
        self._any = _Requests(compiled)
        self._own: OrderedDict[Sizes, _Requests] = OrderedDict()
        self._seen: Counter[Sizes] = Counter()
        self._lock = Lock()

    def __call__(self, inputs: Arrays) -> list[NDArray[Any]]:
        return self._for(tuple((name, value.shape) for name, value in inputs.items())).run(inputs)

    def _for(self, sizes: Sizes) -> _Requests:
        with self._lock:
            if sizes in self._own:
                self._own.move_to_end(sizes)
                return self._own[sizes]
            self._seen[sizes] += 1
            if self._seen[sizes] < REPEATED:
                return self._any
            self._seen.clear()
            try:
                model = self._core.read_model(str(self._graph))
                model.reshape({name: list(shape) for name, shape in sizes})
                self._own[sizes] = _Requests(self._core.compile_model(model, "CPU", self._settings))
            except RuntimeError:
                self._own[sizes] = self._any
            if len(self._own) > MOST_SIZES:
                self._own.popitem(last=False)
            return self._own[sizes]


class _Requests:
    """A compiled graph, whose requests serve one thread at a time."""

    def __init__(self, compiled: Any) -> None:
        self._compiled = compiled
        self._idle: SimpleQueue[Any] = SimpleQueue()

    def run(self, inputs: Arrays) -> list[NDArray[Any]]:
        try:
            request = self._idle.get_nowait()
        except Empty:
            request = self._compiled.create_infer_request()
        try:
            shared = {name: np.ascontiguousarray(value) for name, value in inputs.items()}
            request.infer(shared, share_inputs=True, share_outputs=True)
            return [np.array(output.data) for output in request.output_tensors]
        finally:
            self._idle.put(request)
