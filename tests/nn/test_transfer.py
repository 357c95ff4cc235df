import pytest
import torch
import torch.nn.functional as F

from pasticcio.nn.encoded import EncodedTransfer
from pasticcio.nn.fast import FastTransfer, UpsampledConv
from pasticcio.nn.network import NetworkConfig
from pasticcio.nn.norm import Steering
from pasticcio.nn.paper import PaperTransfer
from pasticcio.nn.transfer import reflect


def parameters(module):
    return sum(p.numel() for p in module.parameters())


def multiply_adds(network, side):
    """Counted at every convolution."""
    count = 0

    def hook(module, inputs, output):
        nonlocal count
        weights = module.weight[0].numel()
        count += weights * output[0].numel()

    for module in network.modules():
        if isinstance(module, torch.nn.Conv2d):
            module.register_forward_hook(hook)
    with torch.no_grad():
        network(torch.rand(1, 3, side, side), torch.rand(1, network.style_parameters))
    return count


@pytest.fixture(scope="module")
def paper():
    return PaperTransfer().eval()


def test_paper_counts(paper):
    assert parameters(paper) == 1_674_656
    assert paper.style_parameters == 2_758
    assert PaperTransfer(width=0.25).style_parameters == 694


def test_paper_multiply_adds():
    assert multiply_adds(PaperTransfer().eval(), 256) == pytest.approx(10.1e9, rel=5e-3)


def test_paper_style_parameters_in_the_documented_order(paper):
    names = [name for name, _ in paper.style_layout]
    residual = [f"residual.{block}.conv{conv}.norm" for block in range(5) for conv in (1, 2)]
    assert names == [*residual, *(f"expand.{i}.norm" for i in range(3))]
    assert [channels for _, channels in paper.style_layout] == [128] * 10 + [64, 32, 3]
    mask = paper.gamma_mask()
    assert mask[:128].sum() == 0  # beta before gamma
    assert mask[128:256].sum() == 128
    assert mask[-3:].tolist() == [1, 1, 1]


def test_style_parameters_reach_the_layer_they_name(paper):
    """The last three gammas scale the colors before the sigmoid: at 0, the betas alone are seen."""
    style = torch.zeros(1, 2_758)
    style[0, -6:-3] = torch.tensor([2.0, 0.0, -2.0])
    with torch.no_grad():
        image = paper(torch.rand(1, 3, 16, 16), style)
    torch.testing.assert_close(image[0, :, 5, 5], torch.sigmoid(torch.tensor([2.0, 0.0, -2.0])))


@pytest.mark.parametrize(
    "network", [PaperTransfer(0.25).eval(), FastTransfer(8, 8, 8, 1, 1).eval(), EncodedTransfer(8, 8, 8).eval()]
)
@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 17), (16, 16), (31, 50), (64, 65)])
def test_output_is_as_large_as_the_input(network, size):
    with torch.no_grad():
        image = network(torch.rand(2, 3, *size), torch.rand(1, network.style_parameters))
    assert image.shape == (2, 3, *size)
    assert 0 <= image.min() <= image.max() <= 1


@pytest.mark.parametrize(
    "network",
    [PaperTransfer(0.125), FastTransfer(8, 8, 16, 1, 1), EncodedTransfer(8, 8, 8)],
    ids=["paper", "fast", "encoded"],
)
def test_bytes_to_bytes_is_the_same_rounded(network):
    photo = torch.randint(0, 256, (2, 27, 34, 3), dtype=torch.uint8)
    style = torch.randn(1, network.style_parameters)
    with torch.no_grad():
        painted = network.eval().paint(photo, style)
        image = network(photo.permute(0, 3, 1, 2) / 255, style).permute(0, 2, 3, 1)
    assert painted.dtype == torch.uint8
    assert painted.shape == photo.shape
    assert (painted - 255 * image).abs().max() <= 0.501
    assert image.std() > 0.05


def test_upsampled_convolution_equals_enlarging_first():
    layer = UpsampledConv(4, 3)
    x = torch.randn(2, 4, 7, 5)
    enlarged = F.interpolate(x, scale_factor=2, mode="nearest")
    expected = F.conv2d(enlarged, layer.weight, padding=2)
    torch.testing.assert_close(layer(x), expected, atol=1e-5, rtol=1e-5)


def test_an_even_area_stays_even():
    layer = UpsampledConv(4, 3)
    torch.nn.init.normal_(layer.free)
    y = layer(torch.randn(1, 4, 1, 1).expand(1, 4, 8, 8))[:, :, 4:-4, 4:-4]
    torch.testing.assert_close(y, y[:, :, :1, :1].expand_as(y))


def test_the_body_of_the_fast_network_has_no_border():
    """An even area stays even up to the edges, whatever the statistics of its channels are."""
    block = FastTransfer(8, 8, 8, 1, 1).body[0]
    even = torch.randn(1, 8, 1, 1).expand(1, 8, 6, 7)
    y = block.conv1.conv(F.pad(even, (1, 1, 1, 1)))
    assert y.std((2, 3)).max() > 0.01  # zeros would show
    one = {8: torch.ones(1, 1, 1, 1)}
    given = torch.stack([torch.zeros(16), torch.ones(16)])
    with torch.no_grad():
        y = block(even, Steering(torch.randn(1, 32), one, one, given, torch.ones(16)))
    torch.testing.assert_close(y, y[:, :, :1, :1].expand_as(y))


def test_the_door_of_the_body_has_no_border():
    """What the strided convolution sees beyond the first row and column is the second, not zeros."""
    net, seen = FastTransfer(8, 8, 8, 1, 1), []
    net.contract.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    net(torch.rand(1, 3, 32, 48), torch.randn(1, net.style_parameters))
    (x,) = seen
    assert x.shape[2:] == (13, 17)  # a quarter, with the margin, and one more
    assert x.abs().max() > 0
    torch.testing.assert_close(x[:, :, 0], x[:, :, 2])
    torch.testing.assert_close(x[:, :, :, 0], x[:, :, :, 2])


def test_reflection_beyond_the_picture():
    x = torch.arange(3.0).reshape(1, 1, 1, 3).expand(1, 1, 3, 3)
    padded = reflect(x, 5, 0, 0, 0)
    assert padded[0, 0, 0].tolist() == [1, 0, 1, 2, 1, 0, 1, 2]
    assert reflect(torch.ones(1, 1, 1, 4), 2, 2, 2, 2).shape == (1, 1, 5, 8)


def test_no_style_parameter_is_idle():
    network = FastTransfer(8, 8, 8, 1, 1)
    style = torch.rand(1, network.style_parameters, requires_grad=True)
    image = network(torch.rand(1, 3, 32, 32), style)
    (image * torch.rand_like(image)).sum().backward()
    assert (style.grad != 0).float().mean() > 0.9


@pytest.mark.parametrize("network", [PaperTransfer(0.25).eval(), FastTransfer(8, 8, 8, 2, 2).eval()])
def test_a_pixel_reaches_no_further_than_said(network):
    """With the statistics given, so that only convolutions carry it."""
    channels = network.style_parameters // 2
    one = {scale: torch.ones(1, 1, 1, 1) for scale in network.scales}
    style = torch.randn(1, network.style_parameters)
    x = torch.rand(1, 3, 200, 208)
    with torch.no_grad():
        first = Steering(style, one, one, torch.zeros(2, channels), torch.zeros(channels))
        network.render(x, first)
        images = []
        for value in (0.0, 1.0):
            x[:, :, 96:100, 104:108] = value
            steering = Steering(style, one, one, first.statistics(), torch.ones(channels))
            images.append(network.render(x, steering))
    rows, columns = (images[0] != images[1]).any(1)[0].nonzero().unbind(1)
    far = max(96 - rows.min(), rows.max() - 99, 104 - columns.min(), columns.max() - 107)
    assert network.reach // 2 < far <= network.reach


def test_the_encoder_can_be_steered_too():
    torch.manual_seed(0)
    plain, steered = PaperTransfer(0.25).eval(), PaperTransfer(0.25, styled_encoder=True).eval()
    assert steered.style_parameters == plain.style_parameters + 2 * (8 + 16 + 32)
    assert steered.style_layout[0] == ("contract.0.norm", 8)
    content, style = torch.rand(1, 3, 32, 32), steered.gamma_mask()[None]
    changed = style.clone()
    changed[:, :16] += 0.5  # of the encoder's first layer alone
    assert not torch.allclose(steered(content, style), steered(content, changed))
    with pytest.raises(ValueError, match="only the paper family"):
        NetworkConfig(encoder="conditional")
