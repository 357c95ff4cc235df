"""The ONNX graphs of a model folder, made from its weights and compared with torch."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx
import onnx.inliner
import onnx.parser
import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn

from pasticcio.errors import TrainingError
from pasticcio.image.picture import as_depth
from pasticcio.model.config import CONFIG
from pasticcio.model.folder import MEASURED, PIXELS, PIXELS_INT8, PREDICT, REGIONS, TRANSFER, Model
from pasticcio.model.names import ONNXRUNTIME
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.norm import STEERED_FUNCTION, Steering
from pasticcio.nn.transfer import to_bytes
from pasticcio.render.scene import Scene
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.graph_file import borrow, borrowing, halve, save_graph, write_graph
from pasticcio.training.model_folder import load_network, write_config
from pasticcio.training.slope import add_slope, loss_network

TOLERANCE = 1e-3
CHECKED = ((256, 256), (192, 320), (137, 211))  # heights and widths at which the graphs are compared


class Predict(nn.Module):
    """The graph of `predict.onnx`."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, style: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        return self.network.predictor(style)


class Transfer(nn.Module):
    """The graph of `transfer.onnx`."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, content: Float[Tensor, "b 3 h w"], embedding: Float[Tensor, "s e"]) -> Float[Tensor, "b 3 h w"]:
        # One embedding serves a whole batch. The exporter takes both counts for the same, so the rows
        # are made as many here, by an addition that broadcasts when the graph runs.
        return self.network.render(content, embedding + 0.0 * content[:, 0, 0, :1])


class Pixels(nn.Module):
    """The graph of `pixels.onnx`."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, content: UInt8[Tensor, "b h w 3"], embedding: Float[Tensor, "s e"]) -> UInt8[Tensor, "b h w 3"]:
        rows = embedding + 0.0 * content[:, 0, 0, :1].float()  # see `Transfer`
        return self.network.transfer.paint(content, self.network.heads(rows))


class Regions(nn.Module):
    """The graph of `regions.onnx`: `Transfer` without padding, with everything of a `Steering` as inputs."""

    def __init__(self, network: StyleNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(
        self,
        content: Float[Tensor, "b 3 h w"],
        embeddings: Float[Tensor, "s e"],
        given: Float[Tensor, "2 c"],
        known: Float[Tensor, "c"],
        *maps: Float[Tensor, "..."],
    ) -> tuple[Float[Tensor, "b 3 h w"], Float[Tensor, "2 c"]]:
        scales = self.network.transfer.scales
        masks, weights = maps[: len(scales)], maps[len(scales) :]
        styles = self.network.heads(embeddings)
        steering = Steering(
            styles, dict(zip(scales, masks, strict=True)), dict(zip(scales, weights, strict=True)), given, known
        )
        return self.network.transfer.render(content, steering), steering.statistics()


def export(folder: Path) -> float:
    """Add the ONNX graphs to a model folder and compare them with torch; a table of styles has no `predict.onnx`.

    Returns:
        The largest difference found, on [0, 1], over three sizes, one of them odd.

    Raises:
        ModelError: the folder has no weights.
        TrainingError: a graph differs from torch by more than 1e-3.
    """
    network = load_network(folder)
    picture = torch.rand(2, 3, 137, 211)
    embedding = torch.randn(2, network.config.embedding)
    free = {0: "batch", 2: "height", 3: "width"}
    if network.config.predictor != "table":
        write_graph(Predict(network), (picture,), {"style": free}, ["embedding"], folder / PREDICT)
        halve(folder / PREDICT, lent="narrow" if network.config.predictor_forecast else "vgg")  # of `slope`
    rows = {"content": free, "embedding": {0: "styles"}}
    before = (folder / TRANSFER).read_bytes() if (folder / TRANSFER).exists() else b""
    write_graph(Transfer(network), (picture, embedding), rows, ["image"], folder / TRANSFER)
    if (folder / TRANSFER).read_bytes() != before:
        for measured in (PIXELS_INT8, *MEASURED):  # on the weights as they were
            (folder / measured).unlink(missing_ok=True)
    rows["content"] = {0: "batch", 1: "height", 2: "width"}
    write_graph(Pixels(network), (to_bytes(picture.permute(0, 2, 3, 1)), embedding), rows, ["image"], folder / PIXELS)
    borrow(folder / PIXELS, [folder / TRANSFER])
    _write_regions(network, folder)
    write_config(folder, json.loads((folder / CONFIG).read_bytes()))
    if loss_network(network) is not None:
        add_slope(folder)
    return compare(network, Model.open(folder))


def _write_regions(network: StyleNetwork, folder: Path) -> None:
    """The graph of `Regions`."""
    transfer, path = network.transfer, folder / REGIONS
    channels = transfer.style_parameters // 2
    side = 4 * max(transfer.multiple, *transfer.scales)
    inputs: dict[str, tuple[Tensor, dict[int, str]]] = {
        "content": (torch.rand(3, 3, side, 2 * side), {0: "batch", 2: "height", 3: "width"}),
        "embeddings": (torch.randn(2, network.config.embedding), {0: "styles"}),
        "given": (torch.zeros(2, channels), {}),
        "known": (torch.zeros(channels), {}),
    }
    for name, maps in (("masks", 2), ("weights", 1)):
        for scale in transfer.scales:
            free = {0: "maps", 2: f"height_{scale}", 3: f"width_{scale}"}
            example = torch.rand(3, maps, side // scale, 2 * side // scale)
            inputs[f"{name}_{scale}"] = example, {**free, 1: "styles"} if name == "masks" else free
    examples, shapes = zip(*inputs.values(), strict=True)
    write_graph(
        Regions(network),
        examples,
        dict(zip(inputs, shapes, strict=True)),
        ["image", "statistics"],
        path,
        together=2 * len(transfer.scales),
    )
    graph = onnx.load(path)
    version = next(opset.version for opset in graph.opset_import if opset.domain == "")
    graph.functions.append(onnx.parser.parse_function(STEERED_FUNCTION % version))
    graph = onnx.inliner.inline_local_functions(graph)
    del graph.graph.value_info[:]
    for value in graph.graph.input:  # sizes of maps may be 1 where the picture's are not: they have names of their own
        for axis, name in inputs[value.name][1].items():
            value.type.tensor_type.shape.dim[axis].dim_param = f"{value.name}_{name}"
    save_graph(borrowing(graph, [folder / TRANSFER]), path)


@torch.no_grad()
def compare(network: StyleNetwork, model: Model) -> float:
    """Largest difference between a model's graphs and torch, on [0, 1].

    Raises:
        TrainingError: it is above 1e-3.
    """
    rng = np.random.default_rng(0)
    stylizer = Stylizer(model, runtime=ONNXRUNTIME)
    worst = 0.0
    for height, width in CHECKED:
        content = rng.random((height, width, 3), dtype=np.float32)
        picture = torch.from_numpy(content).permute(2, 0, 1)[None]
        if model.table:  # a mix of all styles
            embedding = torch.from_numpy(rng.dirichlet(np.ones(model.embedding))[None]).float()
            found = embedding.numpy()
        else:
            embedding = network.predictor(picture)
            found = stylizer.run(model.predict, style=picture.numpy())
        image = network.render(picture, embedding)[0].permute(1, 2, 0).numpy()
        rendered = stylizer.render(content, found[0])
        whole, _ = stylizer.canvas(Scene(content, found)).whole()
        worst = max(worst, float(np.abs(rendered - image).max()), float(np.abs(whole - image).max()))
        photo = as_depth(content, np.uint8)
        painted = network.transfer.paint(torch.from_numpy(photo)[None], network.heads(embedding))[0].numpy()
        steps = np.abs(painted.astype(int) - stylizer.render(photo, found[0]))
        worst = max(worst, float(steps.max() - 1))  # bytes may be rounded either way
    if not worst <= TOLERANCE:
        raise TrainingError(
            f"the ONNX graphs in {model.folder} differ from torch by {worst:.2g}; the limit is {TOLERANCE:g}"
        )
    return worst
