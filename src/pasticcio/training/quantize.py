"""A model's graph of bytes with its convolutions in 8 bits, their ranges measured on photos and styles."""

from __future__ import annotations

import contextlib
import io
import json
import logging
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from pasticcio.errors import ModelError, OutputError
from pasticcio.files import working_folder, write_whole
from pasticcio.image.crop import center_crop
from pasticcio.image.picture import as_float
from pasticcio.model.config import EXPORT
from pasticcio.model.folder import PIXELS, PIXELS_INT8, TRANSFER, Model
from pasticcio.model.names import ONNXRUNTIME, ONNXRUNTIME_INT8
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.graph_file import borrowing
from pasticcio.training.model_folder import write_config
from pasticcio.training.pictures import Pictures

CALIBRATION = 30  # pairs of a photo and a style
SIDE = 256  # of both, in pixels
Inputs = dict[str, np.ndarray[Any, Any]]


def quantize(
    folder: Path, photos: Sequence[str], styles: Sequence[str] = (), *, split: str = "train", pairs: int = CALIBRATION
) -> float:
    """Add `pixels-int8.onnx` to a model folder: static quantization of the convolutions; the rest stays float32.

    Inputs of convolutions have 8 bits and a range for each layer, weights 7 bits and one for each output channel: with
    8, sums of two products saturate on CPUs without 8-bit dot products (AVX2).

    Args:
        folder: of the model, with its graphs.
        photos, styles: on which ranges are measured, see `Pictures`; a table of styles needs none.
        split: rows of tables used.
        pairs: so many, spread evenly over photos and styles.

    Returns:
        The mean difference from float32 over these pairs, on [0, 1].

    Raises:
        ModelError: no model folder, or one without `pixels.onnx`.
        DataError: no pictures.
        OutputError: the folder cannot be written.
    """
    model = Model.open(folder)
    if model.pixels is None:
        raise ModelError(f"{folder} has no {PIXELS} to quantize; {EXPORT}")
    stylizer = Stylizer(model, runtime=ONNXRUNTIME)
    inputs = _pairs(stylizer, Pictures(photos, split), Pictures(styles, split) if styles else None, pairs)
    try:
        _write(model.pixels, folder, inputs)
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        for kind in ("inputs", "outputs"):
            config[kind][PIXELS_INT8] = config[kind][PIXELS]
        write_config(folder, config)
    except OSError as error:
        raise OutputError(f"cannot write to {folder}: {error.strerror or error}") from error
    quantized = Stylizer(folder, runtime=ONNXRUNTIME_INT8)
    return float(np.mean([_difference(stylizer, quantized, pair) for pair in inputs]))


def _pairs(stylizer: Stylizer, photos: Pictures, styles: Pictures | None, count: int) -> list[Inputs]:
    if styles is None:
        known = [style.embedding for style in stylizer.model.styles.values()]
        embeddings = [known[i % len(known)] for i in range(count)]
    else:
        embeddings = [stylizer.embed(_square(styles, i), side=SIDE).embedding for i in _spread(len(styles), count)]
    contents = [_square(photos, i) for i in _spread(len(photos), count)]
    return [
        {"content": content[None], "embedding": embedding[None].astype(np.float32)}
        for content, embedding in zip(contents, embeddings, strict=True)
    ]


def _write(graph: Path, folder: Path, inputs: list[Inputs]) -> None:
    with working_folder(folder) as work, _temporary(work), _quiet():
        whole, prepared, quantized = (work / stage for stage in ("whole", "prepared", "quantized"))
        onnx.save(onnx.load(graph), whole)  # with its weights, which lie beside it
        quant_pre_process(str(whole), str(prepared), skip_symbolic_shape=True)
        quantize_static(
            str(prepared), str(quantized), _Reader(inputs), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"],
            per_channel=True, reduce_range=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8,
        )  # fmt: skip
        write_whole(folder / PIXELS_INT8, borrowing(onnx.load(quantized), [folder / TRANSFER]).SerializeToString())


@contextlib.contextmanager
def _temporary(folder: Path) -> Iterator[None]:
    """Put the temporary files of libraries into a folder."""
    before, tempfile.tempdir = tempfile.tempdir, str(folder)
    try:
        yield
    finally:
        tempfile.tempdir = before


class _Reader(CalibrationDataReader):  # type: ignore[misc]
    def __init__(self, inputs: list[Inputs]) -> None:
        self.left = iter(inputs)

    def get_next(self) -> Inputs | None:
        return next(self.left, None)


def _difference(stylizer: Stylizer, quantized: Stylizer, pair: Inputs) -> float:
    one, other = (as_float(each.render(pair["content"][0], pair["embedding"][0])) for each in (stylizer, quantized))
    return float(np.abs(one - other).mean())


def _square(pictures: Pictures, number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.ascontiguousarray(center_crop(pictures.load(number), SIDE, SIDE))


def _spread(available: int, count: int) -> list[int]:
    return [int(i) for i in np.linspace(0, available - 1, count).round()]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The quantizer prints and warns of what was decided on purpose."""
    level = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        with contextlib.redirect_stdout(io.StringIO()):
            yield
    finally:
        logging.disable(level)
