import torch

from pasticcio.nn.norm import ConditionalInstanceNorm, Restyling, ShiftBatchNorm, Steering


def test_statistics_become_those_of_the_style():
    norm = ConditionalInstanceNorm(3, offset=4)
    x = torch.randn(2, 3, 9, 7) * 5 + 3
    style = torch.randn(2, 20)
    y = norm(x, style)
    beta, gamma = style[:, 4:7], style[:, 7:10]
    torch.testing.assert_close(y.mean((2, 3)), beta, atol=1e-4, rtol=0)
    torch.testing.assert_close(y.std((2, 3), correction=0), gamma.abs(), atol=1e-4, rtol=1e-3)


def test_one_style_serves_a_batch():
    norm = ConditionalInstanceNorm(3, offset=0)
    x, style = torch.randn(4, 3, 5, 5), torch.randn(1, 6)
    torch.testing.assert_close(norm(x, style), norm(x, style.expand(4, 6)))


def test_statistics_are_float32_in_half_precision():
    norm = ConditionalInstanceNorm(1, offset=0)
    x = torch.full((1, 1, 256, 256), 300.0, dtype=torch.float16)  # its squares sum beyond half precision
    x[..., ::2] = 301.0
    y = norm(x, torch.tensor([[0.0, 1.0]]))
    assert y.dtype == torch.float16
    torch.testing.assert_close(y.float().abs().mean(), torch.tensor(1.0), atol=1e-2, rtol=0)


def test_the_gradient_in_bfloat16_is_that_of_the_definition():
    """The written gradient is exact, checked in float64, and in bfloat16 it is near that of float32."""
    x, beta, gamma = (torch.randn(shape, dtype=torch.float64) for shape in ((2, 3, 4, 5), (2, 3), (2, 3)))
    inputs = [value.requires_grad_() for value in (x, beta, gamma)]
    assert torch.autograd.gradcheck(Restyling.apply, inputs)

    norm, gradients = ConditionalInstanceNorm(3, offset=2), []
    features, style, wanted = 4 * torch.randn(2, 3, 32, 32) + 2, torch.randn(2, 8), torch.randn(2, 3, 32, 32)
    for dtype in (torch.float32, torch.bfloat16):
        rounded, row = features.to(dtype, copy=True).requires_grad_(), style.clone().requires_grad_()
        y = norm(rounded, row)
        assert y.dtype == dtype
        (y.float() * wanted).sum().backward()
        gradients.append((rounded.grad.float(), row.grad))
    for exact, half in zip(*gradients, strict=True):
        assert torch.nn.functional.cosine_similarity(exact.flatten(), half.flatten(), 0) > 0.999


def test_even_picture_stays_finite():
    norm = ConditionalInstanceNorm(2, offset=0)
    assert norm(torch.ones(1, 2, 4, 4), torch.ones(1, 4)).isfinite().all()


def test_shift_batch_norm_has_no_scale():
    norm = ShiftBatchNorm(5)
    assert [name for name, _ in norm.named_parameters()] == ["bias"]
    with torch.no_grad():
        norm.bias.fill_(2.0)
    y = norm(torch.randn(8, 5, 6, 6) * 3 + 1)
    torch.testing.assert_close(y.mean((0, 2, 3)), torch.full((5,), 2.0), atol=1e-4, rtol=0)


def steering(styles, masks, weights, given=None, known=0.0):
    channels = styles.shape[1] // 2
    return Steering(
        styles,
        {1: masks},
        {1: weights},
        torch.zeros(2, channels) if given is None else given,
        torch.full((channels,), known),
    )


ONE = torch.ones(1, 1, 1, 1)


def test_one_style_everywhere_is_the_plain_normalization():
    norm = ConditionalInstanceNorm(3, offset=0)
    x, style = torch.randn(1, 3, 9, 7) * 5 + 3, torch.randn(1, 6)
    torch.testing.assert_close(norm(x, steering(style, ONE, ONE)), norm(x, style), atol=1e-5, rtol=1e-5)


def test_every_place_has_the_style_of_its_mask():
    norm = ConditionalInstanceNorm(2, offset=0)
    x, styles = torch.randn(1, 2, 4, 8), torch.randn(2, 4)
    masks = torch.zeros(1, 2, 4, 8)
    masks[:, 0, :, :3], masks[:, 1, :, 3:5], masks[:, :, :, 5:] = 1.0, 1.0, 0.5
    y = norm(x, steering(styles, masks, ONE))
    one, two = norm(x, styles[:1]), norm(x, styles[1:])
    torch.testing.assert_close(y[..., :3], one[..., :3], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(y[..., 3:5], two[..., 3:5], atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(y[..., 5:], (one + two)[..., 5:] / 2, atol=1e-5, rtol=1e-5)


def test_places_without_weight_do_not_count():
    norm = ConditionalInstanceNorm(2, offset=0)
    x, style = torch.randn(1, 2, 6, 8), torch.randn(1, 4)
    weights = torch.ones(1, 1, 6, 8)
    weights[..., 5:] = 0
    measured = steering(style, ONE, weights)
    y = norm(x, measured)
    torch.testing.assert_close(y[..., :5], norm(x[..., :5], style), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(measured.statistics()[0], x[0, :, :, :5].mean((1, 2)))


def test_given_statistics_are_used():
    norm = ConditionalInstanceNorm(2, offset=0)
    x, style = torch.randn(1, 2, 6, 8), torch.randn(1, 4)
    measured = steering(style, ONE, ONE)
    whole = norm(x, measured)
    part = norm(x[..., :3], steering(style, ONE, ONE, measured.statistics(), 1.0))
    torch.testing.assert_close(part, whole[..., :3])
