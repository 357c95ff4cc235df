"""The whole system: style prediction network, heads and style transfer network, and its configuration.

The systems before the paper are the same with a table in place of the predictor: a row of scales and shifts for
each of N styles (Dumoulin et al. 2017), or for the only one (Johnson et al. 2016; Ulyanov et al. 2016).
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Literal

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor, nn

from pasticcio.nn.encoded import EncodedTransfer
from pasticcio.nn.fast import FastTransfer
from pasticcio.nn.forecast import Forecast
from pasticcio.nn.paper import PaperTransfer
from pasticcio.nn.predictor import CompactPredictor, InceptionPredictor, TablePredictor
from pasticcio.nn.statistics import StatisticsPredictor
from pasticcio.nn.transfer import StyleTransfer


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to build the network; stored with the weights.

    Attributes:
        transfer: family of the style transfer network: "paper", "fast" or "encoded".
        predictor: family of the style prediction network: "inception", "compact" or "statistics"; or "table" for
            none: the network has a fixed number of styles.
        embedding: length of the style embedding; of a table, the number of its styles.
        width: paper family: factor on the channels.
        encoder: paper family: normalization of its first three layers: "batch" as in the authors' code, or
            "conditional" as the paper's text has it, and the networks of one style and of N styles.
        half, quarter, eighth: fast and encoded families: channels at 1/2, 1/4 and 1/8 of the size.
        quarter_blocks, eighth_blocks: fast family: residual blocks at 1/4 and 1/8.
        margin: fast family: pixels of reflection around the picture, a multiple of 8.
        predictor_widths: compact predictor: channels at 1/4, 1/8 and 1/16.
        predictor_hidden: compact predictor: width of the layer before the embedding; statistics predictor: width of the
            layer beside the linear one.
        predictor_directions: compact predictor: principal directions of the statistics of a `VggBranch`; 0 for no
            branch.
        predictor_forms: `QuadraticForms` per layer of this branch, or of the statistics predictor; 0 for none.
        predictor_forecast: statistics predictor: for layers of the loss network, how many coordinates of Gram matrices
            a `Forecast` guesses; none for no forecast. It is made when the network has learned, see
            `TrainConfig.forecast`.
        predictor_depth: of that loss network.
        heads_hidden: units of a hidden layer beside the linear heads, see `Heads`; 0 for none, as in the paper.
    """

    transfer: Literal["paper", "fast", "encoded"] = "fast"
    predictor: Literal["inception", "compact", "statistics", "table"] = "compact"
    embedding: int = 100
    width: float = 1.0
    encoder: Literal["batch", "conditional"] = "batch"
    half: int = 32
    quarter: int = 64
    eighth: int = 128
    quarter_blocks: int = 2
    eighth_blocks: int = 3
    margin: int = 8
    predictor_widths: tuple[int, ...] = (32, 64, 128)
    predictor_hidden: int = 256
    predictor_directions: int = 0
    predictor_forms: int = 0
    predictor_forecast: dict[str, int] = field(default_factory=dict)
    predictor_depth: Literal[16, 19] = 19
    heads_hidden: int = 0

    def __post_init__(self) -> None:
        if self.embedding < 1:
            raise ValueError(f"embedding is {self.embedding}; it must be 1 or more")
        if self.margin < 0 or self.margin % 8:
            raise ValueError(f"margin is {self.margin}; it must be a multiple of 8, 0 or more")
        if self.encoder == "conditional" and self.transfer != "paper":
            raise ValueError("encoder is 'conditional'; only the paper family's encoder has normalizations")
        if self.predictor_forms and not (self.predictor_directions or self.predictor == "statistics"):
            raise ValueError(
                f"predictor_forms is {self.predictor_forms}, but nothing sees them; set predictor_directions, or "
                "predictor = 'statistics'"
            )
        if self.heads_hidden and self.predictor == "table":
            raise ValueError("heads_hidden is set, but a table holds scales and shifts as they are; set it to 0")
        if self.predictor_forecast and self.predictor != "statistics":
            raise ValueError("predictor_forecast is set, but only the statistics predictor has one; leave it out")
        object.__setattr__(self, "predictor_widths", tuple(self.predictor_widths))  # JSON and TOML give lists


class Heads(nn.Linear):
    """Embedding to scales and shifts: linear as in the paper, plus, optionally, the output of a small hidden layer.

    Departure from the paper: linear heads reach a flat space of as many dimensions as the embedding has numbers; the
    scales and shifts that suit a style best lie outside it. The hidden layer's output begins at zero.

    Args:
        embedding: length of the embedding.
        parameters: number of scales and shifts.
        bias: of the linear part.
        hidden: units of the layer beside it; 0 for none.
        squared: so many of the scales and shifts, from the first on, are squares of what the layers give (and 0 where
            that is below 0): means and deviations of features that are not negative (see `StatisticsPredictor`).
    """

    def __init__(self, embedding: int, parameters: int, bias: bool, hidden: int = 0, squared: int = 0) -> None:
        super().__init__(embedding, parameters, bias)
        self.squared = squared
        self.bend: nn.Sequential | None = None
        if hidden:
            last = nn.Linear(hidden, parameters, bias=False)
            nn.init.zeros_(last.weight)
            self.bend = nn.Sequential(nn.Linear(embedding, hidden), nn.ReLU(), last)

    def forward(self, embedding: Float[Tensor, "s e"]) -> Float[Tensor, "s p"]:
        with torch.autocast(embedding.device.type, enabled=False):  # scales in half precision are 0.4% off
            values = super().forward(embedding.float())
            if self.bend is not None:
                values = values + self.bend(embedding.float())
            if not self.squared:
                return values
            return torch.cat([F.relu(values[:, : self.squared]).square(), values[:, self.squared :]], 1)


class StyleNetwork(nn.Module):
    """Style prediction network, heads and style transfer network, trained together.

    Attributes:
        predictor: style picture to embedding; of a table, number of a style to embedding.
        heads: embedding to the scales and shifts of all conditional instance normalizations: one
            linear map per layer and kind in the paper, stored here as one matrix, in the order of
            `StyleTransfer.style_layout`, beta before gamma. 278,558 weights in the paper's network. Of a
            table, a column for each style, without bias, so that a column holds all of a style.
        transfer: content picture and style parameters to stylized picture.
        basis: (E, E), only while the network learns in another basis of the embedding: all turns so far, which `folded`
            undoes.
    """

    basis: Tensor

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.predictor: InceptionPredictor | CompactPredictor | StatisticsPredictor | TablePredictor
        self.transfer: StyleTransfer
        if config.predictor == "inception":
            self.predictor = InceptionPredictor(config.embedding)
        elif config.predictor == "table":
            self.predictor = TablePredictor(config.embedding)
        elif config.predictor == "statistics":
            self.predictor = StatisticsPredictor(
                config.embedding,
                config.predictor_hidden,
                config.predictor_forms,
                config.predictor_forecast,
                config.predictor_depth,
            )
        else:
            self.predictor = CompactPredictor(
                config.embedding,
                config.predictor_widths,
                config.predictor_hidden,
                directions=config.predictor_directions,
                forms=config.predictor_forms,
            )
        if config.transfer == "paper":
            self.transfer = PaperTransfer(config.width, styled_encoder=config.encoder == "conditional")
        elif config.transfer == "encoded":
            self.transfer = EncodedTransfer(config.eighth, config.quarter, config.half)
        else:
            self.transfer = FastTransfer(
                half=config.half,
                quarter=config.quarter,
                eighth=config.eighth,
                quarter_blocks=config.quarter_blocks,
                eighth_blocks=config.eighth_blocks,
                margin=config.margin,
            )
        table = config.predictor == "table"
        self.heads = Heads(
            config.embedding,
            self.transfer.style_parameters,
            bias=not table,
            hidden=config.heads_hidden,
            squared=0 if table else self.transfer.squared,
        )
        if table:  # every style begins as plain instance normalization
            with torch.no_grad():
                self.heads.weight.copy_(self.transfer.gamma_mask()[:, None].expand_as(self.heads.weight))
            return
        # Departure from the paper, whose gammas have no offset and so begin near 0: here they begin
        # near 1, so that the first gradients reach the encoder.
        nn.init.xavier_uniform_(self.heads.weight)
        with torch.no_grad():
            self.heads.bias.copy_(self.transfer.gamma_mask())

    def forward(
        self, content: Float[Tensor, "b 3 h w"], style: Float[Tensor, "s 3 i j"] | Int[Tensor, "s"]
    ) -> Float[Tensor, "b 3 h w"]:
        """Render `content` in the manner of `style`, both RGB in [0, 1]; of a table, `style` is numbers of styles.

        There is a style for every photo, or one for all.
        """
        return self.render(content, self.predictor(style))

    def render(self, content: Float[Tensor, "b 3 h w"], embedding: Float[Tensor, "s e"]) -> Float[Tensor, "b 3 h w"]:
        """Render `content` in the manner of an embedding."""
        return self.transfer(content, self.heads(embedding))

    def parameters_of(self, style: Float[Tensor, "s 3 i j"] | Int[Tensor, "s"]) -> Float[Tensor, "s p"]:
        """Scales and shifts of style pictures, or of styles of a table."""
        return self.heads(self.predictor(style))

    def folded(self) -> StyleNetwork:
        """The same network without what only helps it to learn; a copy where there is such a thing."""
        whitened = isinstance(self.predictor, StatisticsPredictor) and self.predictor.whitened is not None
        if not whitened and not hasattr(self, "basis"):
            return self
        network = copy.deepcopy(self)
        if isinstance(network.predictor, StatisticsPredictor):
            network.predictor.fold()
        if hasattr(network, "basis"):
            back = torch.linalg.inv(network.basis.double())
            del network.basis
            network.turn(back)
        return network

    @torch.no_grad()
    def turn(self, basis: Float[Tensor, "e e"]) -> None:
        """Write embeddings in another basis: a row e of now becomes e times `basis`, which renders the same.

        Raises:
            ValueError: a table, whose embeddings are shares of its styles.
        """
        if isinstance(self.predictor, TablePredictor):
            raise ValueError("the embeddings of a table are shares of its styles, and have no other basis")
        basis = basis.double()
        if hasattr(self, "basis"):
            self.basis.copy_(self.basis.double() @ basis)
        for layer in self.predictor.last_layers():
            layer.weight.copy_(basis.T @ layer.weight.double())
            if layer.bias is not None:
                layer.bias.copy_(layer.bias.double() @ basis)
        if isinstance(self.predictor, StatisticsPredictor) and self.predictor.forecast is not None:
            self.predictor.forecast.turn(basis)
        back = torch.linalg.inv(basis).T
        for first in [self.heads, *([] if self.heads.bend is None else [self.heads.bend[0]])]:
            assert isinstance(first, nn.Linear)
            first.weight.copy_(first.weight.double() @ back)

    def with_forecast(self, forecast: Forecast) -> StyleNetwork:
        """A copy of the network whose statistics predictor corrects embeddings by this forecast."""
        style = forecast.style
        config = replace(self.config, predictor_forecast=style.parts, predictor_depth=style.narrow.config.depth)
        network = StyleNetwork(config)
        added = {f"predictor.forecast.{key}": value for key, value in forecast.state_dict().items()}
        network.load_state_dict({**self.state_dict(), **added})
        return network.train(self.training)

    @torch.no_grad()
    def as_table(self, rows: Float[Tensor, "n p"]) -> StyleNetwork:
        """A network of N styles with the same transfer network, its styles given by their scales and shifts."""
        table = StyleNetwork(
            replace(self.config, predictor="table", embedding=len(rows), heads_hidden=0, predictor_forecast={})
        )
        table.transfer.load_state_dict(self.transfer.state_dict())
        table.heads.weight.copy_(rows.T)
        return table.train(self.training)
