import pytest
import torch
from safetensors.torch import load_file

from conftest import shared
from pasticcio.nn.inception import BATCH_EPS, Inception, folded_names


def published_state():
    """Names and shapes of torchvision's `inception_v3`, of the parts used and some that are not."""
    state = {name: torch.rand_like(value.float()) for name, value in Inception().state_dict().items()}
    state["Mixed_7a.branch3x3_1.conv.weight"] = torch.zeros(192, 768, 1, 1)
    state["AuxLogits.conv0.conv.weight"] = torch.zeros(128, 768, 1, 1)
    state["fc.weight"] = torch.zeros(1000, 2048)
    return state


def test_torchvision_names_and_shapes():
    shapes = {name: tuple(value.shape) for name, value in Inception().state_dict().items()}
    # a sample of the published table, one of every kind of block
    assert shapes["Conv2d_1a_3x3.conv.weight"] == (32, 3, 3, 3)
    assert shapes["Conv2d_4a_3x3.bn.running_var"] == (192,)
    assert shapes["Mixed_5b.branch5x5_2.conv.weight"] == (64, 48, 5, 5)
    assert shapes["Mixed_5d.branch3x3dbl_3.conv.weight"] == (96, 96, 3, 3)
    assert shapes["Mixed_6a.branch3x3.conv.weight"] == (384, 288, 3, 3)
    assert shapes["Mixed_6c.branch7x7_2.conv.weight"] == (160, 160, 1, 7)
    assert shapes["Mixed_6e.branch7x7dbl_4.conv.weight"] == (192, 192, 7, 1)
    assert shapes["Mixed_6e.branch_pool.conv.weight"] == (192, 768, 1, 1)


def test_torchvision_weights_are_taken():
    state, trunk = published_state(), Inception()
    trunk.load_torchvision(state)
    for name, value in trunk.state_dict().items():
        torch.testing.assert_close(value.float(), state[name] if value.is_floating_point() else state[name].floor())


def test_missing_weight_is_named():
    state = published_state()
    del state["Mixed_6d.branch1x1.bn.bias"]
    with pytest.raises(KeyError, match="Mixed_6d"):
        Inception().load_torchvision(state)


def test_folded_batch_normalization_is_exact():
    torch.manual_seed(0)
    trunk = Inception()
    for module in trunk.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.1)
    folded = {}
    for ours, theirs in folded_names().items():
        block = trunk.get_submodule(ours)
        scale = block.bn.weight / torch.sqrt(block.bn.running_var + BATCH_EPS)
        folded[f"{theirs}.weight"] = block.conv.weight.data * scale.data[:, None, None, None]
        folded[f"{theirs}.bias"] = (block.bn.bias - block.bn.running_mean * scale).data
    other = Inception()
    other.load_folded(folded)
    x = torch.rand(1, 3, 96, 96)
    with torch.no_grad():
        torch.testing.assert_close(trunk.train()(x), other.train()(x), atol=1e-4, rtol=1e-3)


def test_real_folded_weights_fit_by_name_and_shape():
    state = load_file(shared("weights", "inception_v3_mixed_6e.safetensors"))
    assert {f"{theirs}.{part}" for theirs in folded_names().values() for part in ("weight", "bias")} == set(state)
    trunk = Inception()
    for ours, theirs in folded_names().items():
        assert trunk.get_submodule(ours).conv.weight.shape == state[f"{theirs}.weight"].shape
    trunk.load_folded(state)
    with torch.no_grad():
        features = trunk(torch.rand(1, 3, 128, 128))
    assert 0.01 < features.mean() < 10
