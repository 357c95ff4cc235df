import pytest
import torch
from torch import nn

from pasticcio.training.average import Average


@pytest.fixture
def network():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))


def test_young_averages_follow_faster(network):
    average = Average(network, 0.5)
    before = average.values["0.weight"].clone()
    with torch.no_grad():
        network[0].weight += 1
    average.follow(step=1)
    torch.testing.assert_close(average.values["0.weight"], before + 9 / 11)  # decay 2/11
    average.follow(step=1000)
    torch.testing.assert_close(average.values["0.weight"], before + 1 - 1 / 11)  # decay 0.5


def test_running_statistics_are_averaged_and_counters_are_not(network):
    average = Average(network, 0.9)
    network.train()(torch.randn(4, 2) + 5)
    average.follow(step=1)
    assert average.values["1.running_mean"].abs().min() > 0
    assert "1.num_batches_tracked" not in average.values


def test_the_averaged_weights_are_in_place_for_a_while(network):
    average = Average(network, 0.5)
    averaged = average.values["0.weight"].clone()
    with torch.no_grad():
        network[0].weight += 1
    own = network[0].weight.clone()
    with average.in_place():
        assert torch.equal(network[0].weight, averaged)
        assert not network.training
    assert torch.equal(network[0].weight, own)
    assert network.training


def test_without_decay_the_average_is_the_weights(network):
    average = Average(network, 0.0)
    with torch.no_grad():
        network[0].weight += 1
    average.follow(step=50)
    assert torch.equal(average.values["0.weight"], network[0].weight)
