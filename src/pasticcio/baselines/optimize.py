"""Optimization per image (Gatys, Ecker, Bethge 2015): the pixels of one picture descend the loss.

Minutes for a picture where the networks need a fraction of a second, and what no network reaches: the
lowest loss for one photo and one painting. Definitions of the losses are those of training.
"""

from __future__ import annotations

import math
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from threading import current_thread, main_thread
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from pasticcio.errors import ImageError, OptionError, StyleError, TrainingError, nearest
from pasticcio.image.color import COLORS, Colors, gray, luminance, match_colors, match_luminance, with_luminance
from pasticcio.image.picture import Array, Kind, Picture, Source, as_depth, as_float, open_image, read_picture
from pasticcio.nn.losses import LossConfig, gram_matrix, perceptual_loss, total_variation
from pasticcio.nn.vgg import Vgg
from pasticcio.render.embedder import style_view
from pasticcio.render.options import Options
from pasticcio.render.stylizer import Stylizer
from pasticcio.style.style import WEIGHT_TOLERANCE, list_styles
from pasticcio.training.pretrained import Download, guess_vgg, load_vgg

Method = Literal["lbfgs", "adam"]
Start = Literal["network", "photo", "noise"]

LOSS = LossConfig(  # that of the default model's training, but for what concerns networks alone
    content={"relu3_3": 1.0, "relu4_1": 1.0},
    style=dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1"), 20.0),
    relative=True,
    logarithmic=True,
)
# Mean squares of the normalised VGG-19's features over four photos: content errors of networks of another
# scale, divided by their own mean squares, times these are comparable.
MEAN_SQUARES = {"relu3_3": 1.6, "relu4_1": 3.0}
MIN_SIDE = 32  # of every scale: relu4_1 then still has 4 positions a side
COARSEST = 512  # long side, in pixels, that needs no coarser scale before it
FIRST_STEP = 0.02  # of L-BFGS: mean change of a pixel, on [0, 1]
HISTORY = 50  # steps that L-BFGS remembers
OUTSIDE = 1.0  # weight of the mean square by which pixels leave [0, 1]
Losses = Mapping[str, float]


@dataclass(frozen=True)
class Settings:
    """How a picture is optimized.

    Attributes:
        size: long side of the output, in pixels; a smaller photo keeps its size.
        iterations: at the last scale; an iteration is one pass forward and backward through the loss network.
        method: "lbfgs", or "adam".
        learning_rate: of Adam, on [0, 1].
        start: "network": our network's output; "photo"; "noise": every pixel drawn evenly from [0, 1].
        scales: sizes from coarse to fine, each twice the one before; 0 chooses as many as bring the first to
            512 pixels or less. Every scale begins with the enlarged result of the one before, and has `iterations`.
        loss: layers, weights and kind of the losses.
        style_size: short side, in pixels, at which style pictures are looked at, at the last scale; by default
            the output's. Larger is coarser.
        colors: as of `pasticcio.Options`.
        pooling: of the loss network: "max" as trained, or "average" (Gatys et al. 2015, section 2).
        precision: "float32", or "bf16" (losses stay in float32).
        device: of torch, such as "cuda"; empty for a GPU where there is one.
        seed: of the noise.
    """

    size: int = 512
    iterations: int = 200
    method: Method = "lbfgs"
    learning_rate: float = 0.02
    start: Start = "network"
    scales: int = 0
    loss: LossConfig = field(default_factory=lambda: LOSS)
    style_size: int | None = None
    colors: Colors = "style"
    pooling: Literal["max", "average"] = "max"
    precision: Literal["float32", "bf16"] = "float32"
    device: str = ""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, low in (("size", MIN_SIDE), ("iterations", 1), ("scales", 0), ("style_size", MIN_SIDE)):
            value = getattr(self, name)
            if value is not None and value < low:
                raise OptionError(f"{name} is {value}; it must be {low} or more")
        if not self.learning_rate > 0:
            raise OptionError(f"learning_rate is {self.learning_rate:g}; it must be above 0")
        choices = {
            "method": get_args(Method),
            "start": get_args(Start),
            "colors": COLORS,
            "pooling": ("max", "average"),
            "precision": ("float32", "bf16"),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise OptionError(f"{name} is {getattr(self, name)!r}; {nearest(getattr(self, name), known)}")
        if not self.loss.content and not self.loss.style:
            raise OptionError("the loss has no layers; name at least one")


@dataclass(frozen=True)
class Step:
    """What one iteration did.

    Attributes:
        iteration: its number, from 1, at this scale.
        iterations: all of this scale.
        scale, scales: number of the scale, from 1, and of all.
        losses: of the picture at this iteration: "total", and its parts "content" and "style", weighted.
        best: the lowest total so far at this scale.
        seconds: spent since the first iteration of this scale, without what `report` took.
        image: the best picture so far at this scale, (H, W, 3) in [0, 1].
    """

    iteration: int
    iterations: int
    scale: int
    scales: int
    losses: Losses
    best: float
    seconds: float
    image: Callable[[], Array]


Report = Callable[[Step], None]


@dataclass(frozen=True)
class Result:
    """What optimization ended with.

    Attributes:
        picture: the best picture of the last scale, with the photo's depth, alpha and EXIF data.
        losses: its losses: "total", "content" and "style", weighted.
        before: those of the picture that the last scale began with.
        iterations: made at the last scale.
        interrupted: by Ctrl-C.
    """

    picture: Picture
    losses: Losses
    before: Losses
    iterations: int
    interrupted: bool


class Objective:
    """The loss of one picture: content of a photo, style of one or several paintings.

    Args:
        vgg: the loss network, with the layers of `config`.
        photo: (H, W, 3) in [0, 1].
        styles: style pictures, (h, w, 3) in [0, 1], of any size, with weights that sum to 1. Of several
            the weighted mean of the Gram matrices is wanted: with the sum of losses, logarithms in it,
            the nearer style would win over the others.
        config: layers and weights.
        mask: (H, W) in [0, 1], how much each pixel counts in the style loss, and 0 where it keeps still; or None.
        precision: "float32" or "bf16".
    """

    def __init__(
        self,
        vgg: Vgg,
        photo: Array,
        styles: Sequence[tuple[Array, float]],
        config: LossConfig = LOSS,
        mask: Array | None = None,
        precision: str = "float32",
    ) -> None:
        self.vgg, self.config, self.precision = vgg, config, precision
        self.device = vgg.input.weight.device
        self.photo = to_tensor(photo, self.device)
        self.masks: dict[str, Tensor] | None = None
        with torch.no_grad():
            self.content = {layer: x for layer, x in self.features(self.photo).items() if layer in config.content}
            self.grams = dict.fromkeys(config.style, torch.zeros((), device=self.device))
            for picture, weight in styles:
                found = self.features(to_tensor(picture, self.device))
                self.grams = {layer: gram + weight * gram_matrix(found[layer]) for layer, gram in self.grams.items()}
            self.free = torch.ones((), dtype=torch.bool, device=self.device)
            if mask is not None:
                weights = to_tensor(mask[:, :, None], self.device)
                self.free = weights > 0
                # VGG halves sides by poolings of 2 that leave out an odd row or column: so does the mask.
                self.masks = {layer: pooled(weights, int(layer[4]) - 1) for layer in config.style}

    def features(self, image: Tensor) -> dict[str, Tensor]:
        """Activations of a picture, (1, 3, H, W), at the layers of the loss."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            found: dict[str, Tensor] = self.vgg(image.contiguous(memory_format=torch.channels_last))
        return found

    def shown(self, pixels: Tensor) -> Tensor:
        """The picture that free pixels make: within [0, 1], and the photo's where the mask is 0."""
        return torch.where(self.free, pixels.clamp(0, 1), self.photo)

    def __call__(self, pixels: Tensor) -> dict[str, Tensor]:
        """Losses of free pixels, (1, 3, H, W): "total", and its parts, weighted.

        The total has a term that draws pixels back that have left [0, 1], where they have no other gradient.
        """
        image = self.shown(pixels)
        parts = perceptual_loss(self.features(image), self.content, self.grams, self.config, self.masks)
        losses = {name: value.sum() for name, value in parts.items()}
        if self.config.total_variation:
            losses["total_variation"] = self.config.total_variation * total_variation(image)
        outside = (pixels - pixels.clamp(0, 1)).square().mean()
        return {"total": sum(losses.values(), OUTSIDE * outside), **losses}

    @torch.no_grad()
    def measure(self, image: Array) -> dict[str, float]:
        """Losses of a picture, (H, W, 3) in [0, 1]."""
        return {name: value.item() for name, value in self(to_tensor(image, self.device)).items()}


def optimize(
    photo: Source,
    style: Source | Sequence[tuple[Source, float]],
    settings: Settings | None = None,
    *,
    vgg: str = "",
    mask: Source | None = None,
    stylizer: Stylizer | None = None,
    report: Report | None = None,
    download: Download | None = None,
) -> Result:
    """Optimize a picture for one photo and one style. Ctrl-C ends it with the best picture so far.

    Args:
        photo: see `read_picture`.
        style: a picture, or a list of pairs of picture and weight; the weights sum to 1.
        settings: how.
        vgg: file of the loss network: the normalised VGG-19, torchvision's VGG-16 or VGG-19; empty for
            torchvision's VGG-19, downloaded once. With torchvision's, content losses are relative to the photo's
            features.
        mask: a picture of any size whose gray says how much of the style each pixel takes on: black ones stay
            as they are.
        stylizer: the model that makes the start; by default the shipped one.
        report: called after every iteration.
        download: called with bytes so far and in all while weights are fetched.

    Raises:
        ImageError, StyleError, OptionError: see `read_picture`, `mix`, `Settings`.
        ConfigError, DownloadError, ModelError: the loss network cannot be had or lacks a layer.
        TrainingError: the loss of the start is not finite.
    """
    settings = settings or Settings()
    picture = read_picture(photo)
    pairs: list[tuple[Source, float]] = list(style) if isinstance(style, (list, tuple)) else [(style, 1.0)]  # type: ignore[list-item]
    total = sum(weight for _, weight in pairs)
    if not pairs or not abs(total - 1.0) <= WEIGHT_TOLERANCE:
        raise StyleError(f"weights of {len(pairs)} styles sum to {total:g}; they must sum to 1")
    paintings = [(_painting(one), weight) for one, weight in pairs]
    shade = None if mask is None else luminance(open_image(mask))
    full = as_float(picture.pixels)
    sizes = _sizes(full.shape[:2], settings)
    kind = guess_vgg(vgg)
    loss = settings.loss if kind in ("vgg19-normalised", "vgg19-small") else relative_loss(settings.loss)
    device = torch.device(settings.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    network = load_vgg(kind, loss.layers(), vgg, settings.pooling, "reflect", download).to(device)
    network = network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    best: Tensor | None = None
    for number, size in enumerate(sizes, start=1):
        content = resize(full, size)
        objective, finish, begin = _scale(settings, content, paintings, network, loss, sizes[-1], shade)
        if best is None:
            first = to_tensor(begin(stylizer), device)
        else:
            first = F.interpolate(best, size, mode="bicubic", align_corners=False).clamp(0, 1)
        descent = Descent(objective, first, settings, finish, (number, len(sizes)), report)
        best = descent.run()
        if descent.interrupted:
            break
    assert best is not None
    final = resize(finish(to_array(best)), sizes[-1])
    return Result(_finished(picture, final), descent.losses, descent.before, descent.iteration, descent.interrupted)


def _scale(
    settings: Settings,
    content: Array,
    paintings: Sequence[tuple[Array, float]],
    vgg: Vgg,
    loss: LossConfig,
    last: tuple[int, int],
    shade: Array | None,
) -> tuple[Objective, Callable[[Array], Array], Callable[[Stylizer | None], Array]]:
    """What one scale needs: the loss, what is done to a picture before it is shown, and how to begin."""
    shown = gray(luminance(content)) if settings.colors == "luminance" else content
    recolor: Callable[[Array], Array] = {
        "style": lambda image: image,
        "match": lambda image: match_colors(image, content),
        "luminance": lambda image: match_luminance(image, content),
    }[settings.colors]
    short = min(content.shape[:2])
    side = max(MIN_SIDE, round((settings.style_size or min(last)) * short / min(last)))
    styles = [(style_view(recolor(painting), side), weight) for painting, weight in paintings]
    mask = None if shade is None else resize(shade[:, :, None], content.shape[:2])[:, :, 0]
    objective = Objective(vgg, shown, styles, loss, mask, settings.precision)

    def finish(image: Array) -> Array:
        return with_luminance(content, image) if settings.colors == "luminance" else image

    def begin(stylizer: Stylizer | None) -> Array:
        if settings.start == "photo":
            return shown
        if settings.start == "noise":
            return np.random.default_rng(settings.seed).random(content.shape, dtype=np.float32)
        image = (stylizer or Stylizer()).stylize(shown, list(styles), Options())
        return np.asarray(image, dtype=np.float32)

    return objective, finish, begin


class _Enough(Exception):  # noqa: N818 (no error: it leaves torch's optimizer)
    """The last iteration is done."""


class Descent:
    """One scale of the optimization.

    Args:
        objective: the loss.
        start: (1, 3, H, W) in [0, 1].
        settings: `method`, `iterations` and `learning_rate` of them.
        finish: what is done to a picture before it is shown.
        place: number of the scale and of all scales.
        report: called after every iteration.

    Attributes:
        best: the picture with the lowest loss so far, (1, 3, H, W) in [0, 1].
        losses, before: of that picture, and of the start.
        iteration: made so far.
        interrupted: by Ctrl-C.
    """

    def __init__(
        self,
        objective: Objective,
        start: Tensor,
        settings: Settings,
        finish: Callable[[Array], Array] = lambda image: image,
        place: tuple[int, int] = (1, 1),
        report: Report | None = None,
    ) -> None:
        self.objective, self.settings, self.finish, self.place, self.report = objective, settings, finish, place, report
        self.pixels = start.detach().clone(memory_format=torch.contiguous_format)  # L-BFGS flattens it
        self.best = self.pixels.clone()
        self.losses: Losses = {"total": math.inf}
        self.before: Losses = {}
        self.iteration = 0
        self.interrupted = False
        self._spent, self._clock = 0.0, 0.0

    def run(self) -> Tensor:
        """Iterate to the end, or to Ctrl-C; returns the best picture.

        Raises:
            TrainingError: the loss of the start is not finite.
        """
        self._clock = time.perf_counter()
        try:
            with suppress(_Enough), self._noticing_ctrl_c():
                while self._descend():
                    pass
        except KeyboardInterrupt:
            self.interrupted = True
            if not self.before:  # within the first iteration
                self.losses = self.before = self.objective.measure(to_array(self.best))
        self.best = self.objective.shown(self.best).detach()
        return self.best

    @contextmanager
    def _noticing_ctrl_c(self) -> Iterator[None]:
        """Python drops what is raised while it frees an object: a Ctrl-C that comes then counts after the iteration."""

        def notice(number: int, frame: object) -> None:
            self.interrupted = True
            raise KeyboardInterrupt

        if current_thread() is not main_thread() or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
            yield  # a program with its own ways
            return
        signal.signal(signal.SIGINT, notice)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _descend(self) -> bool:
        """Run the optimizer from the best picture until it stops; returns whether it is worth running again."""
        settings, before = self.settings, self.losses["total"]
        if settings.method == "adam":
            self.pixels.requires_grad_(True)
            adam = torch.optim.Adam([self.pixels], lr=settings.learning_rate)
            while True:
                adam.zero_grad()
                self._evaluate().backward()  # type: ignore[no-untyped-call]
                self._account()
                adam.step()

        # torch's first step moves all numbers together by 1, which is nothing for pixels: the numbers are scaled so
        # that pixels move by FIRST_STEP each. From the best: a line search that failed may have ended anywhere.
        scale = FIRST_STEP * self.best.numel()
        free = (self.best / scale).requires_grad_(True)
        lbfgs = torch.optim.LBFGS(
            [free],
            max_iter=settings.iterations,
            max_eval=2 * settings.iterations + 2,
            tolerance_grad=0.0,
            tolerance_change=0.0,
            history_size=HISTORY,
            line_search_fn="strong_wolfe",
        )

        def closure() -> Tensor:
            lbfgs.zero_grad()
            self.pixels = free * scale
            total = self._evaluate()
            total.backward()  # type: ignore[no-untyped-call]
            self._account()
            return total

        lbfgs.step(closure)  # type: ignore[no-untyped-call]
        return self.losses["total"] < before

    def _evaluate(self) -> Tensor:
        found = self.objective(self.pixels)
        self._found = {name: value.detach() for name, value in found.items()}
        return found["total"]

    def _account(self) -> None:
        """Keep the best picture, report, and stop after the last iteration."""
        values = {name: float(value) for name, value in self._found.items()}
        if not self.before:
            if not math.isfinite(values["total"]):
                raise TrainingError(f"the loss of the start is {values['total']}; the pictures or weights are damaged")
            self.before = values
        if values["total"] < self.losses["total"]:
            self.losses = values
            with torch.no_grad():
                self.best.copy_(self.pixels)
        self.iteration += 1
        self._spent += time.perf_counter() - self._clock
        if self.report:
            self.report(
                Step(
                    self.iteration,
                    self.settings.iterations,
                    *self.place,
                    values,
                    self.losses["total"],
                    self._spent,
                    lambda: self.finish(to_array(self.objective.shown(self.best))),
                )
            )
        self._clock = time.perf_counter()
        if self.interrupted:
            raise KeyboardInterrupt
        if self.iteration >= self.settings.iterations:
            raise _Enough


def _painting(source: Source) -> Array:
    if isinstance(source, str) and source in list_styles():
        from pathlib import Path

        if not Path(source).exists():
            raise StyleError(f"{source} is a named style, known by its embedding; optimization needs its picture")
    return open_image(source)


def _sizes(shape: tuple[int, ...], settings: Settings) -> list[tuple[int, int]]:
    """Heights and widths from coarse to fine."""
    height, width = shape
    long = min(settings.size, max(height, width))
    count = settings.scales or 1 + max(0, math.ceil(math.log2(long / COARSEST)))
    sizes = []
    for step in reversed(range(count)):
        factor = long / max(height, width) / 2**step
        sizes.append((max(1, round(height * factor)), max(1, round(width * factor))))
    if min(sizes[0]) < MIN_SIDE:
        raise ImageError(
            f"a photo of {width}x{height} is {sizes[0][1]}x{sizes[0][0]} at the coarsest of {count} scales; sides "
            f"must be {MIN_SIDE} or more there: choose a larger size or fewer scales"
        )
    return sizes


def relative_loss(loss: LossConfig) -> LossConfig:
    """The same for a network whose features have a scale of their own: content errors over the photo's mean squares."""
    content = {layer: weight * MEAN_SQUARES.get(layer, 1.0) for layer, weight in loss.content.items()}
    return loss if loss.relative_content else replace(loss, content=content, relative_content=True)


def _finished(picture: Picture, image: Array) -> Picture:
    """A photo with new pixels, of another size perhaps."""
    alpha = picture.alpha
    if alpha is not None:
        alpha = as_depth(resize(as_float(alpha)[:, :, None], image.shape[:2])[:, :, 0], alpha.dtype)
    kind = picture.kind if picture.kind.dtype is not None else Kind(None, picture.kind.channels)
    return replace(picture, pixels=as_depth(image, picture.pixels.dtype), alpha=alpha, kind=kind)


def pooled(mask: Tensor, times: int) -> Tensor:
    """A mask, (1, 1, H, W), averaged down to the size of the layers after so many poolings."""
    for _ in range(times):
        mask = F.avg_pool2d(mask, 2)
    return mask


def resize(image: Array, size: tuple[int, ...]) -> Array:
    """(H, W, C) in [0, 1] at another height and width."""
    if image.shape[:2] == tuple(size):
        return image
    x = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None]
    return to_array(F.interpolate(x, tuple(size), mode="bicubic", antialias=True, align_corners=False).clamp(0, 1))


def to_tensor(image: Array, device: torch.device) -> Tensor:
    """(H, W, C) to (1, C, H, W)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), dtype=np.float32))[None].to(device)


def to_array(x: Tensor) -> Array:
    """(1, C, H, W) to (H, W, C)."""
    return np.ascontiguousarray(x.detach()[0].permute(1, 2, 0).float().cpu().numpy())
