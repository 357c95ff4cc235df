import pytest
import torch

from pasticcio.nn.losses import (
    LossConfig,
    channel_moments,
    content_loss,
    gram_matrix,
    grid_pattern,
    perceptual_loss,
    restyled_features,
    style_loss,
    total_variation,
)


def test_gram_by_hand():
    features = torch.tensor([[[[1.0, 2.0]], [[3.0, 4.0]]]])  # two channels, two positions
    expected = torch.tensor([[[5.0, 11.0], [11.0, 25.0]]]) / 2
    torch.testing.assert_close(gram_matrix(features), expected)


def test_gram_in_channels_last_is_the_same():
    features = torch.randn(2, 5, 7, 9)
    last = features.contiguous(memory_format=torch.channels_last)
    assert last.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(gram_matrix(last), gram_matrix(features))
    expected = torch.einsum("bchw,bdhw->bcd", features, features) / 63
    torch.testing.assert_close(gram_matrix(last), expected)


def test_gram_does_not_depend_on_size():
    features = torch.rand(1, 4, 8, 8)
    torch.testing.assert_close(gram_matrix(features), gram_matrix(features.repeat(1, 1, 3, 2)))


def test_gram_is_float32_under_autocast():
    features = torch.full((1, 2, 64, 64), 100.0, dtype=torch.bfloat16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        gram = gram_matrix(features)
    assert gram.dtype == torch.float32
    torch.testing.assert_close(gram, torch.full((1, 2, 2), 1e4), rtol=4e-3, atol=0)


def test_gram_of_bfloat16_is_near_that_of_float32():
    features = torch.rand(2, 5, 64, 48).to(torch.bfloat16)
    torch.testing.assert_close(gram_matrix(features), gram_matrix(features.float()), rtol=4e-3, atol=0)
    last = features.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(gram_matrix(last), gram_matrix(features), rtol=4e-3, atol=0)


def test_content_loss_is_per_picture():
    a = torch.zeros(2, 3, 4, 4)
    b = a.clone()
    b[1] += 2
    assert content_loss(a, b).tolist() == [0, 4]


def test_relative_style_loss_does_not_depend_on_contrast():
    y, s = torch.rand(1, 3, 3), torch.rand(1, 3, 3)
    torch.testing.assert_close(style_loss(y, s, True), style_loss(7 * y, 7 * s, True))
    torch.testing.assert_close(style_loss(torch.zeros_like(s), s, True), torch.ones(1))
    torch.testing.assert_close(style_loss(y, s), (y - s).square().mean((1, 2)))


def test_total_variation_by_hand():
    image = torch.zeros(1, 3, 2, 2)
    image[:, :, 1, :] = 1  # every step down is 1, none across
    assert total_variation(image).item() == pytest.approx(0.5)


def test_grid_pattern_tells_a_weave_from_a_photo(photo):
    image = torch.tensor(photo).permute(2, 0, 1)[None] / 255
    weave = torch.zeros_like(image)
    weave[:, :, ::4] = 0.02
    assert grid_pattern(image + weave) > 20 * grid_pattern(image)
    assert grid_pattern(torch.ones(1, 3, 20, 33)) < 1e-12


def test_perceptual_loss_sums_layers_by_weight():
    config = LossConfig(content={"a": 2.0, "b": 1.0}, style={"a": 3.0})
    features = {"a": torch.ones(1, 1, 2, 2), "b": torch.ones(1, 1, 2, 2)}
    content = {"a": torch.zeros(1, 1, 2, 2), "b": 3 * torch.ones(1, 1, 2, 2)}
    losses = perceptual_loss(features, content, {"a": torch.full((1, 1, 1), 3.0)}, config)
    assert losses["content"].item() == pytest.approx(2 * 1 + 4)
    assert losses["style"].item() == pytest.approx(3 * 4)


def test_logarithm_tames_styles_that_are_not_reached():
    features = {"a": torch.stack([torch.full((1, 2, 2), 10.0), torch.full((1, 2, 2), 1.1)])}
    grams = {"a": torch.ones(2, 1, 1)}
    config = LossConfig(content={"a": 0.0}, style={"a": 2.0}, relative=True, logarithmic=True)
    found = perceptual_loss(features, features, grams, config)["style"]
    raw = style_loss(gram_matrix(features["a"]), grams["a"], relative=True)
    torch.testing.assert_close(found, 2 * torch.log1p(raw))


def test_a_mask_picks_the_positions_of_a_gram_matrix():
    features = torch.rand(1, 3, 4, 6)
    left = torch.zeros(1, 1, 4, 6)
    left[..., :3] = 1
    torch.testing.assert_close(gram_matrix(features, left), gram_matrix(features[..., :3]))
    torch.testing.assert_close(gram_matrix(features, 0.3 * torch.ones_like(left)), gram_matrix(features))
    assert torch.equal(gram_matrix(features, torch.zeros_like(left)), torch.zeros(1, 3, 3))


def test_relative_content_loss_does_not_depend_on_the_scale_of_features():
    a, b = torch.rand(2, 3, 4, 4), torch.rand(2, 3, 4, 4)
    torch.testing.assert_close(content_loss(a, b, True), content_loss(9 * a, 9 * b, True))
    torch.testing.assert_close(content_loss(2 * b, b, True), torch.ones(2))


def test_moments_of_channels():
    features = torch.randn(2, 3, 20, 30) * torch.tensor([1.0, 5.0, 0.1])[:, None, None] + 2
    mean, deviation = channel_moments(features.bfloat16().float())
    assert mean.shape == deviation.shape == (2, 3, 1, 1)
    torch.testing.assert_close(mean, features.mean((2, 3), keepdim=True), atol=1e-2, rtol=0)
    spread = features.std((2, 3), correction=0, keepdim=True)
    torch.testing.assert_close(deviation, spread, atol=1e-2, rtol=1e-2)
    assert all(value.dtype == torch.float32 for value in channel_moments(features.bfloat16()))


def test_restyled_features_have_the_moments_of_the_style_and_the_layout_of_the_photo():
    torch.manual_seed(0)
    photo, style = torch.randn(2, 3, 8, 9) * 3 + 1, torch.randn(2, 3, 5, 6) * 0.5 - 4
    restyled = restyled_features(photo, channel_moments(style))
    for found, wanted in zip(channel_moments(restyled), channel_moments(style), strict=True):
        torch.testing.assert_close(found, wanted, atol=1e-3, rtol=1e-3)
    correlation = torch.corrcoef(torch.stack([restyled[0, 0].flatten(), photo[0, 0].flatten()]))[0, 1]
    assert correlation > 0.999
    torch.testing.assert_close(restyled_features(photo, channel_moments(photo)), photo)


def test_layers_are_those_of_all_losses():
    config = LossConfig(content={"relu3_1": 1.0}, style={"relu1_1": 1.0}, restyled={"relu4_1": 1.0, "relu1_1": 1.0})
    assert config.layers() == ["relu1_1", "relu3_1", "relu4_1"]
