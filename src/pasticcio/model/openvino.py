"""A graph that OpenVINO runs."""

from __future__ import annotations

from collections import Counter, OrderedDict
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from pasticcio import cache
from pasticcio.model.machine import cores
from pasticcio.model.names import OPENVINO, OPENVINO_BF16
from pasticcio.model.package import import_package

if TYPE_CHECKING:
    from pasticcio.model.sessions import Arrays

COMPILED = "openvino"  # folder of compiled graphs in the cache folder
MOST_COMPILED = 8  # compiled graphs that are kept there, 6 MB each
REPEATED = 4  # a graph is compiled for a size when it comes for this time
MOST_STREAMS = 4  # calls that run at the same time
MOST_SIZES = 4  # sizes for which a graph is compiled at the same time

Sizes = tuple[tuple[str, tuple[int, ...]], ...]  # names and shapes of inputs


class OpenVinoGraph:
    """A graph, compiled once for all sizes and also for each size that is often asked for.

    A graph compiled for one size alone is faster, but takes a while to compile. Several threads may call it.

    Args:
        graph: an ONNX file.
        runtime: "openvino-bf16" for bfloat16; any other for the precision that the graph has.
        threads: of each call; calls that fit on the cores together run at the same time. None for one per core, and
            one call at a time.
        repeated: the call, counted for each size, at which the graph is compiled for that size.
        most_sizes: for how many sizes it is compiled; the one that was not asked for the longest gives way.
    """

    def __init__(
        self,
        graph: Path,
        runtime: str,
        threads: int | None = None,
        *,
        repeated: int = REPEATED,
        most_sizes: int = MOST_SIZES,
    ) -> None:
        self._graph, self._core = graph, import_package(OPENVINO).Core()
        self._repeated, self._most_sizes = repeated, most_sizes
        self._settings: dict[str, Any] = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_PRECISION_HINT": "bf16" if runtime == OPENVINO_BF16 else "f32",
            # If another process rewrites a compiled graph that is mapped into memory, this process dies.
            "ENABLE_MMAP": False,
        }
        if threads:
            # One stream for each call that runs at the same time; their threads are counted together.
            streams = max(1, min(MOST_STREAMS, cores() // threads))
            self._settings |= {"INFERENCE_NUM_THREADS": threads * streams, "NUM_STREAMS": streams}
        self._any_size = _Requests(self._compile())
        self._for_size: OrderedDict[Sizes, _Requests] = OrderedDict()
        self._seen: Counter[Sizes] = Counter()
        self._lock = Lock()

    @property
    def compiled_sizes(self) -> list[Sizes]:
        """The sizes for which the graph has been compiled; the one that was not asked for the longest is first."""
        return [sizes for sizes, requests in self._for_size.items() if requests is not self._any_size]

    def __call__(self, inputs: Arrays) -> list[NDArray[Any]]:
        return self._requests(tuple((name, value.shape) for name, value in inputs.items())).run(inputs)

    def _compile(self) -> Any:
        """The graph compiled for all sizes; from the cache folder, if it has been compiled before."""
        kept = {"CACHE_DIR": str(cache.cache_folder() / COMPILED)} if cache.caching() else {}
        try:
            compiled = self._core.compile_model(str(self._graph), "CPU", self._settings | kept)
        except RuntimeError:
            if not kept:
                raise
            # The cache may be damaged or not writable.
            compiled = self._core.compile_model(str(self._graph), "CPU", self._settings)
        cache.thin(MOST_COMPILED, COMPILED)
        return compiled

    def _requests(self, sizes: Sizes) -> _Requests:
        with self._lock:
            if sizes in self._for_size:
                self._for_size.move_to_end(sizes)
                return self._for_size[sizes]
            self._seen[sizes] += 1
            if self._seen[sizes] < self._repeated:
                return self._any_size
            self._seen.clear()
            try:
                model = self._core.read_model(str(self._graph))
                model.reshape({name: list(shape) for name, shape in sizes})
                self._for_size[sizes] = _Requests(self._core.compile_model(model, "CPU", self._settings))
            except RuntimeError:
                self._for_size[sizes] = self._any_size
            if len(self._for_size) > self._most_sizes:
                self._for_size.popitem(last=False)
            return self._for_size[sizes]


class _Requests:
    """A compiled graph and its requests, each of which serves one thread at a time."""

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
