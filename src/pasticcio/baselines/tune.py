"""A network for one painting or a few, from a model that is there already.

From a model that predicts styles: what it predicts for the paintings becomes a table, and the network is
trained on for them alone (one network per style: Johnson et al. 2016, Ulyanov et al. 2016). From a table of
styles: a row for each painting is added and learned, and all else stays bit for bit (Dumoulin et al. 2017,
section 3.3).
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from pasticcio.baselines.optimize import LOSS, relative_loss
from pasticcio.errors import ConfigError, MissingExtraError, OptionError, OutputError, PasticcioError, TrainingError
from pasticcio.image.picture import Array, open_image, save_image
from pasticcio.nn.losses import LossConfig, gram_targets, perceptual_loss
from pasticcio.nn.network import StyleNetwork
from pasticcio.nn.vgg import Vgg
from pasticcio.render.embedder import STYLE_RANGE, style_view
from pasticcio.training.batches import Pictures, center_crop
from pasticcio.training.config import DataConfig, LossNetworkConfig, TrainConfig, from_dict, to_json
from pasticcio.training.export import export, load_network, save_model, style_names
from pasticcio.training.pretrained import Download, guess_vgg, load_vgg
from pasticcio.training.train import CHECKPOINT, Report, Run, start_folder

STEPS = 300
GRID = 1.6e5  # weight of the grid pattern for the fast network: four times its own, one painting draws it more
EARLY = {"photos", "start", "config.json", "cache", "log.jsonl", "tensorboard"}  # before the first checkpoint
TIMED = 3  # steps that tell how many fit in some minutes, after one to warm up
MEASURED = 8  # photos that losses are measured on
MEASURED_SIDE = 256
SKIMAGE = ("astronaut", "coffee", "chelsea", "rocket", "stereo_motorcycle")  # color photos in its wheel


@dataclass(frozen=True)
class Tuned:
    """What `tune` did.

    Attributes:
        folder: of the model.
        styles: names of the paintings.
        steps: of training.
        before, after: losses over the same photos of the model begun with and of the new one: "content" (at
            relu4_1), and "style" (relative squared Gram distance, mean over four layers), as in docs/benchmarks.md
            where the loss network is the normalised VGG-19; "total" as trained.
        photos: how many these are means over.
    """

    folder: Path
    styles: list[str]
    steps: int
    before: dict[str, float]
    after: dict[str, float]
    photos: int


def tune(
    paintings: Sequence[str | Path],
    out: str | Path,
    *,
    photos: Sequence[str] = (),
    model: str = "default",
    row_only: bool = False,
    steps: int | None = None,
    minutes: float | None = None,
    vgg: str = "",
    style_size: int = 256,
    crop: int = 128,
    batch: int = 4,
    learning_rate: float | None = None,
    resume: bool = False,
    report: Report | None = None,
    download: Download | None = None,
) -> Tuned:
    """Train a model for some paintings; leaves a model folder whose styles are named after their files.

    While it runs, checkpoints and samples are in a folder beside `out`, its name ending in `.run`.

    Args:
        paintings: style pictures; each becomes a style of the new model.
        out: the model folder, new.
        photos: folders, lists or tables of photos to train on; by default five of scikit-image's, which are too few
            for more than a trial.
        model: name or folder of the model to begin with.
        row_only: learn only the paintings' scales and shifts; always so where `model` is a table of styles.
        steps: of training, by default 300.
        minutes: as many steps as fit in so many minutes, in place of `steps`.
        vgg: file of the loss network, see `optimize`.
        style_size: short side, in pixels, at which the paintings are looked at: larger is coarser.
        crop: side of the photos' crops, in pixels.
        batch: pictures a step.
        learning_rate: by default 5e-4, and 2e-2 where only rows learn.
        resume: go on with the run in the folder beside `out`.
        report: called after every step.
        download: called with bytes so far and in all while weights are fetched.

    Raises:
        OptionError, OutputError, ConfigError, DataError, ModelError, StyleError, TrainingError: before the
            first step, but for a loss that is not finite.
        MissingExtraError: no photos given and no scikit-image.
    """
    target, folder = Path(out), Path(f"{out}.run")
    _check(paintings, target, steps, minutes, resume, folder)
    if resume:
        config = from_dict(TrainConfig, json.loads((folder / "config.json").read_text()), str(folder / "config.json"))
        return _run(config, target, folder, paintings, True, report, download)
    shutil.rmtree(folder, ignore_errors=True)  # of a run that never came to a checkpoint, see `_check`
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        raise OutputError(f"cannot make folder {folder}: {error.strerror or error}") from error
    try:
        config = _plan(
            paintings, target, folder, photos, start_folder(model), row_only, vgg, style_size, crop, batch,
            learning_rate, download,
        )  # fmt: skip
        config = replace(config, steps=steps or STEPS)
        if minutes is not None:
            config = replace(config, steps=_steps_in(minutes, config, download))
        (folder / "config.json").write_text(to_json(config))
        return _run(config, target, folder, paintings, False, report, download)
    except PasticcioError:
        if not (folder / CHECKPOINT).exists():
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _plan(
    paintings: Sequence[str | Path],
    target: Path,
    folder: Path,
    photos: Sequence[str],
    begin: Path,
    row_only: bool,
    vgg: str,
    style_size: int,
    crop: int,
    batch: int,
    learning_rate: float | None,
    download: Download | None,
) -> TrainConfig:
    """What is trained; writes what it begins with into `folder`."""
    first = load_network(begin)
    table = first.config.predictor == "table"
    source = guess_vgg(vgg)
    loss = replace(LOSS, grid=GRID if first.config.transfer == "fast" else 0.0)
    loss = loss if source.endswith(("normalised", "small")) else relative_loss(loss)
    data = DataConfig(
        photos=tuple(photos) or (_own_photos(folder / "photos"),),
        styles=tuple(map(str, paintings)),
        crop=crop,
        photo_short=(crop + crop // 8, 3 * crop),
        flip_photos=True,
        style_short=(style_size, style_size),
        style_crop=style_size,
        style_size=(style_size, style_size),
        augment=False,
        keep_mb=500,
    )
    network, names = _beginning(first, begin, paintings, source, vgg, data, loss, download)
    save_model(folder / "start", network, target.name, {}, names)
    rows = row_only or table
    return TrainConfig(
        name=target.name,
        out=str(folder),
        start=str(folder / "start"),
        frozen=("transfer",) if rows else (),
        learn_rows=len(paintings) if table else 0,
        batch=batch,
        learning_rate=learning_rate or (2e-2 if rows else 5e-4),
        final_rate=0.05,
        warmup=20,
        clip=2.0,
        ema=0.98,
        checkpoint_minutes=0.5,
        sample_steps=100,
        cache=str(folder / "cache"),
        network=network.config,
        loss=loss,
        loss_network=LossNetworkConfig(source, vgg, "max", "reflect"),  # type: ignore[arg-type]
        data=data,
    )


def _run(
    config: TrainConfig,
    target: Path,
    folder: Path,
    paintings: Sequence[str | Path],
    resume: bool,
    report: Report | None,
    download: Download | None,
) -> Tuned:
    """Train, export, measure, and put the model in its place."""
    run = Run(config, download)
    if resume:
        run.resume()
    run.go(report)
    export(folder / "model")
    before, after = (_measure(load_network(folder / name), run, config) for name in ("start", "model"))
    (folder / "model").replace(target)
    shutil.rmtree(folder)
    names = [Path(painting).stem for painting in paintings]
    return Tuned(target, names, config.steps, before, after, min(MEASURED, len(run.batches.photos)))


def _check(
    paintings: Sequence[str | Path],
    target: Path,
    steps: int | None,
    minutes: float | None,
    resume: bool,
    folder: Path,
) -> None:
    """Refuse what cannot end well, before any work is done."""
    if not paintings:
        raise OptionError("no paintings are given; name at least one picture")
    for painting in paintings:
        open_image(painting)
    if steps is not None and minutes is not None:
        raise OptionError("steps and minutes are both given; give one")
    if steps is not None and steps < 1:
        raise OptionError(f"steps is {steps}; it must be 1 or more")
    if minutes is not None and not minutes > 0:
        raise OptionError(f"minutes is {minutes:g}; it must be above 0")
    if target.exists():
        raise OutputError(f"{target} is there already; name a new folder, or remove it")
    if not target.parent.is_dir():
        raise OutputError(f"cannot write {target}: there is no folder {target.parent}")
    if resume and not (folder / "config.json").exists():
        raise TrainingError(f"cannot resume: there is no run in {folder}; leave out --resume to begin one")
    if not resume and (folder / CHECKPOINT).exists():
        raise OutputError(f"{folder} holds a run that was broken off; go on with --resume, or remove it")
    if not resume and folder.exists() and not {path.name for path in folder.iterdir()} <= EARLY:
        raise OutputError(f"{folder} is there already, and no run of this command; remove it or name another folder")


def _own_photos(folder: Path) -> str:
    """scikit-image's color pictures, written into a folder."""
    try:
        from skimage import data
    except ImportError as error:
        raise MissingExtraError("training without --photos", "demo") from error
    folder.mkdir()
    for name in SKIMAGE:
        found = getattr(data, name)()
        save_image(found[0] if isinstance(found, tuple) else found, folder / f"{name}.png")
    return str(folder)


@torch.no_grad()
def _beginning(
    first: StyleNetwork,
    folder: Path,
    paintings: Sequence[str | Path],
    source: str,
    weights: str,
    data: DataConfig,
    loss: LossConfig,
    download: Download | None,
) -> tuple[StyleNetwork, list[str]]:
    """The network that training begins with, and the names of its styles."""
    names = [Path(painting).stem for painting in paintings]
    if first.config.predictor == "table":
        vgg = load_vgg(source, loss.layers(), weights, "max", "reflect", download)
        pictures = Pictures(data.photos, data.split)
        rows = [
            nearest_row(first, vgg, pictures, open_image(painting), loss, data.style_crop) for painting in paintings
        ]
        known = style_names(folder)
        if taken := [name for name in names if name in known]:
            raise ConfigError(f"{folder} has a style {taken[0]} already; rename the picture")
        return first.as_table(torch.cat([first.heads.weight.T, *(row[None] for row in rows)])), known + names
    side = min(max(data.style_short[0], STYLE_RANGE[0]), STYLE_RANGE[1])
    views = [style_view(open_image(painting), side) for painting in paintings]
    return first.as_table(torch.cat([first.parameters_of(_batch([view])) for view in views])), names


@torch.no_grad()
def nearest_row(
    network: StyleNetwork, vgg: Vgg, photos: Pictures, painting: Array, loss: LossConfig, side: int, count: int = 4
) -> Tensor:
    """Scales and shifts of the style of a table whose outputs come nearest to a painting, (P,).

    Nearest by the style loss, mean over some photos.
    """
    content = _batch(_squares(photos, count, 128))
    wanted = gram_targets(vgg(_batch([style_view(painting, side)])), loss)
    grams = {layer: gram.expand(len(content), -1, -1) for layer, gram in wanted.items()}
    source = vgg(content)
    losses = []
    for row in range(network.config.embedding):
        features = vgg(network(content, torch.tensor([row])))
        losses.append(perceptual_loss(features, source, grams, loss)["style"].mean())
    return network.heads.weight[:, int(torch.stack(losses).argmin())]


def _steps_in(minutes: float, config: TrainConfig, download: Download | None) -> int:
    """Steps that fit in some minutes, by the clock of a few that are thrown away."""
    run = Run(replace(config, steps=TIMED + 1), download)
    clock = []
    for batch, turn in run._turns():
        run.advance(batch, turn)
        clock.append(time.perf_counter())
    return max(1, int(60 * minutes * TIMED / (clock[-1] - clock[0])))


@torch.no_grad()
def _measure(network: StyleNetwork, run: Run, config: TrainConfig) -> dict[str, float]:
    """Losses over center crops of the first photos with every painting; see `Tuned`."""
    network = network.to(run.device)
    plain = LossConfig({"relu4_1": 1.0}, dict.fromkeys(config.loss.style, 1 / len(config.loss.style)), relative=True)
    found: dict[str, list[float]] = {"content": [], "style": [], "total": []}
    photos = [_batch([photo]).to(run.device) for photo in _squares(run.batches.photos, MEASURED, MEASURED_SIDE)]
    for number in range(len(run.batches.styles)):
        painting = open_image(center_crop(run.batches.styles.load(number), MEASURED_SIDE, MEASURED_SIDE))
        grams = gram_targets(run.vgg(_batch([painting]).to(run.device)), config.loss)
        style = torch.tensor([run.first_row + number], device=run.device)
        for photo in photos:
            features, source = run.vgg(network(photo, style)), run.vgg(photo)
            for name, value in perceptual_loss(features, source, grams, plain).items():
                found[name].append(float(value))
            parts = perceptual_loss(features, source, grams, config.loss)
            found["total"].append(float(parts["content"] + parts["style"]))
    return {name: float(np.mean(values)) for name, values in found.items()}


def _squares(photos: Pictures, count: int, side: int) -> list[Array]:
    return [open_image(center_crop(photos.usable(n, [])[1], side, side)) for n in range(min(count, len(photos)))]


def _batch(pictures: Sequence[Array]) -> Tensor:
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).contiguous()
