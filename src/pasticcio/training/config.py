"""What a recipe says: frozen dataclasses read from TOML, every key checked."""

from __future__ import annotations

import dataclasses
import json
import math
import sys
import types
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar

from pasticcio.errors import ConfigError, nearest
from pasticcio.nn.losses import LossConfig
from pasticcio.nn.network import NetworkConfig

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

T = TypeVar("T")

PARTS = ("predictor", "heads", "transfer")  # of a StyleNetwork
BEGINNINGS = ("start", "branch", "encoder", "decoder", "vgg", "inception")  # keys that a stage does not inherit
WHOLE = ("content", "style", "restyled", "rates")  # tables that a stage replaces whole
OLD_SPELLINGS = {"grey": "gray"}


@dataclass(frozen=True)
class LossNetworkConfig:
    """The network in whose features the losses are measured.

    Attributes:
        name: "vgg16" or "vgg19" (torchvision's public weights), "vgg19-normalised" (Gatys et al.)
            or "vgg19-small" (its quarter-width copy).
        weights: file of the weights; empty for torchvision's, which are then downloaded; "random" for
            a network that has learned nothing, for runs that only have to run.
        pooling: "max" as trained, or "average".
        padding: "zero" as trained, or "reflect".
    """

    name: Literal["vgg16", "vgg19", "vgg19-normalised", "vgg19-small"] = "vgg16"
    weights: str = ""
    pooling: Literal["max", "average"] = "average"
    padding: Literal["zero", "reflect"] = "zero"


@dataclass(frozen=True)
class DataConfig:
    """Where photos and styles come from, and how they are cut. Sizes in pixels.

    Attributes:
        photos, styles: pictures, folders, `.txt` lists, `.csv` tables with a column `file`, or `.tar` shards.
        split: rows of a table used, where it has a column `split`.
        crop: side of a photo crop.
        photo_short: range of the short side to which a photo is resized before the crop.
        flip_photos: mirror half of the photos.
        fixed_photos: always cut the center of a photo, at the smallest scale, and never mirror it; its features can
            then be computed once, see `TrainConfig.cache`.
        style_short: range of the short side to which a style is resized before the crop.
        style_crop: side of a style crop.
        whole: share of the style crops that are as large as their picture lets them be, where they are augmented.
        style_size: range of the side to which a whole batch of style crops is resized.
        augment: cut the styles at random, change their brightness, saturation and hue, and mirror them. If false,
            styles are center crops, and their Gram matrices can be computed once, see `TrainConfig.cache`.
        brightness: largest change of brightness, on [0, 1]. That of the authors' code, the default, leaves many styles
            nearly black or white; our own recipes have 0.1 and 0.15.
        saturation: range of the factor on saturation.
        hue: largest turn of the hue, in turns.
        gray: share of the style pictures that lose their colors, where they are augmented.
        invert: share of the style pictures whose colors are inverted, where they are augmented.
        procedural: share of the styles that are drawn by code (stripes, mosaics, outlines, see `procedural`) instead
            of read from a picture; photos that are their own style are not counted.
        texture: share of the photos that are rendered with a faint texture in even areas, as the stylizer renders them
            (see `pasticcio.image.texture`); what the output is compared with has none.
        flips: mirror half of the styles left to right, half top to bottom.
        keep_mb: memory per worker, in MB, for decoded pictures.
        workers: processes that decode.
        resident: keep every picture decoded on the training device, and cut and recolor there.
        epochs: every photo, and every style, comes once before one comes again, whatever the number of processes and
            workers; if false, each is drawn from all.
    """

    photos: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    split: str = "train"
    crop: int = 256
    photo_short: tuple[int, int] = (258, 258)
    flip_photos: bool = False
    fixed_photos: bool = False
    style_short: tuple[int, int] = (258, 455)
    style_crop: int = 256
    whole: float = 0.0
    style_size: tuple[int, int] = (128, 299)
    augment: bool = True
    brightness: float = 0.8
    saturation: tuple[float, float] = (0.5, 1.5)
    hue: float = 0.2
    gray: float = 0.0
    invert: float = 0.0
    procedural: float = 0.0
    texture: float = 0.0
    flips: bool = True
    keep_mb: int = 0
    workers: int = 1
    resident: bool = False
    epochs: bool = False

    def __post_init__(self) -> None:
        for name in ("gray", "invert", "procedural", "texture", "whole"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"data.{name} is {getattr(self, name)}; it must be between 0 and 1")
        for name in ("photo_short", "style_short", "style_size"):
            low, high = getattr(self, name)
            if not 16 <= low <= high:
                raise ConfigError(f"data.{name} is {low, high}; it must be a range of pixels from 16 up")
        if self.photo_short[0] < self.crop:
            raise ConfigError(f"data.photo_short begins at {self.photo_short[0]}, below data.crop {self.crop}")
        if self.style_short[0] < self.style_crop:
            raise ConfigError(
                f"data.style_short begins at {self.style_short[0]}, below data.style_crop {self.style_crop}"
            )


@dataclass(frozen=True)
class TrainConfig:
    """One run of training: a recipe, or one stage of it.

    Attributes:
        name: of the model trained.
        out: folder of the run: checkpoints, logs, sample pictures, and the model at the end.
        start: model folder, or name of a shipped model, whose weights the run begins with; empty for random
            weights. A table of styles can begin with the weights of a model that predicts styles: its rows are
            then what that model predicts for their pictures.
        inception: weights of Inception-v3 for the paper's predictor: a file, "torchvision" to
            download the public ones, or empty for random weights.
        branch: weights of the quarter-width VGG-19 for a compact predictor's branch (network.predictor_directions)
            that `start` does not have; its whitening is then measured on the styles.
        encoder: weights of the quarter-width VGG-19 that an encoded network begins with. It needs `decoder` and `vgg`.
        decoder: weights of AdaIN's decoder, as which an encoded network begins, see `compress`.
        vgg: weights of the normalised VGG-19 that its statistics predictor begins with.
        whiten: principal directions of the statistics from which a statistics predictor learns a second linear map, see
            `StatisticsPredictor.whiten`; its rate is that of the part "predictor.whitened". 0 for none.
        balance: photos with styles on which gradients are measured first, to write embeddings in a basis in which the
            loss depends on all numbers alike, see `balance`; several for each number, or 0 to leave the basis as it is.
        forecast: renderings from which a `Forecast` learns in the end, which corrects the embeddings of a statistics
            predictor from then on, see `foresee`; 0 for none. Of several processes the first one does this, and the
            others wait.
        frozen: names of parts that do not learn: "predictor", "predictor.trunk", "heads", "transfer".
        learn_rows: how many styles of a table learn, the last ones; 0 for all.
        steps: steps of the optimizer.
        batch: pictures that a process renders at once; a step sees `accumulate` times as many in each process.
        accumulate: batches whose mean gradient makes a step. The loss network and the network hold one of them at a
            time, and processes exchange gradients once a step.
        reuse: turns for which a batch is used, each with another pairing of its photos and styles; features of both are
            then computed once for all of them. A turn is a step, or one of the `accumulate` parts of a step.
        learning_rate: after warm-up.
        rates: factor on the learning rate for some parts: "predictor", "heads", "transfer", or a part of these, such as
            "predictor.branch.vgg", whose gradient is then clipped on its own.
        final_rate: fraction of the learning rate that the cosine ends at; 1 keeps it constant.
        warmup: steps over which the learning rate rises from 0.
        clip: largest norm of the gradient; 0 does not clip.
        ema: decay of the moving average of the weights, which is what is kept; 0 keeps the weights.
        identity: share of each batch in which a photo is its own style, so that the output should be the photo.
        precision: "float32" or "bf16" (losses stay in float32).
        compile: use torch.compile.
        seed: of everything random.
        checkpoint_minutes: time between checkpoints.
        sample_steps: steps between sample pictures; 0 for none.
        log_steps: steps between log lines.
        cache: folder for statistics of pictures that never change: Gram matrices of styles if data.augment is false,
            features of photos if data.fixed_photos is true and identity is 0. Empty for none.
    """

    name: str = "unnamed"
    out: str = "runs/unnamed"
    start: str = ""
    inception: str = ""
    branch: str = ""
    encoder: str = ""
    decoder: str = ""
    vgg: str = ""
    whiten: int = 0
    balance: int = 0
    forecast: int = 0
    frozen: tuple[str, ...] = ()
    learn_rows: int = 0
    steps: int = 1000
    batch: int = 8
    accumulate: int = 1
    reuse: int = 1
    learning_rate: float = 1e-3
    rates: dict[str, float] = field(default_factory=dict)
    final_rate: float = 0.01
    warmup: int = 100
    clip: float = 1.0
    ema: float = 0.999
    identity: float = 0.0
    precision: Literal["float32", "bf16"] = "float32"
    compile: bool = False
    seed: int = 0
    checkpoint_minutes: float = 5.0
    sample_steps: int = 500
    log_steps: int = 10
    cache: str = ""
    network: NetworkConfig = field(default_factory=NetworkConfig)
    loss: LossConfig = field(default_factory=LossConfig)
    loss_network: LossNetworkConfig = field(default_factory=LossNetworkConfig)
    data: DataConfig = field(default_factory=DataConfig)

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "accumulate", "reuse", "log_steps"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; it must be 1 or more")
        unknown = [part for part in self.rates if part.split(".")[0] not in PARTS]
        if unknown:
            raise ConfigError(f"rates names {unknown[0]!r}; {nearest(unknown[0], PARTS)}")
        if self.learn_rows and (self.network.predictor != "table" or not 0 < self.learn_rows <= self.network.embedding):
            raise ConfigError(f"learn_rows is {self.learn_rows}; it is for a table of styles, and at most their number")
        if self.branch and not (self.network.predictor == "compact" and self.network.predictor_directions):
            raise ConfigError(
                "branch names weights, but the network has no branch; set network.predictor = 'compact' and "
                "network.predictor_directions, to 256 for instance"
            )
        if self.whiten < 0 or (self.whiten and self.network.predictor != "statistics"):
            raise ConfigError(f"whiten is {self.whiten}; it is 0, or more for network.predictor = 'statistics'")
        if self.balance < 0 or (self.balance and (self.network.predictor == "table" or "predictor" in self.frozen)):
            raise ConfigError(f"balance is {self.balance}; it is 0, or more where a predictor learns")
        self._check_forecast()
        given = [name for name in ("encoder", "decoder", "vgg") if getattr(self, name)]
        if len(given) in (1, 2):
            raise ConfigError(
                f"{' and '.join(given)} set, but a network begins with encoder, decoder and vgg together; name all"
            )
        if not 0 <= self.ema < 1:
            raise ConfigError(f"ema is {self.ema}; it must be at least 0 and below 1")
        if not 0 <= self.identity <= 1:
            raise ConfigError(f"identity is {self.identity}; it must be between 0 and 1")
        if self.identity and self.network.predictor == "table":
            raise ConfigError(
                f"identity is {self.identity}, but a table of styles has none for the photos; leave it at 0"
            )
        if self.cache and self.loss.restyled and not self.data.augment:
            raise ConfigError("loss.restyled is set, but kept Gram matrices say too little of a style; empty cache")
        if self.data.procedural and (self.network.predictor == "table" or not self.data.augment or self.data.resident):
            raise ConfigError(
                f"data.procedural is {self.data.procedural}; it needs a predictor, data.augment = true and "
                "data.resident = false"
            )
        if self.data.texture and self.data.resident:
            raise ConfigError(f"data.texture is {self.data.texture}; it needs data.resident = false")
        if self.cache and self.data.resident:
            raise ConfigError("cache and data.resident are both set; kept targets need data.resident = false")
        if self.cache and self.data.augment and not self.data.fixed_photos:
            raise ConfigError(
                "cache is set but every picture varies: set data.augment = false or data.fixed_photos = true"
            )

    def _check_forecast(self) -> None:
        refused = {
            "network.predictor_forecast is set, but it is made in the end; set forecast = 20000 instead": bool(
                self.network.predictor_forecast
            ),
            f"forecast is {self.forecast}; it is 0, or more for network.predictor = 'statistics'": self.forecast < 0
            or (self.forecast and self.network.predictor != "statistics"),
            "forecast is set, but it guesses relative logarithmic style losses; set loss.relative and loss.logarithmic "
            "to true": self.forecast and not (self.loss.relative and self.loss.logarithmic),
            f"forecast is set, but with identity {self.identity} every photo of a batch is its own style; set it "
            "lower": self.forecast and round(self.identity * self.batch) == self.batch,
            "forecast is set, but it reads styles by a narrow copy of the loss network, and vgg19-small is narrow; set "
            "loss_network.name to another": self.forecast and self.loss_network.name == "vgg19-small",
        }
        for why, so in refused.items():
            if so:
                raise ConfigError(why)

    def rate(self, step: int) -> float:
        """Learning rate of a step: warm-up, then half a cosine from the full rate down to `final_rate` of it."""
        warm = min(1.0, (step + 1) / self.warmup) if self.warmup else 1.0
        cosine = self.final_rate + (1 - self.final_rate) * 0.5 * (1 + math.cos(math.pi * step / self.steps))
        return self.learning_rate * warm * cosine


def read_recipe(path: Path, settings: typing.Sequence[str] = ()) -> list[TrainConfig]:
    """The stages of a recipe, in order; a recipe without `[[stage]]` tables is one stage.

    A `[[stage]]` holds what differs from the stage before it, the first one what differs from the keys above it.
    Tables are inherited key by key; those whose keys the recipe chooses (`loss.content`, `loss.style`, `loss.restyled`,
    `rates`) are replaced whole, so `rates = {}` empties one. `start`, `branch` and `inception` say how weights begin
    and are not inherited: every stage but the first begins with the model that the stage before it ended with. The
    folder of a stage is `stage-N` within `out`.

    Args:
        path: TOML file.
        settings: `key=value` overrides for every stage, keys dotted, values in TOML or bare strings.

    Raises:
        ConfigError: unreadable file, unknown key, or a value of the wrong type.
    """
    try:
        common = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot read recipe {path}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(f"recipe {path} is not TOML: {error}") from error
    stages = common.pop("stage", None) or [{}]
    if not isinstance(stages, list) or not all(isinstance(stage, dict) for stage in stages):
        raise ConfigError(f"recipe {path}: stage is {stages!r}; write tables, each headed [[stage]]")
    common.setdefault("name", path.stem)
    common.setdefault("out", f"runs/{common['name']}")
    overrides: dict[str, Any] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise ConfigError(f"--set {setting!r} has no '='; write --set key=value")
        target = overrides
        *parents, last = key.strip().split(".")
        for parent in parents:
            target = target.setdefault(parent, {})
        target[last] = _toml_value(value.strip())
    configs: list[TrainConfig] = []
    inherited = common
    for number, stage in enumerate(stages, start=1):
        inherited = _merge(inherited, stage)
        values = _merge(inherited, overrides)
        inherited = {key: value for key, value in inherited.items() if key not in BEGINNINGS}
        if len(stages) > 1:
            values["out"] = f"{values['out']}/stage-{number}"
            if configs:
                values["start"] = f"{configs[-1].out}/model"
        configs.append(from_dict(TrainConfig, values, str(path)))
    return configs


def from_dict(cls: type[T], values: dict[str, Any], source: str, prefix: str = "") -> T:
    """Build a frozen dataclass from plain values, refusing unknown keys and wrong types.

    Raises:
        ConfigError: names the source, the key, the value and what would fit.
    """
    hints = typing.get_type_hints(cls)
    names = [f.name for f in dataclasses.fields(cls)]  # type: ignore[arg-type]
    converted = {}
    for written, value in values.items():
        key = OLD_SPELLINGS.get(written, written)
        if key not in names:
            raise ConfigError(f"{source}: unknown key {prefix}{written}; {nearest(written, names)}")
        converted[key] = _convert(hints[key], value, source, f"{prefix}{key}")
    try:
        return cls(**converted)
    except ValueError as error:
        raise ConfigError(f"{source}: {prefix}{error}") from error


def _convert(hint: Any, value: Any, source: str, key: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if dataclasses.is_dataclass(hint) and isinstance(value, dict):
        return from_dict(typing.cast(type, hint), value, source, f"{key}.")
    if origin is Literal and value in arguments:
        return value
    if origin is tuple and isinstance(value, (list, tuple)):
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else list(arguments)
        if len(kinds) == len(value):
            return tuple(_convert(kind, item, source, key) for kind, item in zip(kinds, value, strict=True))
    if origin is tuple and isinstance(value, str) and arguments == (str, ...):
        return (value,)
    if origin is dict and isinstance(value, dict):
        return {name: _convert(arguments[1], item, source, f"{key}.{name}") for name, item in value.items()}
    if hint is float and isinstance(value, (int, float)) and not isinstance(value, bool):
        return float(value)
    if isinstance(hint, type) and not isinstance(hint, types.GenericAlias) and type(value) is hint:
        return value
    wanted = " or ".join(map(repr, arguments)) if origin is Literal else getattr(hint, "__name__", str(hint))
    raise ConfigError(f"{source}: {key} is {value!r}; it must be {wanted}")


def _merge(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """`above` over `below`, table by table, those in `WHOLE` replaced."""
    merged = dict(below)
    for key, value in above.items():
        inner = merged.get(key)
        nested = isinstance(value, dict) and isinstance(inner, dict) and key not in WHOLE
        merged[key] = _merge(inner, value) if nested else value  # type: ignore[arg-type]
    return merged


def _toml_value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def to_json(config: Any) -> str:
    """A configuration as JSON, keys in the order of their declaration."""
    return json.dumps(dataclasses.asdict(config), indent=2)
