import torch

from pasticcio.nn.predictor import CompactPredictor, InceptionPredictor, QuadraticForms, VggBranch, moments


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


def test_a_branch_adds_nothing_until_it_learns():
    torch.manual_seed(0)
    predictor, style = CompactPredictor(7, (4, 4, 8), 8, directions=5), torch.rand(2, 3, 40, 50)
    predictor.branch.vgg.randomize(0)
    plain = CompactPredictor(7, (4, 4, 8), 8)
    plain.load_state_dict({k: v for k, v in predictor.state_dict().items() if not k.startswith("branch")})
    assert torch.equal(predictor(style), plain(style))
    predictor(style).square().sum().backward()
    assert predictor.branch.out.weight.grad.abs().max() > 0
    torch.nn.init.normal_(predictor.branch.out.weight)
    torch.nn.init.normal_(predictor.branch.whitening)
    predictor(style).square().sum().backward()
    assert all(p.grad.abs().max() > 0 for p in predictor.branch.vgg.parameters())


def test_whitening_gives_all_loud_directions_one_variance():
    torch.manual_seed(0)
    branch = VggBranch(7, 6)
    length = len(branch.centre)
    seen = torch.randn(500, 6) @ torch.randn(6, length) * torch.logspace(-2, 1, length) + 3
    branch.measure(seen)
    white = (seen - branch.centre) @ branch.whitening.T
    torch.testing.assert_close(white.T.cov(), torch.eye(6), atol=0.02, rtol=0)
    quiet = VggBranch(7, 12)
    quiet.measure(seen + 1e-2 * torch.randn(500, length) * seen.std(0))
    spread = ((seen - quiet.centre) @ quiet.whitening.T).std(0)
    assert spread[-6:].min() > 0.9  # the six that are there
    assert spread[:6].max() < 0.1  # and noise, not blown up


def test_quadratic_forms_add_nothing_until_they_learn():
    torch.manual_seed(0)
    predictor, style = CompactPredictor(7, (4, 4, 8), 8, directions=5, forms=3), torch.rand(2, 3, 40, 50)
    branch = predictor.branch
    branch.vgg.randomize(0)
    torch.nn.init.normal_(branch.out.weight)
    plain = CompactPredictor(7, (4, 4, 8), 8, directions=5)
    plain.load_state_dict({k: v for k, v in predictor.state_dict().items() if not k.startswith("branch.forms")})
    assert torch.equal(predictor(style), plain(style))
    predictor(style).square().sum().backward()
    assert branch.forms.out.weight.grad.abs().max() > 0
    torch.nn.init.normal_(branch.forms.out.weight)
    assert (predictor(style) - plain(style)).abs().max() > 1e-3
    predictor(style).square().sum().backward()
    assert all(project.weight.grad.abs().max() > 0 for project in branch.forms.projections)


def test_quadratic_forms_see_what_single_channels_do_not():
    """Two features with the same moments of every channel: only the covariance of the channels differs."""
    torch.manual_seed(0)
    one, other = torch.randn(1, 1, 30, 40), torch.randn(1, 1, 30, 40)
    apart = torch.cat([one, other], 1)
    apart = (apart - apart.mean((2, 3), keepdim=True)) / apart.std((2, 3), keepdim=True)
    together = apart[:, :1].expand(1, 2, 30, 40)
    forms = QuadraticForms(5, [2], 2)
    with torch.no_grad():
        forms.projections[0].weight.copy_(torch.tensor([[1.0, 1.0], [1.0, -1.0]])[:, :, None, None])
    torch.testing.assert_close(moments(together), moments(apart), atol=1e-3, rtol=1e-3)
    assert (forms.describe([together]) - forms.describe([apart])).abs().min() > 0.3


def test_quadratic_forms_are_standardized_over_the_styles_measured():
    torch.manual_seed(0)
    forms = QuadraticForms(5, [4, 6], 3)
    styles = [
        [torch.randn(1, width, 12, 15) * torch.rand(1, width, 1, 1) * scale for width, scale in ((4, 100.0), (6, 0.01))]
        for _ in range(60)
    ]
    forms.measure(styles)
    with torch.no_grad():
        described = torch.cat([forms.describe(layers) for layers in styles])
    standard = (described - forms.centre) / forms.spread
    torch.testing.assert_close(standard.mean(0), torch.zeros(6), atol=1e-3, rtol=0)
    torch.testing.assert_close(standard.std(0), torch.ones(6), atol=1e-2, rtol=0)
    # A layer of large channels and one of small ones have projections of about one deviation.
    assert described.mean(0).abs().max() < 1.5


def test_half_precision_leaves_the_branch_alone():
    torch.manual_seed(0)
    branch, style = VggBranch(7, 6), torch.rand(1, 3, 40, 50)
    branch.vgg.randomize(0)
    torch.nn.init.normal_(branch.out.weight)
    with torch.autocast("cpu", torch.bfloat16):
        half = branch(style.bfloat16())
    assert torch.equal(half, branch(style.bfloat16().float()))
    assert half.abs().max() > 0


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
