import dataclasses
import json
import math
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from history import Judge, Network, Pair, figure, measure, reached, report, rows

from pasticcio.baselines.optimize import LOSS
from pasticcio.render.adapt import Sketch
from pasticcio.render.stylizer import Stylizer
from pasticcio.training.pretrained import load_vgg


@pytest.fixture(scope="module")
def vgg():
    return load_vgg("vgg19", LOSS.layers(), "random", padding="reflect")


@pytest.fixture
def pair(photo):
    image = photo[:64, :64].astype(np.float32) / 255
    style = np.zeros_like(image)
    style[:, ::4] = (1.0, 0.5, 0.1)
    return Pair(0, image, style, "red")


def test_reached_is_the_first_iteration_of_a_loss():
    trace = [9.0, 5.0, 5.0, 2.0]
    assert [reached(trace, loss) for loss in (10, 5, 4, 1)] == [1, 2, 4, math.inf]


def test_a_table_is_given_the_style_of_the_pair_or_else_the_nearest(pair, vgg, table_folder):
    network, judge = Network("multi", Stylizer(table_folder)), Judge(vgg, pair)
    image, seconds, used = network.render(pair, judge)
    assert (used, seconds > 0) == ("red", True)
    styles = network.stylizer.model.styles
    np.testing.assert_array_equal(image, network.stylizer.render(pair.photo, styles["red"].embedding))
    losses = {name: judge(network.stylizer.render(pair.photo, s.embedding))["style"] for name, s in styles.items()}
    unknown = dataclasses.replace(pair, name="unknown")
    assert network.render(unknown, judge)[2] == min(losses, key=losses.get)


def test_a_fitted_style_is_measured_anew_for_another_number_of_steps(pair, vgg):
    stylizer, results, judge = Stylizer("fast"), {}, Judge(vgg, pair)
    plain = Network("arbitrary", stylizer)
    for steps, kept in ((2, False), (2, True), (3, False)):
        before = results.get("unseen 0 fitted")
        networks = [plain, dataclasses.replace(plain, label="fitted", adapt=steps)]
        measure("unseen", pair, networks, vgg, (), (), results, lambda: None)
        assert (results["unseen 0 fitted"] is before) == kept
    picture = networks[1].render(pair, judge)[0]
    assert results["unseen 0 fitted"]["loss"] == pytest.approx(judge(picture)["loss"], rel=1e-3)
    view = np.ascontiguousarray(pair.style.transpose(2, 0, 1)[None])
    row = Sketch(stylizer, pair.photo).fit(stylizer.embed(pair.style, side=64).embedding, view, 3)
    np.testing.assert_allclose(picture, stylizer.render(pair.photo, row), atol=1e-3)
    assert np.abs(picture - plain.render(pair, judge)[0]).mean() > 1e-3


def test_measured_once_kept_and_told(pair, vgg, model_folder, table_folder, tmp_path):
    results, saved = {}, []
    networks = [Network("arbitrary", Stylizer(model_folder)), Network("multi", Stylizer(table_folder))]
    arguments = (networks, vgg, (2, 5), ("photo", "network"), results, lambda: saved.append(json.dumps(results)))
    measure("known", pair, *arguments)
    assert len(saved) == 4
    descent = results["known 0 optimization from photo"]
    assert len(descent["trace"]) == len(descent["clock"]) == 5
    assert descent["trace"] == sorted(descent["trace"], reverse=True)
    assert descent["marks"]["5"]["loss"] == pytest.approx(descent["trace"][-1], rel=1e-3)
    assert descent["trace"][0] == pytest.approx(results["known 0 photo"]["loss"], rel=1e-3)
    started = results["known 0 optimization from network"]["trace"][0]
    assert started == pytest.approx(results["known 0 arbitrary"]["loss"], rel=1e-3)
    results.update(json.loads(saved[-1]))  # as from a file
    measure("known", pair, *arguments)
    assert len(saved) == 4
    results["known 0 arbitrary"]["model"] = "another"
    measure("known", pair, networks, *arguments[1:])
    assert len(saved) == 5
    text = report(results)
    assert "### known: 1 pairs" in text
    assert "### unseen" not in text
    for row in ("untouched photo", "arbitrary", "multi", "optimization from photo, 2 iterations"):
        assert f"| {row} | 1 |" in text
    assert "One forward pass of arbitrary is worth" in text
    assert "5 iterations from the photo reach" in text
    figure(results, tmp_path / "seconds.png")
    assert (tmp_path / "seconds.png").stat().st_size > 5000


def test_answers_by_hand():
    def network(loss):
        return {"loss": loss, "content": 1.0, "style": 0.5, "seconds": 0.1, "label": "arbitrary"}

    results = {}
    for number, (loss, start) in enumerate([(6.0, [6.0, 3.0, 1.0]), (0.5, [9.0, 8.0, 7.0])]):
        results[f"known {number} photo"] = {"loss": 10.0, "content": 0.0, "style": 2.0, "seconds": 0.0}
        results[f"known {number} arbitrary"] = network(loss)
        marks = {"3": {"loss": 2.0, "content": 1.0, "style": 0.1}}
        results[f"known {number} optimization from photo"] = {"trace": [10, 6, 2], "clock": [1, 2, 3], "marks": marks}
        results[f"known {number} optimization from network"] = {"trace": start, "clock": [1, 2, 3], "marks": {}}
    text = report(results)
    assert "worth 2 (median of 2; 2 to more than all) iterations" in text
    assert "after 3 (median of 2; 3 to more than all); in at most a third of them for 0 of 2 pairs" in text
    results["known 0 optimization from photo"]["trace"].pop()  # says nothing of a third iteration
    assert "that 3 iterations from the photo reach is reached from the network's output after more" in report(results)
    assert rows(results, "known")["optimization from photo, 3 iterations"][0]["seconds"] == 3
    assert "| optimization from photo, 3 iterations | 2 | 2.00 | 2.00 | 1.000 | 0.100 | 0.100 | 3 |" in text
