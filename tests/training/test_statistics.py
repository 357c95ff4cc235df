import dataclasses
from pathlib import Path

import torch

from pasticcio.nn.network import StyleNetwork
from pasticcio.training.config import read_recipe
from pasticcio.training.export import load_network, save_model
from pasticcio.training.statistics import teach
from pasticcio.training.train import train
from pasticcio.weights import load_vgg

ROOT = Path(__file__).parents[2]


def test_the_predictor_learns_the_loss_networks_statistics_and_nothing_else_moves(pictures, tmp_path):
    data = [f"data.{name}={pictures / name}" for name in ("photos", "styles")]
    (config,) = read_recipe(ROOT / "recipes" / "smoke.toml", [*data, "data.workers=0", "objective=statistics"])
    start = tmp_path / "start"
    torch.manual_seed(3)
    before = StyleNetwork(config.network)
    save_model(start, before, "start", {})
    config = dataclasses.replace(
        config, out=str(tmp_path / "run"), start=str(start), steps=120, batch=8, learning_rate=1e-2
    )
    seen = []
    folder = train(config, report=seen.append)
    for part in ("features", "embedding"):
        first, last = (sum(p.losses[part] for p in some) for some in (seen[:5], seen[-5:]))
        assert last < 0.7 * first
    after = load_network(folder)
    for name, value in after.state_dict().items():
        if not name.startswith("predictor"):
            torch.testing.assert_close(value, before.state_dict()[name], atol=1e-3, rtol=1e-3)
    assert after.predictor.scale.mean.abs().sum() > 0


def test_the_teacher_says_mean_and_deviation_of_every_channel():
    vgg = load_vgg("vgg16", ["relu1_1", "relu2_1"], "random")
    styles = torch.rand(3, 3, 32, 40)
    numbers = teach(vgg, styles)
    assert numbers.shape == (3, 2 * (64 + 128))
    torch.testing.assert_close(numbers[:, :64], vgg(styles)["relu1_1"].mean((2, 3)))
