from contextlib import nullcontext

import pytest
import torch

from pasticcio.errors import ModelError
from pasticcio.model.folder import JUDGE, Model
from pasticcio.nn.network import StyleNetwork
from pasticcio.render.slope import Slope
from pasticcio.render.stylizer import Stylizer
from pasticcio.training import judge as module
from pasticcio.training.batches import Batch
from pasticcio.training.judge import forecast_of, load_judge, save_judge, teach_judge
from pasticcio.training.model_folder import load_network, save_model


def batches(count):
    draw = torch.Generator().manual_seed(0)
    photos, styles = (
        torch.randint(256, (count, 4, 3, side, side), generator=draw, dtype=torch.uint8) for side in (32, 48)
    )
    none = torch.zeros(4, dtype=torch.long)
    return [Batch(photo, photo, style, 0, none, none, ()) for photo, style in zip(photos, styles, strict=True)]


def test_a_judge_learns_and_the_forecast_stays_as_it_is(forecasting):
    network, vgg, loss = forecasting
    before = {name: x.clone() for name, x in network.state_dict().items()}
    told = []
    judge = teach_judge(network, vgg, (loss, loss), batches(60), 60, nullcontext, lambda *errors: told.append(errors))
    assert [step for step, *_ in told] == list(range(1, 61))
    assert sum(features for _, features, _ in told[-10:]) < 0.9 * sum(features for _, features, _ in told[:10])
    assert all(torch.equal(x, before[name]) for name, x in network.state_dict().items())
    assert not torch.equal(
        judge.narrow.convs["relu1_1"].weight, network.predictor.forecast.style.narrow.convs["relu1_1"].weight
    )


def test_gradients_become_those_of_the_loss_network(forecasting):
    network, vgg, loss = forecasting
    forecast = forecast_of(network)
    grams = forecast.style
    learned = list(grams.narrow.convs.requires_grad_(True).parameters())
    optimizer = torch.optim.Adam(learned, lr=1e-3)
    errors = []
    for _ in range(40):
        torch.manual_seed(3)
        lesson = module._Lesson(network, forecast, batches(1)[0], nullcontext)
        guessed = lesson.see(lambda x: dict(zip(grams.parts, grams.features(x), strict=True)), loss)
        error, direct = lesson.slope_error(guessed, lesson.see(vgg, loss))
        errors.append(error)
        optimizer.zero_grad()
        direct.backward()
        optimizer.step()
    assert errors[-1] < 0.7 * errors[0]


def test_the_graphs_of_a_folder_use_its_judge(forecasting, tmp_path):
    network = forecasting[0]
    save_model(tmp_path / "model", network, "tiny", {})
    folder = tmp_path / "model"
    assert torch.equal(
        load_judge(network, folder).narrow.convs["relu2_1"].weight,
        forecast_of(network).style.narrow.convs["relu2_1"].weight,
    )
    judge = load_judge(network, folder)
    judge.narrow.randomize(3)
    save_judge(judge, folder)
    again = load_judge(load_network(folder), folder)
    for name, x in again.narrow.state_dict().items():
        torch.testing.assert_close(x, judge.narrow.state_dict()[name].half().float(), rtol=0, atol=0)


def test_a_damaged_judge_is_named(forecasting, tmp_path):
    (tmp_path / JUDGE).write_bytes(b"none")
    with pytest.raises(ModelError, match="is no judge of this model; remove it"):
        load_judge(forecasting[0], tmp_path)


def test_a_network_without_a_forecast_has_no_judge(tiny):
    with pytest.raises(ModelError, match="has no forecast"):
        forecast_of(StyleNetwork(tiny))


def test_the_shipped_judge_is_what_the_graphs_read(tmp_path):
    model = Model.open("default")
    network = load_network(model.folder)
    picture = torch.rand(1, 3, 40, 56)
    features = load_judge(network, model.folder).features(picture)
    slope = Slope(Stylizer(model, runtime="onnxruntime"), torch.ones(100).numpy())
    for x, gram in zip(features, slope.grams(picture.numpy()).values(), strict=True):
        rows = x.flatten(2)
        torch.testing.assert_close(rows @ rows.mT / rows.shape[2], torch.from_numpy(gram), rtol=1e-3, atol=1e-3)
