"""The names of the runtimes, and which one a name stands for.

    onnxruntime      always installed; float32
    openvino         needs the extra `openvino`; float32
    openvino-bf16    the same in bfloat16, on CPUs that have its instructions
    onnxruntime-int8, openvino-int8
                     convolutions in 8 bits, for 8-bit pictures in one pass; everything else in float32
    auto             the faster of the two in float32, by a measurement (see `auto`)

OpenVINO runs the style transfer network, which takes nearly all of the time. onnxruntime always runs the style
prediction network: OpenVINO is not faster there, and so embeddings do not depend on the runtime. onnxruntime also
always runs the regions graph: its masks are inputs of convolutions, which OpenVINO 2026.4 refuses ("doesn't support
dynamic weights shape").
"""

from __future__ import annotations

import os

from pasticcio.errors import MissingExtraError, OptionError, nearest
from pasticcio.model.machine import precisions
from pasticcio.model.package import is_installed

AUTO, ONNXRUNTIME, OPENVINO, OPENVINO_BF16 = "auto", "onnxruntime", "openvino", "openvino-bf16"
ONNXRUNTIME_INT8, OPENVINO_INT8 = "onnxruntime-int8", "openvino-int8"
INT8 = ONNXRUNTIME_INT8, OPENVINO_INT8
RUNTIMES = AUTO, ONNXRUNTIME, OPENVINO, OPENVINO_BF16, *INT8
VARIABLE = "PASTICCIO_RUNTIME"


def resolve(runtime: str) -> str:
    """The runtime that a name stands for; "auto" stands for the environment variable PASTICCIO_RUNTIME if it is set.

    Returns:
        One of `RUNTIMES`, which this machine can run; "auto" where neither the name nor the variable says more.

    Raises:
        OptionError: no runtime of that name, or one that this CPU cannot run.
        MissingExtraError: the runtime is not installed.
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
