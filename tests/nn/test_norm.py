import torch

from pasticcio.nn.norm import ConditionalInstanceNorm, ShiftBatchNorm


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
