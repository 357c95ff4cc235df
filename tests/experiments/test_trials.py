import dataclasses
import shutil

import numpy as np
import pytest

from conftest import ROOT
from pasticcio.experiments.run import run
from pasticcio.experiments.trials import Outcome, half_width, outcomes_text


@pytest.mark.slow
def test_an_experiment_that_trains(context, tmp_path):
    """Runs are kept: the second time nothing is trained, and a broken-off run goes on."""
    recipe = tmp_path / "tiny.toml"
    text = (ROOT / "recipes" / "generalization.toml").read_text()
    assert 'transfer = "fast"' in text
    recipe.write_text(
        "steps = 2\nbatch = 2\nsample_steps = 0\n[network]\nhalf = 8\nquarter = 8\neighth = 8\nquarter_blocks = 1\n"
        "eighth_blocks = 1\npredictor_widths = [4, 4, 8]\npredictor_hidden = 8\n[loss]\ncontent = { relu2_1 = 1.0 }\n"
        'style = { relu1_1 = 1.0 }\nrelative = true\n[loss_network]\nname = "vgg16"\nweights = "random"\n'
        "[data]\ncrop = 32\nphoto_short = [32, 48]\nstyle_short = [32, 48]\nstyle_crop = 32\nstyle_size = [32, 32]\n"
        "workers = 0\n"
    )
    trained = []
    context = dataclasses.replace(
        context,
        side=48,
        recipe=recipe,
        seeds=2,
        report=lambda name, done, total: trained.append(name),
    )
    first = run("kinds", context)
    assert [line.split(" | ")[0] for line in first.splitlines()[2:]] == ["| paintings", "| textures", "| both"]
    assert len(set(trained)) == 6
    trained.clear()
    assert run("kinds", context) == first
    assert not trained
    both = max((context.results / "trained").glob("*/styles.txt"), key=lambda path: path.stat().st_size)
    shutil.rmtree(both.parent)
    assert run("kinds", context) == first
    assert [name.split(",")[0] for name in set(trained)] == ["both"]
    trained.clear()
    run("bottleneck", context)  # 100 numbers, all paintings: trained already, for "kinds"
    assert len(set(trained)) == 6
    assert not [name for name in trained if name.startswith("100")]
    assert (context.out / "kinds.png").exists()


def test_intervals_are_students():
    assert half_width([1.0, 2.0, 3.0]) == pytest.approx(4.30 / np.sqrt(3))
    outcomes = [Outcome("a", 1, seed, {"observed": {"style": [seed + 1.0], "content": [1.0]}}) for seed in range(3)]
    assert "| a | 2.000 ± 2.483 | 1.000 ± 0.000 | 3 |" in outcomes_text(outcomes)
    for outcome in outcomes:
        outcome.groups["unobserved"] = {"style": [3 * outcome.groups["observed"]["style"][0]], "content": [1.0]}
    assert outcomes_text(outcomes).endswith(" | 3.000 ± 0.000 | 3 |")
