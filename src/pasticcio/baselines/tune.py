"""A network for one painting or a few, trained from a model that exists.

A model that predicts styles becomes a table of what it predicts for the paintings, and is trained for them alone (one
network per style: Johnson et al. 2016, Ulyanov et al. 2016). A table of styles gets a row for each painting; only
these rows are trained, and all other weights stay bit for bit (Dumoulin et al. 2017, section 3.3).
"""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pasticcio.baselines.measure import measure
from pasticcio.baselines.objective import loss_for
from pasticcio.baselines.settings import LOSS
from pasticcio.baselines.start import extended_table, predicted_table
from pasticcio.errors import OptionError, OutputError, PasticcioError, TrainingError
from pasticcio.extras import extra
from pasticcio.files import make_folder, write_whole
from pasticcio.image.read import open_image
from pasticcio.image.write import save_image
from pasticcio.training.checkpoint import CHECKPOINT
from pasticcio.training.config import DataConfig, LossNetworkConfig, TrainConfig, from_dict, to_json
from pasticcio.training.export import export
from pasticcio.training.log import StepReport
from pasticcio.training.model_folder import load_network, save_model
from pasticcio.training.pictures import Pictures
from pasticcio.training.pretrained import Download, guess_vgg, load_vgg
from pasticcio.training.start import start_folder
from pasticcio.training.train import Run

STEPS = 300
EARLY = {"photos", "start", "config.json", "cache", "log.jsonl", "tensorboard"}  # before the first checkpoint
TIMED = 3  # steps, after one to warm up, from which the number that fits in some minutes is computed
SKIMAGE = ("astronaut", "coffee", "chelsea", "rocket", "stereo_motorcycle")  # color photos in its wheel


@dataclass(frozen=True, kw_only=True)
class TuneSettings:
    """How a model is tuned.

    Attributes:
        photos: folders, lists or tables of photos to train on; by default five of scikit-image's, enough for a trial
            only.
        model: name or folder of the model to start from.
        row_only: train only the scales and shifts of the paintings; always so where `model` is a table of styles.
        steps: of training; by default 300.
        minutes: in place of `steps`: as many steps as fit in this time.
        vgg: file of the loss network, see `optimize`.
        style_size: short side, in pixels, of the paintings: a larger one makes coarser strokes.
        crop: side of the crops of photos, in pixels.
        batch: pictures in a step.
        learning_rate: by default 5e-4, and 2e-2 where only rows are trained.
        grid: weight of the grid pattern for the network "fast". Four times that of its own training: a single painting
            causes more of it.
        checkpoint_minutes: time between checkpoints.
        measured: number of photos that losses are measured on.
        measured_side: their side, in pixels.

    Raises:
        OptionError: both `steps` and `minutes`, or one out of range.
    """

    photos: tuple[str, ...] = ()
    model: str = "fast"
    row_only: bool = False
    steps: int | None = None
    minutes: float | None = None
    vgg: str = ""
    style_size: int = 256
    crop: int = 128
    batch: int = 4
    learning_rate: float | None = None
    grid: float = 1.6e5
    checkpoint_minutes: float = 0.5
    measured: int = 8
    measured_side: int = 256

    def __post_init__(self) -> None:
        if self.steps is not None and self.minutes is not None:
            raise OptionError("steps and minutes are both given; give one")
        if self.steps is not None and self.steps < 1:
            raise OptionError(f"steps is {self.steps}; it must be 1 or more")
        if self.minutes is not None and not self.minutes > 0:
            raise OptionError(f"minutes is {self.minutes:g}; it must be above 0")


@dataclass(frozen=True)
class Tuned:
    """The result of `tune`.

    Attributes:
        folder: of the model.
        styles: names of the paintings.
        steps: of training.
        before: losses of the model at the start, see `measure`; comparable with docs/benchmarks.md where the loss
            network is the normalized VGG-19.
        after: losses of the new model over the same photos.
        photos: number of photos that these are means over.
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
    settings: TuneSettings | None = None,
    *,
    resume: bool = False,
    report: StepReport | None = None,
    download: Download | None = None,
) -> Tuned:
    """Train a model for some paintings and write its folder; its styles are named after the files of the paintings.

    During training, checkpoints and samples are in a folder beside `out` whose name ends in `.run`.

    Args:
        paintings: style pictures; each becomes a style of the new model.
        out: the model folder, new.
        settings: by default `TuneSettings()`.
        resume: continue the run in the folder beside `out`, with the settings that it was started with.
        report: called after every step.
        download: called with the bytes received and their total while weights are downloaded.

    Raises:
        OptionError, OutputError, ConfigError, DataError, ModelError, StyleError: before the first step.
        TrainingError: nothing to resume, or a loss that is not finite.
        MissingExtraError: no photos given and no scikit-image.
    """
    settings = settings or TuneSettings()
    target, folder = Path(out), Path(f"{out}.run")
    _check(paintings, target, folder, resume)
    if resume:
        config = from_dict(TrainConfig, json.loads((folder / "config.json").read_text()), str(folder / "config.json"))
        run = Run(config, download)
        run.resume()
        return _finish(run, target, settings, report)
    shutil.rmtree(folder, ignore_errors=True)  # of a run that made no checkpoint, see `_check`
    make_folder(folder)
    try:
        config = plan(paintings, target.name, folder, settings, download)
        if settings.minutes is not None:
            config = replace(config, steps=steps_in(settings.minutes, config, download))
        write_whole(folder / "config.json", to_json(config).encode())
        return _finish(Run(config, download), target, settings, report)
    except PasticcioError:
        if not (folder / CHECKPOINT).exists():
            shutil.rmtree(folder, ignore_errors=True)
        raise


def plan(
    paintings: Sequence[str | Path], name: str, folder: Path, settings: TuneSettings, download: Download | None = None
) -> TrainConfig:
    """The configuration of the training; writes the network that it starts from into `folder`.

    Args:
        paintings: style pictures.
        name: of the model.
        folder: of the run.
        settings: see `tune`.
        download: see `tune`.
    """
    origin = start_folder(settings.model)
    first = load_network(origin)
    table = first.config.predictor == "table"
    kind = guess_vgg(settings.vgg)
    loss = loss_for(kind, replace(LOSS, grid=settings.grid if first.config.transfer == "fast" else 0.0))
    photos = settings.photos or (_own_photos(folder / "photos"),)
    if table:
        vgg = load_vgg(kind, loss.layers(), settings.vgg, "max", "reflect", download)
        network, names = extended_table(
            first, origin, paintings, vgg=vgg, photos=Pictures(photos), loss=loss, side=settings.style_size
        )
    else:
        network = predicted_table(first, paintings, settings.style_size)
        names = [Path(painting).stem for painting in paintings]
    save_model(folder / "start", network, name, {}, names)
    rows = settings.row_only or table
    return TrainConfig(
        name=name,
        out=str(folder),
        start=str(folder / "start"),
        frozen=("transfer",) if rows else (),
        learn_rows=len(paintings) if table else 0,
        steps=settings.steps or STEPS,
        batch=settings.batch,
        learning_rate=settings.learning_rate or (2e-2 if rows else 5e-4),
        final_rate=0.05,
        warmup=20,
        clip=2.0,
        ema=0.98,
        checkpoint_minutes=settings.checkpoint_minutes,
        sample_steps=100,
        cache=str(folder / "cache"),
        network=network.config,
        loss=loss,
        loss_network=LossNetworkConfig(kind, settings.vgg, "max", "reflect"),  # type: ignore[arg-type]
        data=_data(photos, paintings, settings),
    )


def steps_in(
    minutes: float,
    config: TrainConfig,
    download: Download | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> int:
    """Number of steps that fit in some minutes, from the time that a few take; these are thrown away."""
    run = Run(replace(config, steps=TIMED + 1), download)
    times = []
    for parts in run.parts():
        run.advance(parts)
        times.append(clock())
    return max(1, int(60 * minutes * TIMED / (times[-1] - times[0])))


def _finish(run: Run, target: Path, settings: TuneSettings, report: StepReport | None) -> Tuned:
    """Train, export, measure, and move the model to its place."""
    folder, config = Path(run.config.out), run.config
    run.go(report)
    export(folder / "model")
    before, after = (
        measure(load_network(folder / name), run, settings.measured, settings.measured_side)
        for name in ("start", "model")
    )
    (folder / "model").replace(target)
    shutil.rmtree(folder)
    return Tuned(
        folder=target,
        styles=[Path(painting).stem for painting in config.data.styles],
        steps=config.steps,
        before=before,
        after=after,
        photos=min(settings.measured, len(run.batches.photos)),
    )


def _check(paintings: Sequence[str | Path], target: Path, folder: Path, resume: bool) -> None:
    """Refuse what must fail, before any work is done."""
    if not paintings:
        raise OptionError("no paintings are given; name at least one picture")
    for painting in paintings:
        open_image(painting)
    if os.path.exists(target):
        raise OutputError(f"{target} is there already; name a new folder, or remove it")
    if not os.path.isdir(target.parent):
        raise OutputError(f"cannot write {target}: there is no folder {target.parent}")
    if resume and not os.path.exists(folder / "config.json"):
        raise TrainingError(f"cannot resume: there is no run in {folder}; leave out --resume to begin one")
    if not resume and os.path.exists(folder / CHECKPOINT):
        raise OutputError(f"{folder} holds a run that was broken off; go on with --resume, or remove it")
    if not resume and os.path.exists(folder) and not {path.name for path in folder.iterdir()} <= EARLY:
        raise OutputError(f"{folder} is there already, and no run of this command; remove it or name another folder")


def _data(photos: tuple[str, ...], paintings: Sequence[str | Path], settings: TuneSettings) -> DataConfig:
    crop, size = settings.crop, settings.style_size
    return DataConfig(
        photos=photos,
        styles=tuple(map(str, paintings)),
        crop=crop,
        photo_short=(crop + crop // 8, 3 * crop),
        flip_photos=True,
        style_short=(size, size),
        style_crop=size,
        style_size=(size, size),
        augment=False,
        keep_mb=500,
    )


def _own_photos(folder: Path) -> str:
    """Write scikit-image's color pictures into a new folder; returns its name."""
    with extra("demo", "training without --photos"):
        from skimage import data
    folder.mkdir()
    for name in SKIMAGE:
        found = getattr(data, name)()
        save_image(found[0] if isinstance(found, tuple) else found, folder / f"{name}.png")
    return str(folder)
