import torch

from pasticcio.nn.predictor import CompactPredictor, InceptionPredictor, Standardize, moments


def test_embeddings_of_any_size():
    predictor = CompactPredictor(7, (4, 4, 8), 8)
    for size in ((16, 16), (33, 70), (256, 64)):
        assert predictor(torch.rand(2, 3, *size)).shape == (2, 7)


def test_position_does_not_matter_much():
    """Rolling a picture by the coarsest stride changes the pooled statistics at the borders only."""
    predictor = CompactPredictor(7, (4, 4, 8), 8)
    x = torch.rand(1, 3, 128, 128)
    same = (predictor(x) - predictor(x.roll((64, 32), (2, 3)))).norm()
    other = (predictor(x) - predictor(x.flip(1) * 0.5)).norm()
    assert same < 0.2 * other


def test_moments():
    x = torch.randn(3, 2, 40, 50) * torch.tensor([2.0, 0.5])[:, None, None] + 1
    values = moments(x)
    torch.testing.assert_close(values[:, :2], x.mean((2, 3)))
    torch.testing.assert_close(values[:, 2:], x.std((2, 3), correction=0), atol=1e-3, rtol=1e-3)


def test_inception_predictor_pools_mixed_6e():
    predictor = InceptionPredictor().eval()
    with torch.no_grad():
        assert predictor.trunk(torch.rand(1, 3, 256, 256)).shape == (1, 768, 14, 14)
        assert predictor(torch.rand(1, 3, 128, 200)).shape == (1, 100)


def test_standardize_follows_the_scale_of_its_numbers():
    layer = Standardize(2, momentum=0.05).train()
    scale, shift = torch.tensor([0.01, 50.0]), torch.tensor([3.0, -20.0])
    for _ in range(300):
        layer(torch.randn(8, 2) * scale + shift)
    layer.eval()
    before = layer.mean.clone()
    y = layer(torch.randn(4000, 2) * scale + shift)
    assert torch.equal(layer.mean, before)
    torch.testing.assert_close(y.std(0), torch.ones(2), atol=0.25, rtol=0)
    torch.testing.assert_close(y.mean(0), torch.zeros(2), atol=0.25, rtol=0)


def test_one_pictures_embedding_does_not_depend_on_the_others():
    predictor = CompactPredictor(7, (4, 4, 8), 8).train()
    predictor.scale.momentum = 0.0
    x = torch.rand(3, 3, 32, 32)
    torch.testing.assert_close(predictor(x)[1:2], predictor(x[1:2]))
