"""Teach the steps by which a model's embeddings are fitted to a photo, and add them to the model.

    python scripts/steps.py [--model FOLDER] [--vgg FILE] [--set KEY=VALUE ...] [--count 1000]

The model needs a forecast. The pictures are those of recipes/encoded.toml, photos cut to 192 pixels.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from pasticcio.model.folder import SHIPPED
from pasticcio.training.batches import Batches
from pasticcio.training.config import read_recipe
from pasticcio.training.model_folder import load_network
from pasticcio.training.pretrained import load_vgg
from pasticcio.training.steps import Descent, add_steps, teach_steps

RECIPE = Path("recipes/encoded.toml")
SIZES = (
    "data.crop=192",
    "data.photo_short=[192, 384]",
    "data.style_crop=384",
    "data.style_short=[384, 704]",
    "data.style_size=[192, 192]",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=SHIPPED / "default", help="a model folder")
    parser.add_argument("--vgg", default="../shared/weights/vgg19_normalised_conv4_1.safetensors", help="VGG-19's file")
    parser.add_argument("--set", nargs="*", default=[], help="changes to the recipe, such as data.photos=FOLDER")
    parser.add_argument("--count", type=int, default=1000, help="batches of four photos and styles")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    without = ["start=default", "encoder=", "decoder=", "vgg="]
    config = read_recipe(RECIPE, [*without, "identity=0", "batch=4", *SIZES, "data.keep_mb=2500", *arguments.set])[-1]
    network = load_network(arguments.model).eval().requires_grad_(False)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    vgg = load_vgg("vgg19-normalised", config.loss.layers(), arguments.vgg, padding="reflect").requires_grad_(False)
    vgg = vgg.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = Batches(config.data, config.batch, 0.0, arguments.seed).loader(0, arguments.count)
    found: list[list[float]] = []

    def told(number: int, losses: list[float]) -> None:
        found.append(losses)
        if number % 50 == 0 or number == arguments.count:
            each = [f"{sum(column) / len(column):.3f}" for column in zip(*found[-50:], strict=True)]
            print(f"batch {number} of {arguments.count}, losses after the steps {', '.join(each)}", flush=True)

    torch.manual_seed(arguments.seed)
    descent = Descent(network, arguments.model, vgg, config.loss, _bfloat16)
    add_steps(arguments.model, teach_steps(descent, batches, arguments.count, told))
    print(arguments.model / "steps.onnx")


def _bfloat16() -> torch.autocast:
    return torch.autocast("cpu", torch.bfloat16)


if __name__ == "__main__":
    main()
