import pytest
import torch

from pasticcio.nn.style_grams import StyleGrams
from pasticcio.training.forecast import fit
from pasticcio.training.renderings import Renderings

PARTS, WEIGHTS = {"relu1_1": 4, "relu2_1": 5}, (6.0, 8.0)
SIZES = 4, 5


def style_grams():
    return StyleGrams(PARTS, widths=(4, 6, 8, 8, 8))


def world(count, seed):
    """Renderings of a network whose answers are known: Gram matrices bend with the embedding; photos add noise.

    What is described of a style tells its Gram matrices exactly; the predicted embedding is the best one with an error.
    """
    draw = torch.Generator().manual_seed(seed)
    fixed = torch.Generator().manual_seed(0)
    mix = torch.randn(4, 9, generator=fixed)
    tell = [
        torch.randn(size, count, generator=fixed) for size, count in zip(SIZES, style_grams().described, strict=True)
    ]

    def answer(e):
        grams = torch.tanh(e @ mix) + 0.2 * (e @ mix)
        return [g / g.norm(dim=1, keepdim=True) for g in (grams + 0.3).split(SIZES, 1)]

    best = torch.randn(count, 4, generator=draw)
    wanted = torch.cat(answer(best), 1)
    embeddings = (best + 0.15 * torch.randn(count, 4, generator=draw)).requires_grad_(True)
    photos = torch.randn(count, 12, generator=draw)
    pictures = [g + 0.05 * photos[:, :1] for g in answer(embeddings)]
    style = [(g - w).square().sum(1) for g, w in zip(pictures, wanted.split(SIZES, 1), strict=True)]
    content = 0.1 + 0.01 * photos[:, 1].abs()
    loss = content + sum(weight * error.log1p() for weight, error in zip(WEIGHTS, style, strict=True))
    (slopes,) = torch.autograd.grad(loss.sum(), embeddings)
    grams = torch.cat(pictures, 1).detach()
    sizes = torch.stack([g.detach().norm(dim=1).log() for g in pictures], 1)
    described = torch.cat([w @ t for w, t in zip(wanted.split(SIZES, 1), tell, strict=True)], 1).half()
    found = Renderings(
        embeddings.detach(), slopes, torch.arange(count), described, photos, grams, sizes, wanted,
        torch.zeros(count, 2), content,
    )  # fmt: skip
    return found, best, answer


@pytest.fixture(scope="module")
def learned():
    torch.manual_seed(0)
    told = []
    found, _, _ = world(3000, 1)
    forecast = fit(
        style_grams(), PARTS, WEIGHTS, found, steps=600, told=lambda step, _, errors: told.append((step, errors))
    )
    return forecast, told


def test_what_is_told_are_falling_errors(learned):
    steps, errors = zip(*learned[1], strict=True)
    assert steps == tuple(range(60, 601, 60))
    for name in ("grams", "slopes"):
        assert errors[-1][name] < 0.5 * errors[0][name]


def test_it_corrects_embeddings_of_styles_that_it_has_not_seen(learned):
    forecast, (found, best, answer) = learned[0], world(300, 2)
    with torch.no_grad():
        corrected = forecast.descend(found.embeddings, *forecast.style.read(found.styles.float()))

        def error(e):
            return (torch.cat(answer(e), 1) - found.wanted).square().sum(1).mean()

        assert error(corrected) < 0.5 * error(found.embeddings)
        assert (corrected - best).norm(dim=1).mean() < (found.embeddings - best).norm(dim=1).mean()


def test_what_depends_on_the_photo_is_known(learned):
    assert learned[0].photo.max() < 0.05
    assert learned[0].photo.min() >= 0


def test_one_that_begins_with_an_earlier_one_knows_more_at_once(learned):
    before, _ = learned
    found, _, _ = world(600, 5)
    told = {}
    for name, known in (("fresh", None), ("begun", before)):
        torch.manual_seed(0)
        forecast = fit(
            style_grams(), PARTS, WEIGHTS, found, steps=10, before=known,
            told=lambda step, _, errors, name=name: told.setdefault(name, errors),
        )  # fmt: skip
    assert torch.equal(forecast.axes, before.axes)
    assert told["begun"]["grams"] < 0.5 * told["fresh"]["grams"]
    assert told["begun"]["slopes"] < 0.5 * told["fresh"]["slopes"]
