"""How the weights of a training run begin: random, of public networks, or of a model that exists.

A table of styles can begin with what a model predicts for their pictures. What a model does not have yet (a hidden
layer of the heads, a branch of the predictor, its quadratic forms, residual blocks) begins without effect on the
output.
"""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pasticcio.errors import ConfigError, DataError
from pasticcio.image.read import open_image
from pasticcio.image.resize import style_view
from pasticcio.model.folder import Model
from pasticcio.nn.inception import Inception
from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.nn.predictor import SEEN, VggBranch
from pasticcio.nn.statistics import StatisticsPredictor
from pasticcio.nn.tensors import to_batch
from pasticcio.render.embedder import STYLE_RANGE
from pasticcio.training.compress import begin_encoded
from pasticcio.training.config import TrainConfig
from pasticcio.training.model_folder import load_config, load_network, load_weights, style_names
from pasticcio.training.pictures import UNREADABLE, Pictures
from pasticcio.training.pretrained import TORCHVISION, Download, fetch, load_vgg, read_state

FORMS = "predictor.branch.forms", "predictor.forms"  # quadratic forms of either predictor that has them
BLOCKS = ("quarter_blocks", "eighth_blocks")  # of the fast family; a network to start with may have fewer
NEW = ("heads.bend", *FORMS)  # parts that a model to start with need not have
WHITENED = 1500  # style pictures on which a whitening is measured
SCALED = 200  # style pictures on which the scale of quadratic forms is measured


def begin(
    network: StyleNetwork, config: TrainConfig, photos: Pictures, styles: Pictures, download: Download | None = None
) -> None:
    """Give a new network the weights that a recipe names: `encoder`, `inception`, `branch`, `start`, in this order.

    Args:
        network: what is filled.
        config: the recipe.
        photos, styles: pictures of the run.
        download: called with bytes so far and in all while public weights are fetched.

    Raises:
        ConfigError: weights that do not fit the network.
        DataError: too few style pictures to measure on.
        ModelError, DownloadError: weights that cannot be had.
    """
    if config.encoder:
        begin_encoded(network, config, photos, styles)
    _begin(network, config, styles, download)
    if config.balance:
        network.register_buffer("basis", torch.eye(config.network.embedding))
    if config.whiten:
        predictor = network.predictor
        assert isinstance(predictor, StatisticsPredictor)
        with torch.no_grad():
            described = [predictor.describe(style) for style in _some(styles, config, WHITENED)]
        predictor.whiten(torch.cat(described), config.whiten)


def _begin(network: StyleNetwork, config: TrainConfig, styles: Pictures, download: Download | None) -> None:
    """`begin` from weights that have learned."""
    if config.inception:
        _begin_inception(network, config.inception, download)
    if config.branch:
        _begin_branch(network, config, styles)
    if not config.start:
        return
    folder = start_folder(config.start)
    if config.branch and not (first := load_network(folder)).config.predictor_directions:
        try:
            network.load_state_dict({**network.state_dict(), **first.state_dict()})
        except RuntimeError as error:
            raise ConfigError(f"start names {config.start}, which does not fit: {error}") from error
    elif config.network.predictor == "table" and (first := load_network(folder)).config.predictor != "table":
        if config.learn_rows:
            raise ConfigError(f"learn_rows is set, but start names {config.start}, which is no table of styles")
        try:
            network.load_state_dict(first.as_table(predicted(first, config, styles)).state_dict())
        except RuntimeError as error:
            raise ConfigError(f"start names {config.start}, whose transfer network is another: {error}") from error
    elif (known := load_config(folder)).transfer == "fast" and deepened(known, config.network) != known:
        shallow = StyleNetwork(replace(config.network, **{name: getattr(known, name) for name in BLOCKS}))
        missing = load_weights(shallow, folder, new=NEW)
        deepen(network, shallow)
        if missing.intersection(FORMS):
            _begin_forms(network, config, styles)
    elif load_weights(network, folder, new=NEW).intersection(FORMS):
        _begin_forms(network, config, styles)


def deepened(first: NetworkConfig, wanted: NetworkConfig) -> NetworkConfig:
    """The network `first` with as many residual blocks as `wanted` has, where these are more.

    Raises:
        ConfigError: `wanted` has fewer.
    """
    for name in BLOCKS:
        if getattr(wanted, name) < getattr(first, name):
            raise ConfigError(
                f"network.{name} is {getattr(wanted, name)}, but the model to start with has {getattr(first, name)}; "
                "give as many or more"
            )
    return replace(first, **{name: getattr(wanted, name) for name in BLOCKS})


@torch.no_grad()
def deepen(network: StyleNetwork, shallow: StyleNetwork) -> None:
    """Give a network all of one with fewer residual blocks; what is new adds nothing to the output at first.

    The scales and shifts of a new block's second convolution are zero for every style, so that the block passes on
    what comes in (Goyal et al. 2017, section 5.1, begin the last scale of residual blocks at zero).

    Args:
        network: what is filled; of the fast family.
        shallow: the same network with fewer blocks.
    """
    known = shallow.state_dict()
    state = {k: v for k, v in known.items() if not k.startswith("heads.")}
    before = dict(shallow.transfer.norms())
    for key in (key for key in known if key.startswith("heads.")):
        value, old = network.state_dict()[key].clone(), known[key]
        if len(old) != shallow.transfer.style_parameters:
            state[key] = old  # the hidden layer, which is that of both
            continue
        for name, norm in network.transfer.norms():
            rows = slice(norm.offset, norm.offset + 2 * norm.channels)
            if name in before:
                first = before[name].offset
                value[rows] = old[first : first + 2 * norm.channels]
            elif key != "heads.bias" or name.endswith("conv2.norm"):
                value[rows] = 0.0
        state[key] = value
    network.load_state_dict({**network.state_dict(), **state})


def start_folder(name: str) -> Path:
    """A model folder, or that of a shipped model.

    Raises:
        ModelError: neither.
    """
    return Path(name) if os.path.isdir(name) else Model.open(name).folder


def first_row(config: TrainConfig) -> int:
    """Of a table: number of the style that the first style picture of the run shows."""
    return config.network.embedding - config.learn_rows if config.learn_rows else 0


def table_names(config: TrainConfig, styles: Pictures) -> list[str]:
    """Names of a table's styles: those of their picture files; of rows that do not learn, those of the start.

    Raises:
        ConfigError: pictures and rows differ in number, or two styles have one name.
        DataError: a picture that cannot be read.
    """
    first = first_row(config)
    wanted = config.network.embedding - first
    if len(styles) != wanted:
        raise ConfigError(
            f"data.styles holds {len(styles)} pictures, but the table has {wanted} styles to learn; "
            "set network.embedding to the number of pictures"
        )
    for number, entry in enumerate(styles.entries):
        try:
            styles.load(number)
        except UNREADABLE as error:
            raise DataError(f"cannot read {entry.name}, and each style of a table needs its picture: {error}") from None
    names = [Path(entry.name).stem for entry in styles.entries]
    if first:
        if not config.start:
            raise ConfigError("learn_rows is set, but start names no model whose other styles stay as they are")
        names = style_names(start_folder(config.start))[:first] + names
    if twice := [name for name in names if names.count(name) > 1]:
        raise ConfigError(f"two styles are named {twice[0]}; rename one of the pictures")
    return names


@torch.no_grad()
def predicted(network: StyleNetwork, config: TrainConfig, styles: Pictures) -> Tensor:
    """Scales and shifts that a model predicts for the style pictures, (N, P)."""
    side = min(max(config.data.style_short[0], STYLE_RANGE[0]), STYLE_RANGE[1])
    return torch.cat([network.parameters_of(_whole_style(styles, number, side)) for number in range(len(styles))])


def _begin_inception(network: StyleNetwork, weights: str, download: Download | None) -> None:
    """Give the paper's predictor the weights of Inception-v3, from a file or from torchvision."""
    if network.config.predictor != "inception":
        raise ConfigError("inception weights are given but network.predictor is not 'inception'")
    trunk = network.predictor.trunk
    assert isinstance(trunk, Inception)
    public = weights == "torchvision"
    state = read_state(fetch(TORCHVISION["inception_v3"], progress=download) if public else Path(weights))
    folded = "mixed_7_conv.weight" in state
    (trunk.load_folded if folded else trunk.load_torchvision)(state)


@torch.no_grad()
def _begin_branch(network: StyleNetwork, config: TrainConfig, styles: Pictures) -> None:
    """Give the compact predictor's branch its weights, and the whitening measured on the styles."""
    branch = _branch(network)
    known = load_vgg("vgg19-small", SEEN, config.branch, padding="reflect")
    try:
        branch.vgg.load_state_dict(known.state_dict())
    except RuntimeError as error:
        raise ConfigError(f"branch names {config.branch}, which does not fit: {error}") from error
    branch.measure(
        torch.cat([branch.describe(style, branch.layers(style)) for style in _some(styles, config, WHITENED)])
    )


@torch.no_grad()
def _begin_forms(network: StyleNetwork, config: TrainConfig, styles: Pictures) -> None:
    """Give the predictor's quadratic forms the scale measured on the styles."""
    predictor = network.predictor
    holder = predictor if isinstance(predictor, StatisticsPredictor) else _branch(network)
    assert holder.forms is not None
    holder.forms.measure([holder.layers(style) for style in _some(styles, config, SCALED)])


def _branch(network: StyleNetwork) -> VggBranch:
    branch = network.predictor.branch
    assert isinstance(branch, VggBranch)
    return branch


def _some(styles: Pictures, config: TrainConfig, count: int) -> list[Tensor]:
    """Up to `count` style pictures drawn by the seed, each (1, 3, H, W); unreadable ones are left out."""
    found = []
    for number in np.random.default_rng(config.seed).permutation(len(styles))[:count].tolist():
        with contextlib.suppress(*UNREADABLE):
            found.append(_whole_style(styles, number, config.data.style_crop))
    if len(found) < 2:
        raise DataError(f"of {len(styles)} styles {len(found)} can be read; 2 are the least")
    return found


def _whole_style(styles: Pictures, number: int, side: int) -> Tensor:
    """A style picture as the predictor sees those of users, (1, 3, H, W), its short side `side` pixels."""
    return to_batch(style_view(open_image(styles.load(number)), side))
