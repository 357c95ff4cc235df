from itertools import pairwise

import numpy as np
import torch

from pasticcio.experiments.run import run
from pasticcio.experiments.smoothness import Way, perceptual_distance


def test_ways_are_followed_and_drawn(context):
    text = run("smoothness", context)
    assert "| strength, pixels |" in text
    assert (context.out / "smoothness.png").exists()


def test_a_way_is_measured():
    features = [
        {"relu4_1": torch.eye(3)[None, :, :, None] * (1 - t) + torch.full((1, 3, 3, 1), t)} for t in (0, 0.4, 1)
    ]
    steps = [perceptual_distance(a, b) for a, b in pairwise(features)]
    assert perceptual_distance(features[0], features[0]) == 0
    assert sum(steps) >= perceptual_distance(features[0], features[2]) > 0
    way = Way(1.0, 1.0, np.array([3.0, 2.0, 1.0]), np.array([0.0, 0.5, 0.3]))
    assert way.monotone_style
    assert not way.monotone_content
    assert Way(1, 1, np.array([3, 1, 1.01]), way.content).monotone_style  # within 2% of the range
