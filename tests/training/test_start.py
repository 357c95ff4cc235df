from dataclasses import replace

import pytest
import torch

from pasticcio.errors import ConfigError, DataError, ModelError
from pasticcio.model.folder import WEIGHTS
from pasticcio.nn.network import NetworkConfig, StyleNetwork
from pasticcio.training.config import DataConfig, TrainConfig
from pasticcio.training.model_folder import load_network, save_model
from pasticcio.training.pictures import Pictures
from pasticcio.training.start import begin


@pytest.fixture
def branched(tiny, tmp_path):
    """Configuration of a network with a branch, and the folder of a model of it."""
    torch.manual_seed(0)
    network = StyleNetwork(replace(tiny, predictor_directions=4))
    network.predictor.branch.vgg.randomize(0)
    torch.nn.init.normal_(network.predictor.branch.out.weight)
    save_model(tmp_path / "first", network, "first", {})
    return network.config, tmp_path / "first"


def recipe(network, start):
    return TrainConfig(network=network, start=str(start), data=DataConfig(style_short=(64, 96), style_crop=64))


def of_statistics(folder):
    """A network with a statistics predictor, as it is read from the model folder made of it."""
    torch.manual_seed(0)
    first = StyleNetwork(NetworkConfig(predictor="statistics", embedding=4, half=4, quarter=4, eighth=4))
    first.predictor.vgg.randomize(0)
    save_model(folder, first, "first", {})
    return load_network(folder).eval()


def two(pictures):
    """Photos and styles of a run."""
    return Pictures([str(pictures / "photos")]), Pictures([str(pictures / "styles")])


def test_quadratic_forms_begin_beside_a_model_that_has_none(branched, pictures):
    config, start = branched
    network = StyleNetwork(replace(config, predictor_forms=3)).eval()
    begin(network, recipe(network.config, start), *two(pictures))
    style, first = torch.rand(2, 3, 64, 64), load_network(start)
    with torch.no_grad():
        assert torch.equal(network.predictor(style), first.predictor(style))
    forms = network.predictor.branch.forms
    assert not torch.equal(forms.spread, torch.ones_like(forms.spread)), "they were not measured"
    assert forms.centre.abs().max() > 0
    # A model that has forms keeps them: they are not measured anew.
    with torch.no_grad():
        forms.centre.fill_(7.0)
    save_model(start, network, "second", {})
    second = StyleNetwork(network.config)
    begin(second, recipe(network.config, start), *two(pictures))
    assert (second.predictor.branch.forms.centre == 7.0).all()


def test_quadratic_forms_begin_beside_statistics_alone(pictures, tmp_path):
    first = of_statistics(tmp_path / "first")
    network = StyleNetwork(replace(first.config, predictor_forms=3)).eval()
    begin(network, recipe(network.config, tmp_path / "first"), *two(pictures))
    style, forms = torch.rand(2, 3, 64, 64), network.predictor.forms
    with torch.no_grad():
        assert torch.equal(network.predictor(style), first.predictor(style))
    assert forms.centre.abs().max() > 0, "they were not measured"
    torch.nn.init.normal_(forms.out.weight)
    network.predictor(style).square().sum().backward()
    for weight in (forms.out.weight, forms.hidden.weight, *(project.weight for project in forms.projections)):
        assert weight.grad.abs().max() > 0


def test_a_whitened_map_learns_beside_the_model_begun_with_and_is_folded_into_what_is_saved(pictures, tmp_path):
    first = of_statistics(tmp_path / "first")
    network = StyleNetwork(first.config).eval()
    begin(network, replace(recipe(network.config, tmp_path / "first"), whiten=2), *two(pictures))
    style = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(network.predictor(style), first.predictor(style))
        torch.nn.init.normal_(network.predictor.whitened.weight)
        learned = network.predictor(style)
        assert (learned - first.predictor(style)).abs().max() > 0.01
        save_model(tmp_path / "second", network, "second", {})
        saved = load_network(tmp_path / "second").eval().predictor(style)
    torch.testing.assert_close(saved, learned, atol=2e-2, rtol=2e-2)  # saved in half precision
    assert network.predictor.whitened is not None, "the network that learns is left as it was"


def test_a_network_with_more_blocks_begins_as_the_one_with_fewer(tiny, pictures, tmp_path):
    torch.manual_seed(1)
    shallow = StyleNetwork(replace(tiny, heads_hidden=4)).eval()
    torch.nn.init.normal_(shallow.heads.bend[-1].weight)
    save_model(tmp_path / "shallow", shallow, "shallow", {})
    shallow = load_network(tmp_path / "shallow")
    wanted = replace(shallow.config, eighth_blocks=3, quarter_blocks=2)
    network = StyleNetwork(wanted).eval()
    begin(network, recipe(wanted, tmp_path / "shallow"), *two(pictures))
    content, style = torch.rand(2, 3, 48, 64), torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        assert torch.allclose(network(content, style), shallow(content, style), atol=1e-6)
    network(content, style).sum().backward()
    for block in (network.transfer.body[1], network.transfer.body[2], network.transfer.detail[1]):
        rows = slice(block.conv2.norm.offset, block.conv2.norm.offset + 2 * block.conv2.norm.channels)
        assert network.heads.bias.grad[rows].abs().max() > 0, "the new block cannot learn"


def test_weights_that_are_not_those_of_the_configuration_are_refused(tiny, tmp_path):
    for name in ("one", "two"):
        save_model(tmp_path / name, StyleNetwork(tiny), name, {})
    (tmp_path / "two" / WEIGHTS).replace(tmp_path / "one" / WEIGHTS)
    with pytest.raises(ModelError, match=r"model\.safetensors is damaged or not of this model: its sha256 begins"):
        load_network(tmp_path / "one")


def test_a_network_with_fewer_blocks_is_refused(tiny, pictures, tmp_path):
    save_model(tmp_path / "first", StyleNetwork(replace(tiny, eighth_blocks=2)), "first", {})
    with pytest.raises(ConfigError, match="eighth_blocks is 1, but the model to start with has 2"):
        begin(StyleNetwork(tiny), recipe(tiny, tmp_path / "first"), *two(pictures))


def test_one_readable_style_is_too_few_to_measure_on(branched, tmp_path, pictures):
    config, start = branched
    network = StyleNetwork(replace(config, predictor_forms=3))
    one = Pictures([str(next((pictures / "styles").iterdir()))])
    with pytest.raises(DataError, match="of 1 styles 1 can be read; 2 are the least"):
        begin(network, recipe(network.config, start), one, one)


def test_a_branch_needs_a_compact_predictor(tiny):
    for network in (tiny, replace(tiny, predictor="inception", predictor_directions=4)):
        with pytest.raises(ConfigError, match="the network has no branch"):
            TrainConfig(network=network, branch="weights.safetensors")
