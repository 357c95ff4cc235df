import torch

from pasticcio.nn.predictor import CompactPredictor, InceptionPredictor, moments


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
