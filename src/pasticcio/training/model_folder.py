"""Networks in model folders: weights and configuration, written and read. `export` adds the ONNX graphs."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import Tensor

from pasticcio.errors import ModelError
from pasticcio.files import make_folder, write_whole
from pasticcio.model.checks import HASHES, check_weights, hashes
from pasticcio.model.config import CONFIG, ModelConfig
from pasticcio.model.folder import PIXELS, PREDICT, TRANSFER, WEIGHTS
from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.training.config import from_dict
from pasticcio.training.pretrained import sha256

STYLE_SIDE = 256  # pixels: the short side at which a style picture is shown to the predictor by default
FINGERPRINT_DIGITS = 12
FORECAST = "predictor.forecast."  # what its weights' names begin with


def save_model(
    folder: Path, network: StyleNetwork, name: str, training: dict[str, Any], styles: Sequence[str] = ()
) -> None:
    """Write weights (matrices in half precision) and configuration; `export` adds the ONNX graphs.

    Args:
        folder: made if it is not there.
        network, name: the model.
        training: how it came about.
        styles: names of the styles of a table.
    """
    make_folder(folder)
    for graph in folder.glob("*.onnx"):  # of other weights: until `export` has made its own the folder is no model
        graph.unlink()
    state = {key: _half(value.detach().cpu()).contiguous() for key, value in network.folded().state_dict().items()}
    write_whole(folder / WEIGHTS, save(state))  # safetensors' save_file leaves other users no permission to read
    inputs = {
        PREDICT: {"style": "float32 (batch, 3, height, width), RGB in [0, 1]"},
        TRANSFER: {
            "content": "float32 (batch, 3, height, width), RGB in [0, 1], sides 16 or more",
            "embedding": "float32 (batch or 1, embedding)",
        },
        PIXELS: {
            "content": "uint8 (batch, height, width, 3), RGB from 0 to 255, sides 16 or more",
            "embedding": "float32 (batch or 1, embedding)",
        },
    }
    outputs = {
        PREDICT: {"embedding": "float32 (batch, embedding)"},
        TRANSFER: {"image": "float32 (batch, 3, height, width), RGB in [0, 1]"},
        PIXELS: {"image": "uint8 (batch, height, width, 3), RGB from 0 to 255"},
    }
    config: dict[str, Any] = {
        "name": name,
        "fingerprint": sha256(folder / WEIGHTS)[:FINGERPRINT_DIGITS],
        "network": dataclasses.asdict(network.config),
        "style_side": STYLE_SIDE,
        "inputs": inputs,
        "outputs": outputs,
        "regions": _regions(network),
    }
    if network.config.predictor == "table":
        config["styles"] = list(styles)
        del inputs[PREDICT], outputs[PREDICT]
    config["training"] = training
    write_config(folder, config)


def write_config(folder: Path, config: dict[str, Any]) -> None:
    """Write `config.json`, with the hashes of the graphs and weights that the folder has now."""
    table = {**config, HASHES: hashes(folder)}
    write_whole(folder / CONFIG, (json.dumps(table, indent=2) + "\n").encode())


def _regions(network: StyleNetwork) -> dict[str, Any]:
    """What a caller of `regions.onnx` has to know: it pads, crops and cuts tiles itself."""
    transfer = network.transfer
    return {
        "multiple": transfer.multiple,
        "margin": transfer.margin,
        "reach": transfer.reach,
        "scales": transfer.scales,
        "layers": [channels for _, channels in transfer.style_layout],
        "at": [norm.scale for _, norm in transfer.norms()],
        "inputs": {
            "content": "float32 (batch, 3, height, width), RGB in [0, 1], padded to multiples",
            "embeddings": "float32 (styles, embedding)",
            "masks_K": "float32 (batch or 1, styles, height/K or 1, width/K or 1): shares of the styles at scale K",
            "weights_K": "float32 (batch or 1, 1, height/K or 1, width/K or 1): weight in the statistics",
            "given": "float32 (2, sum of layers): means and variances, used where known is 1",
            "known": "float32 (sum of layers), 0 or 1",
        },
        "outputs": {
            "image": "float32 (batch, 3, height, width), RGB in [0, 1]",
            "statistics": "float32 (2, sum of layers): means and variances as measured",
        },
    }


def _half(value: Tensor) -> Tensor:
    """Matrices and kernels in half precision; vectors, few and some of them tiny numbers, as they are."""
    return value.half() if value.is_floating_point() and value.ndim > 1 else value


def load_network(folder: Path) -> StyleNetwork:
    """The torch network of a model folder, in evaluation mode, float32.

    Raises:
        ModelError: a missing or damaged folder.
    """
    network = StyleNetwork(load_config(folder))
    load_weights(network, folder)
    return network.eval()


def load_config(folder: Path) -> NetworkConfig:
    """The configuration of a model folder's network.

    Raises:
        ModelError: a missing or damaged folder.
    """
    return from_dict(NetworkConfig, dict(ModelConfig.read(folder).network), str(folder / CONFIG))


def style_names(folder: Path) -> list[str]:
    """Names of the styles of a table's model folder; empty for a model that predicts styles.

    Raises:
        ModelError: a missing or damaged folder.
    """
    return list(ModelConfig.read(folder).styles)


def load_weights(network: StyleNetwork, folder: Path, new: Sequence[str] = ()) -> set[str]:
    """Fill a network with a model folder's weights; returns which of the parts `new` the model does not have.

    Args:
        network: what is filled.
        folder: of the model.
        new: parts that the model need not have, and which then stay as they are.

    Raises:
        ModelError: missing or damaged weights, or another architecture.
    """
    check_weights(folder / WEIGHTS)
    try:
        state = load_file(folder / WEIGHTS)
        wanted = network.state_dict()
        if FORECAST not in {key[: len(FORECAST)] for key in wanted}:  # a forecast is of the weights it was made with
            state = {key: value for key, value in state.items() if not key.startswith(FORECAST)}
        missing = {part for part in new for key in wanted if key.startswith(f"{part}.") and key not in state}
        kept = {key: v for key, v in wanted.items() if any(key.startswith(f"{part}.") for part in missing)}
        read = {key: v.float() if v.is_floating_point() else v for key, v in state.items()}
        network.load_state_dict(kept | read)
    except (
        OSError,
        SafetensorError,
        RuntimeError,
    ) as error:  # no file, a damaged one, weights of other names or shapes
        raise ModelError(f"{folder / WEIGHTS} does not fit this network: {error}") from error
    return missing
