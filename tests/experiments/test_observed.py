import dataclasses
import json
from dataclasses import replace

import numpy as np

from pasticcio.baselines.settings import LOSS
from pasticcio.experiments.loss_meter import LossMeter
from pasticcio.experiments.observed import optimum
from pasticcio.experiments.run import run
from pasticcio.training.pretrained import load_vgg


def test_groups_are_measured_on_the_same_photos(context):
    text = run("observed", dataclasses.replace(context, optimize=1, iterations=5))
    assert text.count("\n| ") == 12
    assert "unobserved over observed" in text
    assert (context.results / "observed.md").read_text() == text + "\n"
    found = json.loads((context.results / "observed.json").read_text())
    assert [len(found[f"textures, unobserved{end}"]["style"]) for end in ("", ", optimum", ", same pairs")] == [2, 1, 1]
    assert (context.out / "observed.png").exists()


def test_optimized_pixels_come_nearer_to_the_style(photo):
    vgg = load_vgg("vgg19-small", LOSS.layers(), "random", padding="reflect")
    content, style = (np.ascontiguousarray(photo[y : y + 48, 200:248], np.float32) / 255 for y in (0, 150))
    output = optimum(content, style, vgg, 8, replace(LOSS, style=dict.fromkeys(LOSS.style, 1000.0)))
    assert output.shape == content.shape
    before, after = (LossMeter(vgg, 48).measure(image, content, style)[1] for image in (content, output))
    assert after < 0.7 * before
