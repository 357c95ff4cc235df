"""Our transfer network in 8 bits: what it loses and what it gains, beside float32.

    python benchmarks/quantize.py --shared ../shared --out runs/quantized
    python benchmarks/speed.py --models runs/quantized --sizes 512 --batches 1 --methods "8-bit trial"

The first writes a model folder with the float32 graph and quantized ones beside it, and prints their losses; the second
times them in turns. Convolutions are quantized, statically, all else stays float32: by onnxruntime, and where nncf is
installed (`pip install nncf`, which brings no torch) by that for OpenVINO. Ranges come from photos and styles of the
training split; losses are those of `quality.py`, on its pairs. docs/benchmarks.md says what came of it.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from measures import Measures
from onnxruntime.quantization import CalibrationDataReader, CalibrationMethod, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process
from pairs import PHOTOS, STYLES, find, pairs, square

from pasticcio.images import open_image
from pasticcio.model import TRANSFER, Model
from pasticcio.stylizer import Stylizer
from pasticcio.training.data import Pictures, centre_crop

Render = Callable[[np.ndarray, np.ndarray], np.ndarray]
PICTURES = 30
NNCF = "nncf"
U8, S8 = QuantType.QUInt8, QuantType.QInt8
BASE: dict[str, Any] = {"quant_format": QuantFormat.QDQ, "per_channel": True, "activation_type": U8, "weight_type": S8}
VARIANTS: dict[str, dict[str, Any]] = {
    "u8s8": {},
    "u8s8_7bit": {"reduce_range": True},  # sums of two products then fit 16 bits, where AVX2 would saturate
    "u8u8": {"weight_type": U8, "per_channel": False},
    "u8s8_qoperator": {"quant_format": QuantFormat.QOperator},
    "u8s8_7bit_percentile": {"reduce_range": True, "calibrate_method": CalibrationMethod.Percentile},
    "u8s8_7bit_body": {"reduce_range": True, "ends": False},
}


class Calibration(CalibrationDataReader):
    """Photos and embeddings of styles, both of the training split."""

    def __init__(self, stylizer: Stylizer, shared: Path, size: int) -> None:
        data = shared / "data"
        photos = Pictures([str(data / "photos.csv")], "train")
        styles = Pictures([str(data / "paintings.csv"), str(data / "textures.csv")], "train")
        self.inputs = [
            {
                "content": _square(photos, photo, size).transpose(2, 0, 1)[None],
                "embedding": stylizer.embed(_square(styles, style, 256)).embedding[None].astype(np.float32),
            }
            for photo, style in zip(_spread(len(photos)), _spread(len(styles)), strict=True)
        ]
        self.rewind()

    def get_next(self) -> dict[str, Any] | None:
        return next(self.left, None)

    def rewind(self) -> None:
        self.left: Iterator[dict[str, Any]] = iter(self.inputs)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--model", default="default")
    parser.add_argument("--out", type=Path, default=Path("runs/quantized"))
    parser.add_argument("--size", type=int, default=256)
    parser.add_argument("--thin", type=int, default=20, help="one in so many of the 800 pairs")
    parser.add_argument("--variants", nargs="*", default=[*VARIANTS, NNCF], choices=[*VARIANTS, NNCF])
    arguments = parser.parse_args()
    if not (arguments.shared / "data/photos.csv").exists():
        sys.exit(f"the trial needs the shared data, which is not at {arguments.shared}; name its folder with --shared")
    stylizer = Stylizer(arguments.model)
    folder: Path = arguments.out
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(stylizer.model.transfer, folder / TRANSFER)
    config = {**stylizer.model.config, "name": "8-bit trial"}
    (folder / "config.json").write_text(json.dumps(config))
    shutil.copy(stylizer.model.predict, folder / stylizer.model.predict.name)
    calibration = Calibration(stylizer, arguments.shared, arguments.size)
    graphs = [folder / TRANSFER]
    for name in arguments.variants:
        path = folder / (f"{name}.xml" if name == NNCF else f"{name}.onnx")
        if name == NNCF and importlib.util.find_spec("nncf") is None:
            print("nncf is not installed: without it", file=sys.stderr)
            continue
        if not path.exists():
            print(path.name, file=sys.stderr)
            if name == NNCF:
                quantize_for_openvino(folder / TRANSFER, path, calibration)
            else:
                quantize(folder / TRANSFER, path, calibration, VARIANTS[name])
        graphs.append(path)
    print(table(losses(graphs, Stylizer(Model.open(folder)), arguments)))


def quantize(source: Path, to: Path, calibration: Calibration, settings: dict[str, Any]) -> None:
    """Write a graph in which convolutions are in 8 bits; `ends` says whether the first and the last are too."""
    settings = {**BASE, **settings}
    ends = settings.pop("ends", True)
    prepared = to.with_suffix(".prepared")
    logging.getLogger().setLevel(logging.ERROR)
    quant_pre_process(str(source), str(prepared), skip_symbolic_shape=True)
    convs = [node.name for node in onnx.load(prepared).graph.node if node.op_type == "Conv"]
    calibration.rewind()
    quantize_static(
        str(prepared), str(to), calibration, op_types_to_quantize=["Conv"],
        nodes_to_exclude=[] if ends else [convs[0], convs[-1]], **settings,
    )  # fmt: skip
    prepared.unlink()


def quantize_for_openvino(source: Path, to: Path, calibration: Calibration) -> None:
    """Write OpenVINO's own format, with a scale for each channel and all 8 bits or, without VNNI, 7."""
    import nncf
    import openvino

    model = openvino.Core().read_model(source)
    rest = sorted({node.get_type_name() for node in model.get_ops()} - {"Convolution", "Constant", "Result"})
    scope = nncf.IgnoredScope(types=[kind for kind in rest if kind != "Parameter"], validate=False)
    data = nncf.Dataset(calibration.inputs)
    openvino.save_model(nncf.quantize(model, data, subset_size=PICTURES, ignored_scope=scope), to)


def losses(graphs: list[Path], stylizer: Stylizer, arguments: argparse.Namespace) -> dict[str, dict[str, list[float]]]:
    """Figures of every graph and runtime on every pair, and the mean difference from the first's output."""
    measures = Measures(arguments.shared / "weights")
    shared, size = arguments.shared, arguments.size
    which = pairs(arguments.thin)
    photos = {p: measures.photo(square(find(shared, PHOTOS[p]), size)) for p in {p for p, _ in which}}
    styles = {s: measures.style(square(find(shared, STYLES[s]), size)) for s in {s for _, s in which}}
    embeddings = {s: stylizer.embed(seen.image).embedding[None].astype(np.float32) for s, seen in styles.items()}
    found: dict[str, dict[str, list[float]]] = {}
    first: dict[tuple[int, int], np.ndarray] = {}
    for name, render in renderers(graphs):
        row = found[name] = defaultdict(list)
        for p, s in which:
            content = np.ascontiguousarray(photos[p].image.transpose(2, 0, 1)[None])
            output = np.ascontiguousarray(render(content, embeddings[s])[0].transpose(1, 2, 0))
            for figure, value in measures(output, photos[p], styles[s]).items():
                row[figure].append(value)
            row["difference"].append(float(np.abs(output - first.setdefault((p, s), output)).mean()))
        print(f"{name} is measured", file=sys.stderr, flush=True)
    return found


def renderers(graphs: list[Path]) -> Iterator[tuple[str, Render]]:
    """Every graph under every runtime that reads it and is installed; they saturate at different places."""
    for path in graphs:
        if path.suffix == ".onnx":
            session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
            yield f"{path.stem}, onnxruntime", lambda *inputs, run=session: run.run(None, _named(*inputs))[0]
        if importlib.util.find_spec("openvino"):
            import openvino

            try:
                model = openvino.Core().compile_model(path, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
            except RuntimeError as error:
                print(f"{path.name}: not under OpenVINO: {str(error).splitlines()[-1]}", file=sys.stderr)
                continue
            yield f"{path.stem}, OpenVINO", lambda *inputs, run=model: run(_named(*inputs))[0]


def _named(content: np.ndarray, embedding: np.ndarray) -> dict[str, np.ndarray]:
    return {"content": content, "embedding": embedding}


def table(found: dict[str, dict[str, list[float]]]) -> str:
    """Markdown; the losses also as shares of the first graph's."""
    names = ("content4", "style", "squeeze_content", "squeeze_style", "ssim")
    lines = [
        f"| graph | {' | '.join(names)} | mean difference |",
        "|---" * (len(names) + 2) + "|",
    ]
    first = next(iter(found.values()))
    for graph, row in found.items():
        cells = []
        for name in names:
            value, ratio = np.mean(row[name]), np.mean(row[name]) / np.mean(first[name])
            cells.append(f"{value:.3f}" + ("" if row is first else f" ({ratio - 1:+.1%})"))
        lines.append(f"| {graph} | {' | '.join(cells)} | {np.mean(row['difference']):.4f} |")
    return "\n".join(lines)


def _square(pictures: Pictures, number: int, size: int) -> np.ndarray:
    return open_image(centre_crop(pictures.load(number), size, size))


def _spread(count: int) -> list[int]:
    return [int(n) for n in np.linspace(0, count - 1, PICTURES).round()]


if __name__ == "__main__":
    main()
