"""A first stage for the style prediction network alone: to say of a style what the loss network would say.

A style reaches the style transfer network through the embedding only, and through a transfer network
that has still to learn everything its gradients are faint. The loss network's channel means and standard
deviations, on which its Gram matrices rest, are a teacher without that detour and a hundredth of the cost.
Not in the paper, whose predictor begins with Inception-v3 trained on ImageNet.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.predictor import CompactPredictor, InceptionPredictor, moments
from pasticcio.nn.vgg import Vgg
from pasticcio.training.config import TrainConfig, to_json
from pasticcio.training.data import Batches, to_unit
from pasticcio.training.export import load_weights, save_model
from pasticcio.training.record import Progress, Record
from pasticcio.weights import Download, load_vgg

FIRST_LOOK = 24  # batches from which the scale of every number is taken


class Readout(nn.Module):
    """A predictor with linear maps from its pooled features and from its embedding to the teacher's numbers."""

    def __init__(self, predictor: InceptionPredictor | CompactPredictor, numbers: int) -> None:
        super().__init__()
        self.predictor = predictor
        inner = predictor.hidden if isinstance(predictor, CompactPredictor) else predictor.bottleneck
        self.from_features = nn.Linear(inner.in_features, numbers)
        self.from_embedding = nn.Linear(predictor.bottleneck.out_features, numbers)

    def forward(self, styles: Float[Tensor, "b 3 h w"]) -> tuple[Float[Tensor, "b n"], Float[Tensor, "b n"]]:
        features = self.predictor.describe(styles)
        return self.from_features(features), self.from_embedding(self.predictor.embed(features))


def learn_statistics(
    config: TrainConfig, report: Callable[[Progress], None] | None = None, download: Download | None = None
) -> Path:
    """Train the predictor of a model on the teacher's numbers; returns the model's folder.

    One process, minutes: it keeps no checkpoint, and begins anew when it was broken off.
    """
    folder = Path(config.out)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(to_json(config))
    torch.manual_seed(config.seed)
    network = StyleNetwork(config.network)
    if config.start:
        load_weights(network, Path(config.start))
    layers, source = sorted(config.loss.style), config.loss_network
    vgg = load_vgg(source.name, layers, source.weights, source.pooling, source.padding, download)
    vgg = vgg.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    batches = Batches(config.data, config.batch, 0.0, config.seed)

    def styles(number: int) -> Tensor:
        return to_unit(batches[number].styles).contiguous(memory_format=torch.channels_last)

    first = [styles(config.steps + number) for number in range(FIRST_LOOK)]
    numbers = torch.cat([teach(vgg, pictures) for pictures in first])
    mean, deviation = numbers.mean(0), numbers.std(0) + 1e-4
    student = Readout(network.predictor, len(mean)).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    student.train()
    with torch.no_grad():
        for pictures in first:  # shows the predictor the scale of its own features
            student(pictures)
    optimizer = torch.optim.Adam(student.parameters(), lr=config.learning_rate)
    with Record(folder, 0) as record:
        clock, rate = time.monotonic(), 0.0
        for step, batch in enumerate(batches.loader(0, config.steps), start=1):
            for group in optimizer.param_groups:
                group["lr"] = config.rate(step - 1)
            pictures = to_unit(batch.styles).contiguous(memory_format=torch.channels_last)
            wanted = (teach(vgg, pictures) - mean) / deviation
            from_features, from_embedding = student(pictures)
            parts = {
                "features": F.smooth_l1_loss(from_features, wanted),
                "embedding": F.smooth_l1_loss(from_embedding, wanted),
            }
            optimizer.zero_grad()
            (parts["features"] + parts["embedding"]).backward()
            gradient = nn.utils.clip_grad_norm_(student.parameters(), config.clip or float("inf"))
            optimizer.step()
            now = time.monotonic()
            latest = config.batch / (now - clock)
            rate, clock = latest if rate == 0.0 else 0.95 * rate + 0.05 * latest, now
            losses = {name: float(value.detach()) for name, value in parts.items()}
            progress = Progress(step, config.steps, losses, float(gradient), config.rate(step - 1), rate)
            if step % config.log_steps == 0 or step == config.steps:
                record.add(progress)
            if report:
                report(progress)
    save_model(folder / "model", network.eval(), config.name, json.loads(to_json(config)))
    return folder / "model"


@torch.no_grad()
def teach(vgg: Vgg, styles: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b n"]:
    """Means and standard deviations over positions of every channel of every layer."""
    found = vgg(styles)
    return torch.cat([moments(found[layer]) for layer in vgg.wanted], 1)
