"""The training loop: one process or many."""

from __future__ import annotations

import contextlib
import itertools
import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from PIL.Image import Image
from torch import Tensor, nn

from pasticcio.errors import TrainingError
from pasticcio.files import make_folder, write_whole, writing
from pasticcio.nn.losses import (
    channel_moments,
    content_loss,
    gram_matrix,
    gram_targets,
    grid_pattern,
    perceptual_loss,
    restyled_features,
    total_variation,
)
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.vgg import Vgg
from pasticcio.training.average import Average
from pasticcio.training.balance import balance
from pasticcio.training.batches import Batch, Batches, ResidentBatches, to_unit
from pasticcio.training.checkpoint import CHECKPOINT, check_new, check_same, load_checkpoint, save_checkpoint
from pasticcio.training.compiled import compiling
from pasticcio.training.config import TrainConfig, to_json
from pasticcio.training.foresight import Told, foresee
from pasticcio.training.gradient import Part, clip_gradient, mean_gradient
from pasticcio.training.log import Progress, Record, StepReport
from pasticcio.training.model_folder import save_model
from pasticcio.training.order import Place
from pasticcio.training.parts import freeze, freeze_norms, learning_groups
from pasticcio.training.pretrained import Download, load_vgg
from pasticcio.training.samples import sample_grid
from pasticcio.training.shift import shift_error
from pasticcio.training.start import begin, first_row, table_names
from pasticcio.training.targets import ContentTargets, StyleTargets, Targets

log = logging.getLogger(__name__)

LOST = 10  # successive steps without a finite gradient after which a run stops


def train(
    config: TrainConfig,
    resume: bool = False,
    report: StepReport | None = None,
    download: Download | None = None,
    told: Told | None = None,
) -> Path:
    """Train one model; returns its folder.

    Args:
        config: what to train.
        resume: go on from the run's last checkpoint, if there is one. Without it a folder that holds a run is refused.
        report: called after every step, on the main process.
        download: called with bytes so far and in all while public weights are fetched.
        told: called while a forecast is made, with the name of what is under way, parts done, and all.

    Raises:
        ConfigError, DataError, ModelError, OutputError: before the first step.
        TrainingError: a checkpoint of another network; or a loss that is not finite, with the step and the last good
            checkpoint.
    """
    if not resume:
        check_new(config)
    run = Run(config, download)
    if resume:
        run.resume()
    return run.go(report, told)


class Run:
    """One training run: the networks, their optimizer and the step that they have reached.

    Args:
        config: what to train.
        download: called with bytes so far and in all while public weights are fetched.

    Attributes:
        network: as the optimizer and several processes see it; `bare` is the `StyleNetwork` itself.
        forward: calls the network, compiled where the recipe says so.
        average: the moving average of the weights, which becomes the model.
        vgg: the loss network.
        styles: names of the styles of a table; empty for a network that predicts styles.
        step: steps done.
        place: how far the run has come through its pictures.
    """

    def __init__(self, config: TrainConfig, download: Download | None = None) -> None:
        self.config = config
        self.folder = Path(config.out)
        several = int(os.environ.get("WORLD_SIZE", "1")) > 1
        self.accelerator = Accelerator(cpu=several and not torch.cuda.is_available())  # gloo where there is no GPU
        self.device = self.accelerator.device
        process = self.accelerator.process_index
        placed: dict[str, Any] = {"device": self.device} if config.data.resident else {}
        kind = ResidentBatches if config.data.resident else Batches
        self.batches = kind(config.data, config.batch, config.identity, config.seed, process, **placed)
        self.styles = table_names(config, self.batches.styles) if config.network.predictor == "table" else []
        torch.manual_seed(config.seed)
        network = StyleNetwork(config.network)
        begin(network, config, self.batches.photos, self.batches.styles, download)
        freeze(network, config.frozen)
        if config.learn_rows:
            rows = torch.arange(config.network.embedding, device=self.device) >= self.first_row
            # Adam leaves a weight alone that never had a gradient.
            network.heads.weight.register_hook(lambda g: g * rows)  # type: ignore[no-untyped-call]
        network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        optimizer = torch.optim.Adam(learning_groups(network, config.rates), lr=config.learning_rate)
        prepared: tuple[nn.Module, torch.optim.Optimizer] = self.accelerator.prepare(network, optimizer)
        self.network, self.optimizer = prepared
        self.bare: StyleNetwork = self.accelerator.unwrap_model(self.network)
        self.average = Average(self.bare, config.ema)
        source = config.loss_network
        vgg = load_vgg(
            source.name,
            config.loss.layers(),
            source.weights,
            pooling=source.pooling,
            padding=source.padding,
            progress=download,
        )
        self.vgg: Vgg = vgg.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.style_targets: StyleTargets | None = None
        self.content_targets: ContentTargets | None = None
        if config.cache:
            with self.accelerator.main_process_first():  # one computes, the others read
                self._keep_targets(Path(config.cache))
        self.forward: Callable[..., Tensor] = self.network
        if config.compile:  # after the targets, whose batches have other sizes
            self.forward = torch.compile(self.network)
            self.vgg = torch.compile(self.vgg)  # type: ignore[assignment]
        self.step = 0
        self.place = Place(config.batch, self.batches.own, config.reuse, self.accelerator.num_processes)
        self.lost = 0
        self._latest: tuple[Batch, Targets] | None = None
        self.seen_bad: set[str] = set()

    @property
    def first_row(self) -> int:
        """Of a table: number of the style that the first style picture shows."""
        return first_row(self.config)

    def _keep_targets(self, folder: Path) -> None:
        if not self.config.data.augment:
            self.style_targets = StyleTargets(folder, self.batches, self.vgg, self.config, self.device)
        if self.config.data.fixed_photos:
            self.content_targets = ContentTargets(folder, self.batches, self.vgg, self.config, self.device)

    # -- the loop ------------------------------------------------------------------------------

    def go(self, report: StepReport | None = None, told: Told | None = None) -> Path:
        """Train from the present step to the last; returns the model's folder. See `train`."""
        config, main = self.config, self.accelerator.is_main_process
        if main:
            make_folder(self.folder)
            write_whole(self.folder / "config.json", to_json(config).encode())
        if config.balance and not self.step:
            self._balance()
        with contextlib.ExitStack() as stack:
            record = stack.enter_context(Record(self.folder, self.step)) if main else None
            saved = clock = time.monotonic()
            rate = 0.0
            for parts in self.parts():
                losses, gradient = self.advance(parts)
                now = time.monotonic()
                latest = config.batch * len(parts) * self.accelerator.num_processes / (now - clock)
                rate = latest if rate == 0.0 else 0.95 * rate + 0.05 * latest
                clock = now
                self._name_bad([name for batch, _ in parts for name in batch.skipped])
                if not main:
                    continue
                progress = Progress(self.step, config.steps, losses, gradient, config.rate(self.step - 1), rate)
                if record and (self.step % config.log_steps == 0 or self.step == config.steps):
                    record.add(progress)
                if config.sample_steps and self.step % config.sample_steps == 0:
                    with writing(self.folder / f"sample-{self.step:07d}.png") as partial:
                        self.sample(parts[-1][0]).save(partial)
                if now - saved > 60 * config.checkpoint_minutes:
                    self.save()
                    saved = now
                if report:
                    report(progress)
        if main:
            self.save()
            self.save_model(told)
        self.accelerator.wait_for_everyone()
        return self.folder / "model"

    def _balance(self) -> None:
        """Turn the embedding's basis, see `balance`; every process measures gradients on batches of its own."""
        forward, self.forward, self.batches.place = self.forward, self.bare, self.place
        count = math.ceil(self.config.balance / (self.config.batch * self.accelerator.num_processes))
        losses = (partial(self.losses, batch) for batch in self.batches.loader(0, count))
        balance(self.bare, losses, self.accelerator.gather, broadcast)
        self.forward, self.average = forward, Average(self.bare, self.config.ema)

    def parts(self) -> Iterator[Sequence[Part]]:
        """The parts of every remaining step."""
        turns = self._turns((self.config.steps - self.step) * self.config.accumulate)
        while parts := tuple(itertools.islice(turns, self.config.accumulate)):
            yield parts

    def _turns(self, count: int) -> Iterator[Part]:
        self.batches.place = place = self.place
        end = place.after(count + place.reuse - 1).batch
        used = ((batch, turn) for batch in self.batches.loader(place.batch, end) for turn in range(place.reuse))
        return itertools.islice(used, place.turn, place.turn + count)

    def advance(self, parts: Sequence[Part]) -> tuple[dict[str, float], float]:
        """One step of the optimizer, by the mean gradient of its parts and of all processes.

        Returns:
            The losses, means over these too, and the norm of the gradient before clipping.
        """
        config = self.config
        self.network.train()
        freeze_norms(self.bare, config.frozen)
        rate = config.rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        self.optimizer.zero_grad(set_to_none=True)
        with compiling():
            losses = mean_gradient(self.accelerator, self.network, self.losses, parts)
        if not math.isfinite(losses["total"]):
            checkpoint = self.folder / CHECKPOINT
            good = f"the last good checkpoint is {checkpoint}" if checkpoint.exists() else "there is no checkpoint yet"
            loss = losses["total"]
            raise TrainingError(f"the loss is {loss} at step {self.step}; {good}; lower learning_rate or clip")
        gradient = self._clip()
        self.lost = 0 if math.isfinite(gradient) else self.lost + 1
        if self.lost == LOST:
            raise TrainingError(
                f"the gradient is {gradient} in {LOST} steps on end, the last being {self.step}; are there photos of "
                "one color? Otherwise lower learning_rate"
            )
        if not self.lost:  # a gradient that is not finite would make every weight so
            self.optimizer.step()
        self.step += 1
        self.place = self.place.after(len(parts))
        self.average.follow(self.step)
        return losses, gradient

    def _clip(self) -> float:
        return clip_gradient(self.accelerator, self.optimizer.param_groups, self.config.clip or float("inf"))

    def losses(self, batch: Batch, turn: int = 0) -> dict[str, Tensor]:
        """The objective ("total") and its parts, each a mean over the batch.

        Args:
            batch: photos and styles.
            turn: each photo is rendered with the style `turn` rows further on; photos that are their own style keep it.
        """
        config, own = self.config.loss, batch.own
        content, grams, moments = self.targets(batch)
        rows = torch.arange(len(batch.photos))
        rows[own:] = rows[own:].roll(-turn)
        grams = {layer: gram[rows.to(self.device)] for layer, gram in grams.items()}
        photos = self._pixels(batch.shown)
        styles = self._numbers(batch)[rows] if self.styles else self._pixels(batch.styles[rows])
        with self.autocast():
            images = self.forward(photos, styles)
            features = self.vgg(images)
        parts = {name: value.mean() for name, value in perceptual_loss(features, content, grams, config).items()}
        total = parts["content"] + parts["style"]
        if config.restyled:
            parts["restyled"] = total.new_zeros(())
            for layer, weight in config.restyled.items():
                mean, deviation = (moment[rows.to(self.device)] for moment in moments[layer])
                wanted = restyled_features(content[layer], (mean, deviation))
                error = content_loss(features[layer], wanted, config.relative_content)
                parts["restyled"] = parts["restyled"] + weight * error.mean()
            total = total + parts["restyled"]
        if config.total_variation:
            parts["total_variation"] = total_variation(images)
            total = total + config.total_variation * parts["total_variation"]
        if config.grid:
            parts["grid"] = grid_pattern(images)
            total = total + config.grid * parts["grid"]
        if config.pixel and own:
            parts["pixel"] = (images[:own].float() - photos[:own]).square().mean()
            total = total + config.pixel * parts["pixel"] * own / len(photos)
        if config.shift:
            draw = np.random.default_rng((self.config.seed, self.step))
            with self.autocast():
                error = shift_error(self.forward, photos[own:], styles[own:], images[own:], draw, self.bare.transfer)
            parts["shift"] = error
            total = total + config.shift * error
        return {"total": total, **parts}

    @torch.no_grad()
    def targets(self, batch: Batch) -> Targets:
        """Features of the photos and statistics of the styles; computed once for a batch that is used again."""
        if self._latest is None or self._latest[0] is not batch:
            with self.autocast():
                if self.content_targets is not None and not batch.own:
                    content = self.content_targets.at(batch.photo_index, self.device)
                else:
                    content = self.vgg(self._pixels(batch.photos))
                moments: dict[str, tuple[Tensor, Tensor]] = {}
                if self.style_targets is not None:
                    grams = self.style_targets.at(batch.style_index, self.device)
                else:
                    features = self.vgg(self._pixels(batch.styles))
                    grams = gram_targets(features, self.config.loss)
                    moments = {layer: channel_moments(features[layer]) for layer in self.config.loss.restyled}
            for layer in grams if batch.own else ():
                grams[layer][: batch.own] = gram_matrix(content[layer][: batch.own])
            for layer, of_style in moments.items() if batch.own else ():
                for moment, own in zip(of_style, channel_moments(content[layer][: batch.own]), strict=True):
                    moment[: batch.own] = own
            self._latest = batch, Targets(content, grams, moments)
        return self._latest[1]

    def _numbers(self, batch: Batch) -> Tensor:
        """Of a table: number of every row's style."""
        return (batch.style_index + self.first_row).to(self.device)

    def _pixels(self, pictures: Tensor) -> Tensor:
        return to_unit(pictures.to(self.device)).contiguous(memory_format=torch.channels_last)

    def autocast(self) -> torch.autocast:
        """bfloat16 if `precision` is "bf16"; losses and statistics are computed in float32 all the same."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")

    def _name_bad(self, names: list[str]) -> None:
        for name in names:
            if name not in self.seen_bad:
                self.seen_bad.add(name)
                log.warning("skipping unreadable or tiny picture %s (%d so far)", name, len(self.seen_bad))

    # -- what is kept --------------------------------------------------------------------------

    def sample(self, batch: Batch) -> Image:
        """A grid: photos down, styles across, stylized pictures where they meet."""
        photos, shown = (to_unit(pictures.to(self.device)) for pictures in (batch.photos, batch.styles))
        with self.average.in_place():
            return sample_grid(self.bare, photos, self._numbers(batch) if self.styles else shown, shown)

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        save_checkpoint(
            self.folder / CHECKPOINT,
            network=self.bare,
            average=self.average,
            optimizer=self.optimizer,
            step=self.step,
            place=self.place,
            config=self.config,
        )

    def resume(self) -> None:
        """Go on from the last checkpoint, if there is one; also with another number of processes.

        Raises:
            TrainingError: the checkpoint is damaged, of another network, of one that learns other parts, or not there
                for all processes.
        """
        path = self.folder / CHECKPOINT
        if path.exists():
            check_same(path, self.config)
            self.step, place = load_checkpoint(path, network=self.bare, average=self.average, optimizer=self.optimizer)
            # In a checkpoint without a place, a step was a turn.
            self.place = place.to(self.place) if place else self.place.after(self.step)
        steps = self.accelerator.gather(torch.tensor([self.step], device=self.device)).tolist()
        if len(set(steps)) > 1:
            raise TrainingError(f"processes would go on from steps {steps}; {self.folder} must be one folder for all")

    def save_model(self, told: Told | None = None) -> None:
        """Write the averaged weights as a model folder, with a forecast where the recipe has one."""
        with self.average.in_place():
            network = self.bare
            if self.config.forecast:
                vgg = self.accelerator.unwrap_model(self.vgg, keep_torch_compile=False)
                made, first = network.folded().eval(), self.place.batch + 1
                network = foresee(made, vgg, self.config, self.batches, first, self.autocast, told)
            training = json.loads(to_json(self.config))
            save_model(self.folder / "model", network, self.config.name, training, self.styles)
