import pytest
import torch

from conftest import shared
from pasticcio.nn.losses import gram_matrix
from pasticcio.nn.vgg import IMAGENET_MEAN, IMAGENET_STD, Vgg, VggConfig
from pasticcio.training.pretrained import load_vgg

# torchvision's published names: the numbers of the convolutions among `features`
PUBLISHED = {
    16: [0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28],
    19: [0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34],
}
CHANNELS = {16: [64] * 2 + [128] * 2 + [256] * 3 + [512] * 6, 19: [64] * 2 + [128] * 2 + [256] * 4 + [512] * 8}


def published_state(depth):
    state, inputs = {}, 3
    for number, outputs in zip(PUBLISHED[depth], CHANNELS[depth], strict=True):
        state[f"features.{number}.weight"] = torch.full((outputs, inputs, 3, 3), float(number)).half()
        state[f"features.{number}.bias"] = torch.full((outputs,), number + 0.5)
        inputs = outputs
    state["classifier.0.weight"] = torch.zeros(4, 4)
    return state


@pytest.mark.parametrize("depth", [16, 19])
def test_torchvision_names(depth):
    config = VggConfig(depth=depth)
    vgg = Vgg(config, [config.layers()[-1]])
    vgg.load_torchvision(published_state(depth))
    assert len(vgg.convs) == len(PUBLISHED[depth])
    for number, conv in zip(PUBLISHED[depth], vgg.convs.values(), strict=True):
        assert conv.weight.unique().tolist() == [number]
        assert conv.bias.unique().tolist() == [number + 0.5]


def test_torchvision_pixels_are_normalized():
    vgg = Vgg(VggConfig(depth=16), ["relu1_1"])
    vgg.load_torchvision(published_state(16))
    mean = torch.tensor(IMAGENET_MEAN)[None, :, None, None].expand(1, 3, 2, 2)
    torch.testing.assert_close(vgg.input(mean), torch.zeros(1, 3, 2, 2), atol=1e-6, rtol=0)
    above = vgg.input(mean + torch.tensor(IMAGENET_STD)[None, :, None, None])
    torch.testing.assert_close(above, torch.ones(1, 3, 2, 2))


def test_nothing_deeper_than_asked_for_is_built():
    vgg = Vgg(VggConfig(depth=16), ["relu1_2", "relu3_1"])
    assert list(vgg.convs) == ["relu1_1", "relu1_2", "relu2_1", "relu2_2", "relu3_1"]
    vgg.randomize(0)
    found = vgg(torch.rand(1, 3, 32, 48))
    assert {name: tuple(value.shape) for name, value in found.items()} == {
        "relu1_2": (1, 64, 32, 48),
        "relu3_1": (1, 256, 8, 12),
    }


def test_unknown_layer_is_named():
    with pytest.raises(ValueError, match="relu3_4"):
        Vgg(VggConfig(depth=16), ["relu3_4"])


def test_pooling_and_padding_differ():
    x, outputs = torch.rand(1, 3, 24, 24), []
    for pooling, padding in (("max", "zero"), ("average", "zero"), ("max", "reflect")):
        vgg = Vgg(VggConfig(pooling=pooling, padding=padding, widths=(4, 4, 4, 4, 4)), ["relu2_1"])
        vgg.randomize(0)
        outputs.append(vgg(x)["relu2_1"])
    assert (outputs[0] - outputs[1]).abs().max() > 1e-3
    inner = (slice(None), slice(None), slice(3, -3), slice(3, -3))
    torch.testing.assert_close(outputs[0][inner], outputs[2][inner])
    assert (outputs[0] - outputs[2]).abs().max() > 1e-3


def test_small_copy_keeps_the_distances_of_its_maps():
    """What the triangle of a QR decomposition returns must be as far apart as the mapped features."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape):
        return torch.randn(*shape, generator=generator) * 0.3

    state = {"conv0.weight": random(3, 3, 1, 1), "conv0.bias": random(3)}
    state |= {"conv11.weight": random(4, 3, 3, 3), "conv11.bias": random(4)}
    state |= {"conv11_aux.weight": random(20, 4, 1, 1), "conv11_aux.bias": random(20)}
    config = VggConfig(padding="reflect", widths=(4, 8, 8, 8, 8))
    vgg = Vgg(config, ["relu1_1"])
    vgg.load_small(state)

    def mapped(x):
        plain = Vgg(config, ["relu1_1"])
        plain.load_small({k: v for k, v in state.items() if "aux" not in k})
        return torch.nn.functional.conv2d(plain(x)["relu1_1"], state["conv11_aux.weight"], state["conv11_aux.bias"])

    a, b = torch.rand(2, 1, 3, 9, 9, generator=generator)
    ours_a, ours_b, full_a, full_b = vgg(a)["relu1_1"], vgg(b)["relu1_1"], mapped(a), mapped(b)
    assert ours_a.shape[1] == 5
    torch.testing.assert_close((ours_a - ours_b).square().mean(), (full_a - full_b).square().mean())
    ours = (gram_matrix(ours_a) - gram_matrix(ours_b)).square().mean()
    full = (gram_matrix(full_a) - gram_matrix(full_b)).square().mean()
    torch.testing.assert_close(ours, full)


def test_normalised_network_has_activations_near_one(photo):
    path = shared("weights", "vgg19_normalised_conv4_1.safetensors")
    vgg = load_vgg("vgg19-normalised", ["relu1_1", "relu4_1"], str(path), padding="reflect")
    found = vgg(torch.tensor(photo).permute(2, 0, 1)[None] / 255)
    for value in found.values():
        assert 0.3 < value.mean() < 2


def test_small_network_follows_the_full_one(photo):
    layers = ["relu1_1", "relu2_1", "relu3_1", "relu4_1"]
    full = load_vgg(
        "vgg19-normalised", layers, str(shared("weights", "vgg19_normalised_conv4_1.safetensors")), padding="reflect"
    )
    small = load_vgg(
        "vgg19-small", layers, str(shared("weights", "vgg19_small16x_conv4_1.safetensors")), padding="reflect"
    )
    x = torch.tensor(photo).permute(2, 0, 1)[None, :, :256, :256] / 255
    y = x.flip(1).pow(2)
    for layer in layers:
        distances = [(v(x)[layer] - v(y)[layer]).square().mean() for v in (full, small)]
        assert 0.4 < distances[1] / distances[0] < 1.5
