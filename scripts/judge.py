"""Teach a model's judge, the loss network by which styles are adapted and refined, and write the graphs that use it.

    python scripts/judge.py [--model FOLDER] [--vgg FILE] [--set KEY=VALUE ...] [--steps 1500]

The model needs a forecast. The pictures are those of recipes/encoded.toml. A judge that the folder has goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from pasticcio.model.folder import JUDGE, SHIPPED
from pasticcio.training.batches import Batches
from pasticcio.training.config import read_recipe
from pasticcio.training.judge import load_judge, save_judge, teach_judge
from pasticcio.training.model_folder import load_network
from pasticcio.training.pretrained import load_vgg
from pasticcio.training.slope import add_slope, loss_network

RECIPE = Path("recipes/encoded.toml")
STYLES = "data.style_size=[128, 288]"  # at least as large as the crops of photos


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=SHIPPED / "default", help="a model folder")
    parser.add_argument("--vgg", default="../shared/weights/vgg19_normalised_conv4_1.safetensors", help="VGG-19's file")
    parser.add_argument("--set", nargs="*", default=[], help="changes to the recipe, such as data.photos=FOLDER")
    parser.add_argument("--steps", type=int, default=1500, help="batches of eight photos and styles")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    without = ["start=default", "encoder=", "decoder=", "vgg="]
    config = read_recipe(RECIPE, [*without, "identity=0", STYLES, "data.keep_mb=2500", *arguments.set])[-1]
    network = load_network(arguments.model).eval().requires_grad_(False)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    vgg = load_vgg("vgg19-normalised", config.loss.layers(), arguments.vgg, padding="reflect").requires_grad_(False)
    vgg = vgg.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = Batches(config.data, config.batch, 0.0, arguments.seed).loader(0, arguments.steps)
    found: list[tuple[float, float]] = []

    def told(step: int, features: float, slopes: float) -> None:
        found.append((features, slopes))
        if step % 50 == 0 or step == arguments.steps:
            each = [f"{sum(column) / len(column):.3f}" for column in zip(*found[-50:], strict=True)]
            print(f"step {step} of {arguments.steps}, errors of features and gradients {', '.join(each)}", flush=True)

    start, judged = load_judge(network, arguments.model), loss_network(network)
    assert judged is not None  # it has a forecast
    torch.manual_seed(arguments.seed)
    judge = teach_judge(network, vgg, (config.loss, judged[1]), batches, arguments.steps, _bfloat16, told, start)
    save_judge(judge, arguments.model)
    add_slope(arguments.model)
    print(f"{arguments.model / JUDGE}, and the graphs that read it")


def _bfloat16() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16)


if __name__ == "__main__":
    main()
