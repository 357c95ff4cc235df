"""The training loop: one process or many, checkpoints, resume."""

from __future__ import annotations

import contextlib
import json
import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import Accelerator
from PIL import Image
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from pasticcio.errors import ConfigError, DataError, TrainingError
from pasticcio.image.picture import open_image
from pasticcio.model.folder import Model
from pasticcio.nn.inception import Inception
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
from pasticcio.nn.predictor import SEEN, VggBranch
from pasticcio.nn.vgg import Vgg
from pasticcio.render.embedder import STYLE_RANGE, style_view
from pasticcio.training.batches import Batch, Batches, ResidentBatches, to_unit
from pasticcio.training.config import PARTS, TrainConfig, to_json
from pasticcio.training.export import load_network, load_weights, save_model, style_names
from pasticcio.training.log import Progress, Record
from pasticcio.training.pretrained import TORCHVISION, Download, fetch, load_vgg, read_state
from pasticcio.training.targets import ContentTargets, StyleTargets

log = logging.getLogger(__name__)

CHECKPOINT = "checkpoint.safetensors"
MEASURED_FORMS = 200  # style pictures that the scale of quadratic forms is measured on
MEASURED = 1500  # style pictures that the whitening of a branch is measured on
LOST = 10  # steps on end without a finite gradient that stop a run
SHIFTED = 4  # of so many photos one is shifted, where `loss.shift` is set
SAMPLES = 6  # photos down and styles across in a sample picture


Report = Callable[[Progress], None]
# By layer: features of the photos, Gram matrices of the styles, and mean and deviation of every channel of the styles.
Targets = tuple[dict[str, Tensor], dict[str, Tensor], dict[str, tuple[Tensor, Tensor]]]


def train(
    config: TrainConfig, resume: bool = False, report: Report | None = None, download: Download | None = None
) -> Path:
    """Train one model; returns its folder.

    Args:
        config: what to train.
        resume: go on from the run's last checkpoint, if there is one.
        report: called after every step, on the main process.
        download: called with bytes so far and in all while public weights are fetched.

    Raises:
        ConfigError, DataError, ModelError: before the first step.
        TrainingError: a loss that is not finite; names the step and the last good checkpoint.
    """
    run = Run(config, download)
    if resume:
        run.resume()
    return run.go(report)


class Run:
    """One training run: the networks, the optimizer and where they stand."""

    def __init__(self, config: TrainConfig, download: Download | None = None) -> None:
        self.config = config
        self.download = download
        self.folder = Path(config.out)
        several = int(os.environ.get("WORLD_SIZE", "1")) > 1
        self.accelerator = Accelerator(cpu=several and not torch.cuda.is_available())  # gloo where there is no GPU
        self.device = self.accelerator.device
        drawn = (config.data, config.batch, config.identity, config.seed, self.accelerator.process_index)
        self.batches = ResidentBatches(*drawn, self.device) if config.data.resident else Batches(*drawn)
        self.styles = self._name_styles() if config.network.predictor == "table" else []
        torch.manual_seed(config.seed)
        network = StyleNetwork(config.network)
        self._initialize(network)
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
        self.average = {name: value.detach().clone().float() for name, value in self._averaged()}
        source = config.loss_network
        vgg = load_vgg(source.name, config.loss.layers(), source.weights, source.pooling, source.padding, download)
        self.vgg: Vgg = vgg.to(self.device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.forward: Callable[..., Tensor] = self.network
        if config.compile:
            self.forward = torch.compile(self.network)
            self.vgg = torch.compile(self.vgg)  # type: ignore[assignment]
        self.style_targets: StyleTargets | None = None
        self.content_targets: ContentTargets | None = None
        if config.cache:
            with self.accelerator.main_process_first():  # one computes, the others read
                self._keep_targets(Path(config.cache))
        self.step = 0
        self.lost = 0
        self._latest: tuple[Batch, Targets] | None = None
        self.seen_bad: set[str] = set()

    def _initialize(self, network: StyleNetwork) -> None:
        config = self.config
        if config.inception:
            if config.network.predictor != "inception":
                raise ConfigError("inception weights are given but network.predictor is not 'inception'")
            trunk = network.predictor.trunk
            assert isinstance(trunk, Inception)
            public = config.inception == "torchvision"
            state = read_state(
                fetch(TORCHVISION["inception_v3"], progress=self.download) if public else Path(config.inception)
            )
            folded = "mixed_7_conv.weight" in state
            (trunk.load_folded if folded else trunk.load_torchvision)(state)
        if config.branch:
            self._begin_branch(network)
        if not config.start:
            return
        folder = start_folder(config.start)
        if config.branch and not (first := load_network(folder)).config.predictor_directions:
            try:
                network.load_state_dict({**network.state_dict(), **first.state_dict()})
            except RuntimeError as error:
                raise ConfigError(f"start names {config.start}, which does not fit: {error}") from error
        elif self.styles and (first := load_network(folder)).config.predictor != "table":
            if config.learn_rows:
                raise ConfigError(f"learn_rows is set, but start names {config.start}, which is no table of styles")
            try:
                network.load_state_dict(first.as_table(self._predicted(first)).state_dict())
            except RuntimeError as error:
                raise ConfigError(f"start names {config.start}, whose transfer network is another: {error}") from error
        else:
            missing = load_weights(network, folder, new=("heads.bend", "predictor.branch.forms"))  # without effect yet
            if "predictor.branch.forms" in missing:
                self._begin_forms(network)

    @torch.no_grad()
    def _begin_branch(self, network: StyleNetwork) -> None:
        """Give the compact predictor's branch its weights, and the whitening that fits the styles."""
        branch = network.predictor.branch
        assert isinstance(branch, VggBranch)
        known = load_vgg("vgg19-small", SEEN, self.config.branch, padding="reflect")
        try:
            branch.vgg.load_state_dict(known.state_dict())
        except RuntimeError as error:
            raise ConfigError(f"branch names {self.config.branch}, which does not fit: {error}") from error
        described = [branch.describe(style, branch.layers(style)) for style in self._some_styles(MEASURED)]
        branch.measure(torch.cat(described))

    @torch.no_grad()
    def _begin_forms(self, network: StyleNetwork) -> None:
        """Give the branch's quadratic forms the scale that fits the styles."""
        branch = network.predictor.branch
        assert isinstance(branch, VggBranch)
        assert branch.forms is not None
        branch.forms.measure([branch.layers(style) for style in self._some_styles(MEASURED_FORMS)])

    def _some_styles(self, count: int) -> list[Tensor]:
        """Style pictures drawn by the seed, each (1, 3, H, W); those that cannot be read are named later."""
        styles = []
        for number in np.random.default_rng(self.config.seed).permutation(len(self.batches.styles))[:count].tolist():
            with contextlib.suppress(OSError, ValueError, SyntaxError, Image.DecompressionBombError):
                styles.append(self._whole_style(number, self.config.data.style_crop))
        if len(styles) < 2:
            raise DataError(f"of {len(self.batches.styles)} styles {len(styles)} can be read; 2 are the least")
        return styles

    @property
    def first_row(self) -> int:
        """Of a table: number of the style that the first style picture shows."""
        return self.config.network.embedding - self.config.learn_rows if self.config.learn_rows else 0

    def _name_styles(self) -> list[str]:
        """Names of a table's styles: of their picture files; of those that do not learn, as the start has them."""
        pictures, first = self.batches.styles, self.first_row
        wanted = self.config.network.embedding - first
        if len(pictures) != wanted:
            raise ConfigError(
                f"data.styles holds {len(pictures)} pictures, but the table has {wanted} styles to learn; "
                "set network.embedding to the number of pictures"
            )
        for number, entry in enumerate(pictures.entries):
            try:
                pictures.load(number)
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
                raise DataError(
                    f"cannot read {entry.name}, and each style of a table needs its picture: {error}"
                ) from None
        names = [Path(entry.name).stem for entry in pictures.entries]
        if first:
            if not self.config.start:
                raise ConfigError("learn_rows is set, but start names no model whose other styles stay as they are")
            names = style_names(start_folder(self.config.start))[:first] + names
        if twice := [name for name in names if names.count(name) > 1]:
            raise ConfigError(f"two styles are named {twice[0]}; rename one of the pictures")
        return names

    @torch.no_grad()
    def _predicted(self, network: StyleNetwork) -> Tensor:
        """Scales and shifts that a model predicts for the style pictures, (N, P)."""
        side = min(max(self.config.data.style_short[0], STYLE_RANGE[0]), STYLE_RANGE[1])
        return torch.cat([network.parameters_of(self._whole_style(n, side)) for n in range(len(self.styles))])

    def _whole_style(self, number: int, side: int) -> Tensor:
        """A style picture as users' are seen, (1, 3, H, W), its short side `side` pixels."""
        picture = style_view(open_image(self.batches.styles.load(number)), side)
        return torch.from_numpy(picture).permute(2, 0, 1)[None].contiguous()

    def _keep_targets(self, folder: Path) -> None:
        if not self.config.data.augment:
            self.style_targets = StyleTargets(folder, self.batches, self.vgg, self.config)
        if self.config.data.fixed_photos:
            self.content_targets = ContentTargets(folder, self.batches, self.vgg, self.config)

    def _averaged(self) -> Iterator[tuple[str, Tensor]]:
        """What the moving average follows: all that a model is made of, running statistics included."""
        for name, value in self.bare.state_dict().items():
            if value.is_floating_point():
                yield name, value

    # -- the loop ------------------------------------------------------------------------------

    def go(self, report: Report | None = None) -> Path:
        """Train from the present step to the last; returns the model's folder."""
        config, main = self.config, self.accelerator.is_main_process
        if main:
            self.folder.mkdir(parents=True, exist_ok=True)
            (self.folder / "config.json").write_text(to_json(config))
        with contextlib.ExitStack() as stack:
            record = stack.enter_context(Record(self.folder, self.step)) if main else None
            saved = clock = time.monotonic()
            rate = 0.0
            for batch, turn in self._turns():
                losses, gradient = self.advance(batch, turn)
                now = time.monotonic()
                latest = config.batch * self.accelerator.num_processes / (now - clock)
                rate = latest if rate == 0.0 else 0.95 * rate + 0.05 * latest
                clock = now
                if not main:
                    continue
                self._name_bad(batch.skipped)
                progress = Progress(self.step, config.steps, losses, gradient, config.rate(self.step - 1), rate)
                if record and (self.step % config.log_steps == 0 or self.step == config.steps):
                    record.add(progress)
                if config.sample_steps and self.step % config.sample_steps == 0:
                    self.sample(batch).save(self.folder / f"sample-{self.step:07d}.png")
                if now - saved > 60 * config.checkpoint_minutes:
                    self.save()
                    saved = now
                if report:
                    report(progress)
        if main:
            self.save()
            self.save_model()
        self.accelerator.wait_for_everyone()
        return self.folder / "model"

    def _turns(self) -> Iterator[tuple[Batch, int]]:
        """The batch of every step still to take, and how far its styles are handed on."""
        reuse, steps = self.config.reuse, self.config.steps
        for batch in self.batches.loader(self.step // reuse, -(-steps // reuse)):
            for turn in range(self.step % reuse, min(reuse, steps - self.step // reuse * reuse)):
                yield batch, turn

    def advance(self, batch: Batch, turn: int = 0) -> tuple[dict[str, float], float]:
        """One step of the optimizer; returns the losses and the norm of the gradient."""
        config = self.config
        self.network.train()
        freeze_norms(self.bare, config.frozen)
        rate = config.rate(self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * group["factor"]
        losses = self.losses(batch, turn)
        total = losses["total"]
        if not torch.isfinite(total):
            checkpoint = self.folder / CHECKPOINT
            good = f"the last good checkpoint is {checkpoint}" if checkpoint.exists() else "there is no checkpoint yet"
            raise TrainingError(f"the loss is {total.item()} at step {self.step}; {good}; lower learning_rate or clip")
        self.optimizer.zero_grad(set_to_none=True)
        self.accelerator.backward(total)
        gradient = self._clip()
        self.lost = 0 if math.isfinite(gradient) else self.lost + 1
        if self.lost == LOST:
            raise TrainingError(
                f"the gradient is {gradient} in {LOST} steps on end, the last being {self.step}; are there photos of "
                "one color? Otherwise lower learning_rate"
            )
        if not self.lost:  # or one picture would spoil every weight
            self.optimizer.step()
        self.step += 1
        self._follow()
        return {name: float(value.detach()) for name, value in losses.items()}, gradient

    def _clip(self) -> float:
        """Clip the gradients, those of parts of parts on their own; returns the norm they had together."""
        together: list[nn.Parameter] = []
        clipped = [together]
        for group in self.optimizer.param_groups:
            if group["apart"]:
                clipped.append(group["params"])
            else:
                together += group["params"]
        limit = self.config.clip or float("inf")
        return math.hypot(*(float(self.accelerator.clip_grad_norm_(some, limit)) for some in clipped if some))

    def losses(self, batch: Batch, turn: int = 0) -> dict[str, Tensor]:
        """The objective ("total") and its parts, each a mean over the batch.

        Args:
            batch: photos and styles.
            turn: each photo gets the style of the row so many further on, own styles apart.
        """
        config, own = self.config.loss, batch.own
        content, grams, moments = self.targets(batch)
        rows = torch.arange(len(batch.photos))
        rows[own:] = rows[own:].roll(-turn)
        grams = {layer: gram[rows.to(self.device)] for layer, gram in grams.items()}
        photos = self._pixels(batch.photos)
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
            parts["shift"] = self._shift_error(photos[own:], styles[own:], images[own:])
            total = total + config.shift * parts["shift"]
        return {"total": total, **parts}

    def _shift_error(self, photos: Tensor, styles: Tensor, images: Tensor) -> Tensor:
        """Mean squared difference of shifted pictures and pictures of shifted photos, borders left out."""
        some = slice(0, max(1, len(photos) // SHIFTED))
        draw = np.random.default_rng((self.config.seed, self.step))
        down, right = (int(draw.integers(1, self.bare.transfer.multiple)) for _ in range(2))
        height, width = photos.shape[2:]
        shifted = nn.functional.pad(photos[some], (right, 0, down, 0), mode="reflect")[:, :, :height, :width]
        with self.autocast():
            again = self.forward(shifted.contiguous(memory_format=torch.channels_last), styles[some])
        edge = height // SHIFTED  # beyond it the border is not seen
        there = again[:, :, edge + down : height - edge + down, edge + right : width - edge + right]
        here = images[some, :, edge : height - edge, edge : width - edge]
        return (there.float() - here.float()).square().mean()

    @torch.no_grad()
    def targets(self, batch: Batch) -> Targets:
        """What the loss network says of photos and styles; kept until the next batch."""
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
            self._latest = batch, (content, grams, moments)
        return self._latest[1]

    def _numbers(self, batch: Batch) -> Tensor:
        """Of a table: number of every row's style."""
        return (batch.style_index + self.first_row).to(self.device)

    def _pixels(self, pictures: Tensor) -> Tensor:
        return to_unit(pictures.to(self.device)).contiguous(memory_format=torch.channels_last)

    def autocast(self) -> torch.autocast:
        """Half precision where the recipe asks for it; losses and statistics take float32 by themselves."""
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")

    @torch.no_grad()
    def _follow(self) -> None:
        """Let the moving average follow the weights; young averages follow faster."""
        decay = min(self.config.ema, (1 + self.step) / (10 + self.step)) if self.config.ema else 0.0
        values = dict(self._averaged())
        averages = [self.average[name] for name in values]
        torch._foreach_lerp_(averages, [v.float() for v in values.values()], 1.0 - decay)

    def _name_bad(self, names: list[str]) -> None:
        for name in names:
            if name not in self.seen_bad:
                self.seen_bad.add(name)
                log.warning("skipping unreadable or tiny picture %s (%d so far)", name, len(self.seen_bad))

    # -- what is kept --------------------------------------------------------------------------

    @contextlib.contextmanager
    def averaged_weights(self) -> Iterator[StyleNetwork]:
        """The network with its averaged weights, for a while."""
        own = {name: value.clone() for name, value in self.bare.state_dict().items()}
        self.bare.load_state_dict(self.average, strict=False)
        self.bare.eval()
        try:
            yield self.bare
        finally:
            self.bare.load_state_dict(own)
            self.bare.train()

    @torch.no_grad()
    def sample(self, batch: Batch) -> Image.Image:
        """A grid: photos down, styles across, stylized pictures where they meet."""
        photos = to_unit(batch.photos[-SAMPLES:].to(self.device))
        styles = to_unit(batch.styles[-SAMPLES:].to(self.device))
        side = photos.shape[2]
        shown = nn.functional.interpolate(styles, (side, side), mode="bilinear", antialias=True)
        rows = [torch.cat([torch.ones_like(photos[0]), *shown], 2)]
        with self.averaged_weights() as network:
            embeddings = network.predictor(self._numbers(batch)[-SAMPLES:] if self.styles else styles)
            for photo in photos:
                images = [network.render(photo[None], e[None])[0] for e in embeddings]
                rows.append(torch.cat([photo, *images], 2))
        grid = torch.cat(rows, 1).clamp(0, 1).mul(255).round().byte().permute(1, 2, 0)
        return Image.fromarray(grid.cpu().numpy())

    def save(self) -> None:
        """Write the checkpoint, whole or not at all."""
        tensors = {f"network.{name}": value for name, value in self.bare.state_dict().items()}
        tensors |= {f"average.{name}": value for name, value in self.average.items()}
        for number, state in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{number}.{name}": torch.as_tensor(value) for name, value in state.items()}
        path = self.folder / CHECKPOINT
        partial = path.with_name(path.name + ".part")
        save_file(
            {name: value.detach().cpu().contiguous() for name, value in tensors.items()},
            partial,
            metadata={"step": str(self.step), "config": to_json(self.config)},
        )
        os.replace(partial, path)

    def resume(self) -> None:
        """Go back to the last checkpoint, if there is one.

        Raises:
            TrainingError: the checkpoint is damaged or of another network.
        """
        path = self.folder / CHECKPOINT
        if not path.exists():
            return
        groups: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimizer": {}}
        try:
            with safe_open(path, "pt") as file:
                self.step = int(file.metadata()["step"])
                for name in file.keys():  # noqa: SIM118 (safe_open is no mapping)
                    group, rest = name.split(".", 1)
                    groups[group][rest] = file.get_tensor(name)
            self.bare.load_state_dict(groups["network"])
        except Exception as error:  # safetensors, KeyError, shape errors: all mean the same to the user
            raise TrainingError(f"cannot resume from {path}: {error}; delete it to begin anew") from error
        self.average = {name: value.to(self.device) for name, value in groups["average"].items()}
        state: dict[int, dict[str, Any]] = {}
        for name, value in groups["optimizer"].items():
            number, field = name.split(".", 1)
            state.setdefault(int(number), {})[field] = value
        self.optimizer.load_state_dict({"state": state, "param_groups": self.optimizer.state_dict()["param_groups"]})

    def save_model(self) -> None:
        """Write the averaged weights as a model folder."""
        with self.averaged_weights() as network:
            training = json.loads(to_json(self.config))
            save_model(self.folder / "model", network, self.config.name, training, self.styles)


def start_folder(name: str) -> Path:
    """A model folder, or that of a shipped model.

    Raises:
        ModelError: neither.
    """
    return Path(name) if Path(name).is_dir() else Model.open(name).folder


def learning_groups(network: StyleNetwork, rates: Mapping[str, float]) -> list[dict[str, Any]]:
    """The optimizer's groups: weights that learn, with the factor on their rate ("factor").

    A part of a part that `rates` names is a group of its own, whose gradient is clipped apart ("apart").

    Raises:
        ConfigError: no such part.
    """
    parts = dict(network.named_modules())
    for part in rates:
        if part not in parts:
            raise ConfigError(f"rates names {part!r}, which the network does not have")
    groups: dict[str, list[nn.Parameter]] = {part: [] for part in (*PARTS, *rates)}
    for name, weight in network.named_parameters():
        if weight.requires_grad:
            groups[max((part for part in groups if name.startswith(f"{part}.")), key=len)].append(weight)
    return [
        {"params": learned, "factor": rates.get(part, 1.0), "apart": part not in PARTS}
        for part, learned in groups.items()
        if learned
    ]


def freeze(network: StyleNetwork, parts: tuple[str, ...]) -> None:
    """Stop the learning of some parts.

    Raises:
        ConfigError: no such part.
    """
    known = dict(network.named_modules())
    for part in parts:
        if part not in known or not part:
            raise ConfigError(f"frozen names {part!r}, which the network does not have")
        known[part].requires_grad_(False)


def freeze_norms(network: StyleNetwork, parts: tuple[str, ...]) -> None:
    """Keep frozen parts in evaluation mode, so that their running statistics stand still."""
    for part in parts:
        network.get_submodule(part).eval()
