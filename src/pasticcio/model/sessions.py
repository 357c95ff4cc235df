"""The loaded graphs of a model."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Thread
from typing import Any
from weakref import WeakSet

from numpy.typing import NDArray

from pasticcio.errors import ModelError, PasticcioError
from pasticcio.model.checks import check_graph
from pasticcio.model.folder import PIXELS, PIXELS_INT8, TRANSFER
from pasticcio.model.names import ONNXRUNTIME, ONNXRUNTIME_INT8
from pasticcio.model.package import import_package

LARGE = 4_000_000  # pixels: larger pictures are run with less memory, see `open_graph`

NO_MEMORY = ("bad_alloc", "bad allocation", "failed to allocate", "out of memory", "cannot allocate memory")

Arrays = Mapping[str, NDArray[Any]]
Run = Callable[[Arrays], list[NDArray[Any]]]


def open_graph(graph: Path, runtime: str, threads: int | None = None, large: bool = False) -> Run:
    """Load a graph; several threads may call the function that is returned.

    Args:
        graph: an ONNX file of a model folder.
        runtime: any but "auto".
        threads: None for one per core.
        large: for large pictures: onnxruntime gives memory back at once, and so takes less memory and more time.

    Raises:
        ModelError: the graph cannot be loaded, or is not the one of its model folder, see `check_graph`.
        MemoryError: memory does not suffice.
    """
    check_graph(graph)
    try:
        if runtime in (ONNXRUNTIME, ONNXRUNTIME_INT8):
            return _open_onnxruntime(graph, threads, arena=not large)
        from pasticcio.model.openvino import OpenVinoGraph  # not needed for onnxruntime, nor for a fast start

        return OpenVinoGraph(graph, runtime, threads)
    except Exception as error:  # neither runtime's errors have a public base class
        if _lacks_memory(error):
            raise MemoryError(f"no memory for {graph.name}") from None
        reason = next((line for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)
        raise ModelError(f"cannot load {graph}: {reason}") from error


def _open_onnxruntime(graph: Path, threads: int | None, arena: bool) -> Run:
    """Load a graph into onnxruntime. Its arena keeps all memory that it ever took, in blocks of doubling size."""
    onnxruntime = import_package(ONNXRUNTIME)
    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = threads or 0
    settings.enable_cpu_mem_arena = arena
    # Each graph has threads of its own. Without this they go on spinning after a run, on the cores of the next graph.
    settings.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(str(graph), settings, providers=["CPUExecutionProvider"])
    return lambda inputs: list(session.run(None, inputs))


def _lacks_memory(error: Exception) -> bool:
    """Whether a runtime's error says that it could not allocate memory."""
    return isinstance(error, MemoryError) or any(mark in str(error).lower() for mark in NO_MEMORY)


@dataclass(frozen=True)
class _Loading:
    """A graph that is loaded once, by the thread that comes first; `run` is empty until then."""

    lock: Lock
    run: list[Run]


class Sessions:
    """The graphs of one model, each loaded when it is first run; several threads may use them.

    A forked process loads the graphs anew when it first runs them.

    Args:
        runtime: called when the style transfer network is first loaded; returns its runtime, any but "auto".
        threads: for every graph; None for one per core.
        load_graph: see `open_graph`.
    """

    def __init__(
        self,
        runtime: Callable[[], str],
        threads: int | None = None,
        load_graph: Callable[[Path, str, int | None, bool], Run] = open_graph,
    ) -> None:
        self._runtime, self._threads, self._load_graph = runtime, threads, load_graph
        self._graphs: dict[tuple[Path, bool], _Loading] = {}
        self._lock = Lock()
        _all_sessions.add(self)

    def run(self, graph: Path, inputs: Arrays) -> list[NDArray[Any]]:
        """Run a graph.

        Returns:
            Its outputs, in their order, as arrays that nothing else uses.

        Raises:
            ModelError: the graph cannot be loaded.
            MemoryError: memory does not suffice.
        """
        content = inputs.get("content")
        run = self._loaded(graph, content is not None and content.size > 3 * LARGE)
        try:
            return run(inputs)
        except Exception as error:  # neither runtime's errors have a public base class
            if _lacks_memory(error):
                raise MemoryError(f"no memory for {graph.name}") from None
            raise

    def load(self, graph: Path) -> None:
        """Begin to load a graph in a new thread. If it cannot be loaded, `run` raises the error."""
        # Imported before the thread starts: two threads that import a package at once may see half of it.
        import_package(self._runtime_of(graph))
        Thread(target=self._try_to_load, args=(graph,)).start()

    def _try_to_load(self, graph: Path) -> None:
        with contextlib.suppress(PasticcioError, MemoryError):  # `run` raises it again
            self._loaded(graph)

    def _loaded(self, graph: Path, large: bool = False) -> Run:
        with self._lock:
            loading = self._graphs.setdefault((graph, large), _Loading(Lock(), []))
        with loading.lock:
            if not loading.run:
                loading.run.append(self._load_graph(graph, self._runtime_of(graph), self._threads, large))
        return loading.run[0]

    def _runtime_of(self, graph: Path) -> str:
        return self._runtime() if graph.name in (TRANSFER, PIXELS, PIXELS_INT8) else ONNXRUNTIME

    def _forget(self) -> None:
        """Forget all graphs, in a forked process, without freeing them.

        The threads of a graph exist only in the parent process. To free the graph would wait for them forever.
        """
        import ctypes

        ctypes.pythonapi.Py_IncRef(ctypes.py_object(self._graphs))  # never freed, not even at the end of the process
        self._graphs, self._lock = {}, Lock()


_all_sessions: WeakSet[Sessions] = WeakSet()


def _after_fork() -> None:
    for sessions in list(_all_sessions):
        sessions._forget()


if hasattr(os, "register_at_fork"):  # Windows cannot fork
    os.register_at_fork(after_in_child=_after_fork)
