"""The whole system: style prediction network, heads and style transfer network, and its configuration."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from pasticcio.nn.predictor import CompactPredictor, InceptionPredictor
from pasticcio.nn.transfer import FastTransfer, PaperTransfer, StyleTransfer


@dataclass(frozen=True)
class NetworkConfig:
    """Everything needed to build the network; stored with the weights.

    Attributes:
        transfer: family of the style transfer network: "paper" or "fast".
        predictor: family of the style prediction network: "inception" or "compact".
        embedding: length of the style embedding.
        width: paper family: factor on the channels.
        conditioned: paper family: normalizations that the style steers: "decoder", the residual blocks and what
            follows, as in the authors' code; "everywhere", the encoder's too, as the paper's text has it.
        half, quarter, eighth: fast family: channels at 1/2, 1/4 and 1/8 of the size.
        quarter_blocks, eighth_blocks: fast family: residual blocks at 1/4 and 1/8.
        margin: fast family: pixels of reflection around the picture, a multiple of 8.
        predictor_widths: compact predictor: channels at 1/4, 1/8 and 1/16.
        predictor_hidden: compact predictor: width of the layer before the embedding.
    """

    transfer: Literal["paper", "fast"] = "fast"
    predictor: Literal["inception", "compact"] = "compact"
    embedding: int = 100
    width: float = 1.0
    conditioned: Literal["decoder", "everywhere"] = "decoder"
    half: int = 32
    quarter: int = 64
    eighth: int = 128
    quarter_blocks: int = 2
    eighth_blocks: int = 3
    margin: int = 8
    predictor_widths: tuple[int, ...] = (32, 64, 128)
    predictor_hidden: int = 256

    def __post_init__(self) -> None:
        if self.margin < 0 or self.margin % 8:
            raise ValueError(f"margin is {self.margin}; it must be a multiple of 8, 0 or more")
        if self.conditioned == "everywhere" and self.transfer != "paper":
            raise ValueError("conditioned is 'everywhere'; only the paper family's encoder has normalizations")
        object.__setattr__(self, "predictor_widths", tuple(self.predictor_widths))  # JSON and TOML give lists


class StyleNetwork(nn.Module):
    """Style prediction network, heads and style transfer network, trained together.

    Attributes:
        predictor: style picture to embedding.
        heads: embedding to the scales and shifts of all conditional instance normalizations: one
            linear map per layer and kind in the paper, stored here as one matrix, in the order of
            `StyleTransfer.style_layout`, beta before gamma. 278,558 weights in the paper's network.
        transfer: content picture and style parameters to stylized picture.
    """

    def __init__(self, config: NetworkConfig) -> None:
        super().__init__()
        self.config = config
        self.predictor: InceptionPredictor | CompactPredictor
        self.transfer: StyleTransfer
        if config.predictor == "inception":
            self.predictor = InceptionPredictor(config.embedding)
        else:
            self.predictor = CompactPredictor(config.embedding, config.predictor_widths, config.predictor_hidden)
        if config.transfer == "paper":
            self.transfer = PaperTransfer(config.width, everywhere=config.conditioned == "everywhere")
        else:
            self.transfer = FastTransfer(
                config.half, config.quarter, config.eighth, config.quarter_blocks, config.eighth_blocks, config.margin
            )
        self.heads = nn.Linear(config.embedding, self.transfer.style_parameters)
        # Departure from the paper, whose gammas have no offset and so begin near 0: here they begin
        # near 1, so that the first gradients reach the encoder.
        nn.init.xavier_uniform_(self.heads.weight)
        with torch.no_grad():
            self.heads.bias.copy_(self.transfer.gamma_mask())

    def forward(self, content: Float[Tensor, "b 3 h w"], style: Float[Tensor, "s 3 i j"]) -> Float[Tensor, "b 3 h w"]:
        """Render `content` in the manner of `style`, both RGB in [0, 1]; s is b or 1."""
        return self.render(content, self.predictor(style))

    def render(self, content: Float[Tensor, "b 3 h w"], embedding: Float[Tensor, "s e"]) -> Float[Tensor, "b 3 h w"]:
        """Render `content` in the manner of an embedding."""
        return self.transfer(content, self.heads(embedding))
