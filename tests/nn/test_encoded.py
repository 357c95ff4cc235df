import pytest
import torch
import torch.nn.functional as F

from pasticcio.nn.encoded import WIDE, EncodedTransfer, enlarged
from pasticcio.nn.network import NetworkConfig, StyleNetwork


@pytest.fixture(scope="module")
def network():
    torch.manual_seed(0)
    network = EncodedTransfer(8, 8, 8).eval()
    network.encoder.randomize(0)
    return network


def test_the_first_normalization_gives_the_features_the_statistics_of_the_style(network):
    seen, features = [], []
    network.widen.register_forward_hook(lambda *_: features.append(F.relu(_[2])))
    hook = network.at_eighth.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    style = torch.rand(1, network.style_parameters)
    with torch.no_grad():
        network(torch.rand(1, 3, 64, 48), style)
    hook.remove()
    (x,) = seen
    assert x.shape == (1, WIDE, 8, 6)
    torch.testing.assert_close(x.mean((2, 3)), style[:, :WIDE], atol=1e-4, rtol=1e-4)
    alive = features[0].std((2, 3)) > 0.05  # of the others, too even to be scaled up, less is left
    assert alive.float().mean() > 0.3
    deviation = x.std((2, 3), unbiased=False)
    torch.testing.assert_close(deviation[alive], style[:, WIDE : 2 * WIDE][alive], atol=0.02, rtol=0.1)


def test_what_is_normalized_first_is_in_float32_under_autocast(network):
    photo, style, seen = torch.rand(1, 3, 64, 48), torch.rand(1, network.style_parameters), []
    hook = network.at_eighth.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network(photo, style)
        with torch.autocast("cpu", torch.bfloat16):
            network(photo, style)
    hook.remove()
    torch.testing.assert_close(seen[0], seen[1])


def test_shortcuts_begin_without_effect_and_carry_detail(network):
    photo, style = torch.rand(1, 3, 64, 64), torch.rand(1, network.style_parameters)
    with torch.no_grad():
        before = network(photo, style)
        for shortcut in (network.from_quarter, network.from_half):
            assert shortcut.weight.abs().max() == 0
            torch.nn.init.normal_(shortcut.weight)
            assert (network(photo, style) - before).abs().mean() > 0.01
            torch.nn.init.zeros_(shortcut.weight)
        torch.testing.assert_close(network(photo, style), before)


def test_enlarged_features_have_no_steps():
    """Repeated pixels have steps, which the layers after them magnify."""
    ramp = torch.arange(6.0).expand(1, 2, 4, 6)
    wide = enlarged(ramp)
    assert wide.shape == (1, 2, 8, 12)
    torch.testing.assert_close(wide.diff(dim=3)[..., 1:-1], torch.full((1, 2, 8, 9), 0.5))


def test_a_photo_of_one_color_gives_no_frame(network):
    from pasticcio.nn.norm import Steering

    channels = network.style_parameters // 2
    one = {scale: torch.ones(1, 1, 1, 1) for scale in network.scales}
    given = torch.stack([torch.zeros(channels), torch.ones(channels)])
    style = torch.rand(1, network.style_parameters, generator=torch.Generator().manual_seed(2))
    with torch.no_grad():
        image = network.render(torch.full((1, 3, 64, 64), 0.4), Steering(style, one, one, given, torch.ones(channels)))
    torch.testing.assert_close(image, image[:, :, 32:33, 32:33].expand_as(image), atol=1e-4, rtol=0)


def test_what_is_far_changes_nothing_where_statistics_are_given(network):
    """`reach` is no less than how far a pixel is seen: tiles depend on it."""
    from pasticcio.nn.norm import Steering

    channels = network.style_parameters // 2
    one = {scale: torch.ones(1, 1, 1, 1) for scale in network.scales}
    given = torch.stack([torch.zeros(channels), torch.ones(channels)])
    photo = torch.rand(1, 3, 32, 256)
    other = photo.clone()
    other[:, :, :, :8] = 1 - other[:, :, :, :8]
    images = []
    with torch.no_grad():
        for picture in (photo, other):
            styles = torch.rand(1, network.style_parameters, generator=torch.Generator().manual_seed(1))
            images.append(network.render(picture, Steering(styles, one, one, given, torch.ones(channels))))
    changed = (images[0] - images[1]).abs().amax((0, 1, 2))
    assert changed[:8].max() > 0
    assert changed[8 + network.reach :].max() == 0


def test_squares_are_never_negative():
    torch.manual_seed(0)
    network = StyleNetwork(NetworkConfig(transfer="encoded", half=8, quarter=8, eighth=8, predictor_widths=(4, 4, 4)))
    embedding = 3 * torch.randn(4, network.config.embedding)
    found, squared = network.heads(embedding), network.transfer.squared
    linear = F.linear(embedding, network.heads.weight, network.heads.bias)
    assert squared == 2 * WIDE
    assert found[:, :squared].min() == 0
    torch.testing.assert_close(found[:, :squared], linear[:, :squared].clamp_min(0).square())
    torch.testing.assert_close(found[:, squared:], linear[:, squared:])
    table = network.as_table(found)
    torch.testing.assert_close(table.heads(torch.eye(4)), found)
