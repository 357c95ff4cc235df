"""The Python packages of the runtimes: whether they are installed, their versions, and their import."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from functools import cache
from typing import Any

OPENVINO_PACKAGE = "openvino"
TELEMETRY = "openvino_telemetry"  # the package through which OpenVINO sends events


def package_of(runtime: str) -> str:
    """The package of a runtime: "openvino" of "openvino-bf16"."""
    return runtime.split("-")[0]


def is_installed(runtime: str) -> bool:
    """Whether the package of a runtime is installed; it is not imported."""
    return importlib.util.find_spec(package_of(runtime)) is not None


@cache
def version(package: str) -> str:
    """The version of an installed package; empty where it does not say."""
    import importlib.metadata  # slow to import

    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return ""


def import_package(runtime: str) -> Any:
    """Import the package of a runtime, with its telemetry off.

    onnxruntime (1.32) sends events to its maker unless an environment variable forbids it before the import.
    OpenVINO (2026.4) sends one at every import, unless the package that sends them cannot be found. Users of
    this library have agreed to neither.
    """
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    hidden = not {OPENVINO_PACKAGE, TELEMETRY} & sys.modules.keys()
    if hidden:
        sys.modules[TELEMETRY] = None  # type: ignore[assignment]  # makes its import fail, which OpenVINO expects
    try:
        return importlib.import_module(package_of(runtime))
    finally:
        if hidden:
            del sys.modules[TELEMETRY]
