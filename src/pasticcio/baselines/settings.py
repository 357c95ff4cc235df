"""The settings of an optimization."""

from __future__ import annotations

from dataclasses import InitVar, dataclass, field
from typing import Literal, get_args

from pasticcio.errors import OptionError, nearest
from pasticcio.nn.losses import LossConfig
from pasticcio.render.options import COLORS, Colors

Method = Literal["lbfgs", "adam"]
Start = Literal["network", "photo", "noise"]
Pooling = Literal["max", "average"]
Precision = Literal["float32", "bf16"]

LOSS = LossConfig(  # the training loss of the model `fast`, without the terms that only a network needs
    content={"relu3_3": 1.0, "relu4_1": 1.0},
    style=dict.fromkeys(("relu1_1", "relu2_1", "relu3_1", "relu4_1"), 20.0),
    relative=True,
    logarithmic=True,
)
# The losses that are reported: content at one layer, and the mean of the relative squared Gram distances.
PLAIN = LossConfig({"relu4_1": 1.0}, dict.fromkeys(LOSS.style, 1 / len(LOSS.style)), relative=True)
MIN_SIDE = 32  # pixels, at every scale: relu4_1 then still has 4 positions a side


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How a picture is optimized.

    Attributes:
        size: long side of the output, in pixels, 32 or more; a smaller photo keeps its size.
        iterations: at every scale, 1 or more. An iteration is one forward and one backward pass through the loss
            network.
        method: "lbfgs" or "adam".
        learning_rate: of Adam, for pixels in [0, 1]; above 0.
        start: "network": the output of the style transfer network; "photo"; "noise": every pixel drawn uniformly from
            [0, 1].
        scales: number of sizes from coarse to fine, each twice as large as the one before; 0 chooses as many as bring
            the first to 512 pixels or less. Every scale starts from the enlarged result of the scale before.
        loss: layers, weights and form of the losses.
        style_size: short side, in pixels, of the style pictures at the last scale, 32 or more; by default that of the
            output. A larger one makes coarser strokes.
        colors: as in `pasticcio.Options`.
        pooling: of the loss network: "max" as trained, or "average" (Gatys et al. 2015, section 2).
        precision: of the loss network: "float32" or "bf16"; losses are computed in float32.
        device: of torch, such as "cuda"; empty for a GPU if there is one, else the CPU.
        seed: of the noise.
        colours: another spelling of `colors`.

    Raises:
        OptionError: a value out of range.
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
    pooling: Pooling = "max"
    precision: Precision = "float32"
    device: str = ""
    seed: int = 0
    colours: InitVar[Colors | None] = None

    def __post_init__(self, colours: Colors | None) -> None:
        if colours is not None:
            object.__setattr__(self, "colors", colours)
        for name, low in (("size", MIN_SIDE), ("iterations", 1), ("scales", 0), ("style_size", MIN_SIDE), ("seed", 0)):
            value = getattr(self, name)
            if value is not None and value < low:
                raise OptionError(f"{name} is {value}; it must be {low} or more")
        if not self.learning_rate > 0:
            raise OptionError(f"learning_rate is {self.learning_rate:g}; it must be above 0")
        choices = {
            "method": get_args(Method),
            "start": get_args(Start),
            "colors": COLORS,
            "pooling": get_args(Pooling),
            "precision": get_args(Precision),
        }
        for name, known in choices.items():
            if getattr(self, name) not in known:
                raise OptionError(f"{name} is {getattr(self, name)!r}; {nearest(getattr(self, name), known)}")
        if not self.loss.content and not self.loss.style:
            raise OptionError("the loss has no layers; name at least one")
