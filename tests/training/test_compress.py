from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

from pasticcio.errors import ConfigError
from pasticcio.image.read import open_image
from pasticcio.nn.encoded import enlarged
from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.nn.predictor import moments
from pasticcio.nn.tensors import to_batch
from pasticcio.nn.transfer import reflect
from pasticcio.training import compress
from pasticcio.training.compress import AdainDecoder, begin_encoded
from pasticcio.training.config import DataConfig, TrainConfig
from pasticcio.training.crops import photo_crop, style_crop
from pasticcio.training.pictures import Pictures
from pasticcio.training.pretrained import load_vgg

DECODER = (16, 16, 16, 16, 8, 8, 8, 8, 3)  # channels of a decoder of AdaIN's form


def drawn(*shape):
    """Kernels that keep the scale of activations."""
    return torch.randn(shape) * (2 / np.prod(shape[1:])) ** 0.5


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights in the three files' own forms, with biases, so that the range of pictures is not all one."""
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("weights")
    blocks = {1: 2, 2: 2, 3: 4, 4: 1}
    normalised, small = {}, {"conv0.weight": torch.eye(3)[:, :, None, None], "conv0.bias": torch.zeros(3)}
    wide, narrow = 3, 3
    for block, count in blocks.items():
        for i in range(1, count + 1):
            outputs = 32 * 2**block
            normalised[f"conv{block}_{i}.weight"] = drawn(outputs, wide, 3, 3) / (255 if wide == 3 else 1)
            normalised[f"conv{block}_{i}.bias"] = 0.3 * torch.randn(outputs)
            small[f"conv{block}{i}.weight"] = drawn(outputs // 4, narrow, 3, 3)
            small[f"conv{block}{i}.bias"] = 0.3 * torch.randn(outputs // 4)
            wide, narrow = outputs, outputs // 4
        small[f"conv{block}1_aux.weight"] = drawn(outputs, outputs // 4, 1, 1)
        small[f"conv{block}1_aux.bias"] = torch.zeros(outputs)
    inputs, decoder = 512, {}
    for number, outputs in enumerate(DECODER):
        decoder[f"{3 * number + 1}.weight"] = drawn(outputs, inputs, 3, 3)
        decoder[f"{3 * number + 1}.bias"] = torch.full((outputs,), 0.5 if outputs == 3 else 0.0)
        inputs = outputs
    for name, state in (("normalised", normalised), ("small", small), ("decoder", decoder)):
        save_file(state, folder / f"{name}.safetensors")
    return folder, [(decoder[f"{3 * n + 1}.weight"], decoder[f"{3 * n + 1}.bias"]) for n in range(len(DECODER))]


@pytest.fixture(scope="module")
def begun(weights, pictures):
    """A network with as many channels as AdaIN's decoder has, as it begins."""
    folder, state = weights
    config = NetworkConfig(
        transfer="encoded", predictor="statistics", embedding=8, eighth=16, quarter=16, half=8,
        predictor_hidden=4, predictor_forms=2,
    )  # fmt: skip
    torch.manual_seed(1)
    network = StyleNetwork(config).eval()
    data = DataConfig(
        crop=64, photo_short=(64, 96), style_short=(64, 96), style_crop=64, augment=False, fixed_photos=True
    )
    recipe = TrainConfig(
        network=config,
        encoder=str(folder / "small.safetensors"),
        decoder=str(folder / "decoder.safetensors"),
        vgg=str(folder / "normalised.safetensors"),
        data=data,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compress, "PAIRS", 48)
        patch.setattr(compress, "FITTED", 32)
        patch.setattr(compress, "CHOSEN", 8)
        begin_encoded(network, recipe, Pictures([str(pictures / "photos")]), Pictures([str(pictures / "styles")]))
    return network, AdainDecoder(state), recipe


def one(pictures, kind, recipe):
    """A crop of the first picture, as the run sees it."""
    cut = photo_crop if kind == "photos" else style_crop
    pixels = Pictures([str(pictures / kind)]).load(0)
    return to_batch(open_image(cut(pixels, recipe.data, np.random.default_rng(0))))


def test_quadratic_forms_are_measured(begun):
    network, _, _ = begun
    assert network.predictor.forms.centre.abs().max() > 0


def test_it_begins_as_the_teacher(begun, pictures):
    network, teacher, recipe = begun
    photo, style = one(pictures, "photos", recipe), one(pictures, "styles", recipe)
    transfer, seen = network.transfer, []
    hook = transfer.at_eighth.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        found = network(photo, style)
        wanted = teacher(seen[0])[-1].clamp(0, 1)
    hook.remove()
    likeness = torch.corrcoef(torch.stack([found.flatten(), wanted.flatten()]))[0, 1]
    assert wanted.std() > 0.02
    assert likeness > 0.8


def test_the_embedding_holds_the_statistics_of_the_style(begun, pictures):
    """Principal components there and back: the heads give the statistics that a style's features have."""
    network, _, recipe = begun
    style = one(pictures, "styles", recipe)
    with torch.no_grad():
        found = network.parameters_of(style)[0, :1024]
        vgg = load_vgg("vgg19-normalised", ["relu4_1"], recipe.vgg, padding="reflect")
        wanted = moments(vgg(style)["relu4_1"])[0]
    assert torch.corrcoef(torch.stack([found, wanted]))[0, 1] > 0.9


def test_channels_that_say_the_same_are_kept_once():
    first, second = torch.randn(2, 500)
    rows = torch.stack([first, 0.9 * first, 0.1 * second, first + 0.01 * second])
    kept = compress.telling(rows.cov(), 2).tolist()
    assert len(set(kept) & {0, 1, 3}) == 1
    assert 2 in kept


def test_kernels_of_an_enlarged_layer_are_fitted_on_both_sides_of_every_pixel(monkeypatch):
    x = enlarged(torch.randn(8, 2, 16, 16))
    wanted = F.conv2d(reflect(x, 1, 1, 1, 1), torch.randn(3, 2, 3, 3))
    monkeypatch.setattr(compress, "POSITIONS", wanted[:, 0].numel() // 4)
    monkeypatch.setattr(compress, "RIDGE", 1e-6)
    found = F.conv2d(reflect(x, 1, 1, 1, 1), compress.kernels(x, wanted))
    assert (found - wanted).std() < 0.01 * wanted.std()


@pytest.mark.parametrize("noise", [0.0, 20.0])
def test_a_linear_map_is_as_smooth_as_its_rows_ask_for(noise, monkeypatch):
    """Without noise least squares finds the map; with more noise than anything else no map is the best one."""
    torch.manual_seed(0)
    true, inputs = torch.randn(60, 3), torch.randn(1000, 60)
    wanted = inputs @ true

    def error():
        weight, bias = compress.linear(inputs[:90], wanted[:90] + noise * torch.randn(90, 3))
        return (inputs[90:] @ weight.T + bias - wanted[90:]).std()

    found = error()
    monkeypatch.setattr(compress, "LINEAR_RIDGES", [20.0])
    assert found < 0.8 * error()


def test_other_networks_and_other_weights_are_refused(begun, weights, pictures):
    _, _, recipe = begun
    folder, _ = weights
    both = Pictures([str(pictures / "photos")]), Pictures([str(pictures / "styles")])
    with pytest.raises(ConfigError, match=r"network\.transfer = 'encoded'"):
        begin_encoded(StyleNetwork(NetworkConfig(half=8, quarter=8, eighth=8)), recipe, *both)
    swapped = replace(recipe, decoder=str(folder / "small.safetensors"))
    with pytest.raises(ConfigError, match=r"small\.safetensors does not hold"):
        begin_encoded(StyleNetwork(recipe.network), swapped, *both)
    with pytest.raises(ConfigError, match=r"encoder and vgg set, .* name all"):
        TrainConfig(encoder="x", vgg="y")
