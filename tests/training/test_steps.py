import shutil
from contextlib import nullcontext

import numpy as np
import pytest
import torch

from conftest import exporting
from pasticcio.errors import ModelError
from pasticcio.image.picture import as_batch, as_float
from pasticcio.image.resize import style_view
from pasticcio.model.folder import SHIPPED, STEPS, Model
from pasticcio.nn.steps import Steps
from pasticcio.render import adapt
from pasticcio.render.adapt import Sketch
from pasticcio.render.stylizer import Stylizer
from pasticcio.training import steps as module
from pasticcio.training.batches import Batch
from pasticcio.training.model_folder import save_model
from pasticcio.training.steps import Descent, Way, add_steps, teach_steps


@pytest.fixture
def descent(forecasting, tmp_path):
    network, vgg, loss = forecasting
    save_model(tmp_path / "model", network, "tiny", {})
    return Descent(network, tmp_path / "model", vgg, loss, nullcontext)


def batches(count, seed=0):
    draw = torch.Generator().manual_seed(seed)
    pictures = (torch.randint(256, (count, 4, 3, 48, 48), generator=draw, dtype=torch.uint8) for _ in range(2))
    none = torch.zeros(4, dtype=torch.long)
    return [Batch(photo, photo, style, 0, none, none, ()) for photo, style in zip(*pictures, strict=True)]


def test_steps_that_have_learned_end_lower(descent, monkeypatch):
    monkeypatch.setattr(adapt, "SKETCH", 32**2)
    monkeypatch.setattr(module, "SKETCH", 32**2)
    monkeypatch.setattr(module, "RATE", 3e-3)
    plain = Steps(descent.network.config.embedding, module.LEARNED)
    plain.plain(module.LENGTHS[0], module.KEPT[0])
    told = []
    learned = teach_steps(descent, batches(40), 40, lambda number, losses: told.append((number, len(losses))))
    assert told[-1] == (40, module.LEARNED)
    torch.manual_seed(1)
    pairs = [descent.pairs(batch) for batch in batches(4, seed=1)]

    def loss(steps):
        return sum(descent.loss(each, descent.walk(steps, each)[-1]).mean().item() for each in pairs)

    before = sum(descent.loss(each, each.start).mean().item() for each in pairs)
    assert loss(learned) < loss(plain) < before


def test_half_of_the_pairs_are_weaker_and_their_content_weighs_more(descent):
    torch.manual_seed(0)
    pairs = [descent.pairs(batch) for batch in batches(12)]
    strengths = torch.cat([each.strength for each in pairs])
    assert 0.25 < (strengths < 1).float().mean() < 0.75
    assert strengths.min() >= module.WEAK
    near = torch.cat([each.eased for each in pairs])
    torch.testing.assert_close(near, strengths * (2 - strengths))
    some = pairs[0]._replace(strength=torch.full((4,), 0.5))
    full = some._replace(strength=torch.ones(4))
    difference = descent.loss(some, some.start) - descent.loss(full, some.start)
    assert (difference > 0).all()
    plain = Steps(descent.network.config.embedding, module.LEARNED)
    plain.plain(module.LENGTHS[0], module.KEPT[0])
    far, less = (descent.walk(plain, some._replace(eased=torch.full((4,), x)))[0] - some.start for x in (1.0, 0.75))
    torch.testing.assert_close(less, 0.75 * far)
    once = descent.loss(full, some.start) - descent.loss(full._replace(strength=torch.full((4,), 1e3)), some.start)
    torch.testing.assert_close(difference, once * (0.5**-adapt.WEAKER - 1), rtol=1e-3, atol=1e-3)


@pytest.fixture
def folder(tmp_path):
    shutil.copytree(SHIPPED / "default", tmp_path / "model")
    (tmp_path / "model" / STEPS).unlink(missing_ok=True)
    return tmp_path / "model"


def test_the_first_steps_go_where_the_graph_says_and_the_others_down_the_gradient(folder, photo):
    torch.manual_seed(0)
    steps = Steps(100, module.LEARNED)
    for weights in steps.parameters():
        torch.nn.init.normal_(weights, std=1e-3)
    before = dict(Model.open(folder).config["sha256"])
    with exporting():
        add_steps(folder, steps.requires_grad_(False))
    assert {name: sha for name, sha in Model.open(folder).config["sha256"].items() if name != STEPS} == {
        name: sha for name, sha in before.items() if name != STEPS
    }
    stylizer = Stylizer(folder, runtime="onnxruntime")
    painting = as_float(photo[::-1])
    row, view = stylizer.embed(painting, side=160).embedding, np.ascontiguousarray(as_batch(style_view(painting, 160)))
    seen, run = [], stylizer.run

    def noted(graph, **inputs):
        seen.append((graph.name, {name: value.copy() for name, value in inputs.items()}, run(graph, **inputs)))
        return seen[-1][2]

    stylizer.run = noted
    fitted = Sketch(stylizer, as_float(photo)).fit(row, view, module.LEARNED, 0.5)
    ways = [(inputs, out) for name, inputs, out in seen if name == STEPS]
    np.testing.assert_allclose(row + adapt.eased(0.5) * sum(out[0] for _, out in ways), fitted, rtol=1e-4, atol=1e-5)
    graph = Way(steps, module.forecast_of(module.load_network(folder)))
    for number, (inputs, out) in enumerate(ways):
        assert not inputs["gradients"][number + 1 :].any()
        wanted = graph(*(torch.from_numpy(inputs[name]) for name in ("gradients", "start", "step")))
        np.testing.assert_allclose(wanted, out, rtol=1e-3, atol=1e-4)
    seen.clear()
    Sketch(stylizer, as_float(photo)).fit(row, view, module.LEARNED + 2, 0.5)
    assert sum(name == STEPS for name, *_ in seen) == module.LEARNED


def test_steps_of_another_number_are_refused(folder):
    with pytest.raises(ModelError, match=r"2 steps of 100 numbers; .* needs 4 of 100"):
        add_steps(folder, Steps(100, 2))
