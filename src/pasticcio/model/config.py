"""The configuration of a model, `config.json`: every key that stylizing needs, checked once, with its type."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pasticcio.errors import ModelError

CONFIG = "config.json"
EXPORT = "export it anew (in Python: pasticcio.training.export.export(folder))"  # there is no command that only exports
REMEDY = "install the model anew, or make it again with 'pasticcio train RECIPE --resume'"


@dataclass(frozen=True)
class RegionsConfig:
    """What a caller of `regions.onnx` must know: it pads and crops pictures, and cuts tiles, itself.

    Attributes:
        multiple: height and width of the padded picture are multiples of it.
        margin: pixels of padding on every side, at least.
        reach: how many pixels further than itself an output pixel sees, statistics given.
        scales: masks and weights are inputs at 1/scale of the picture's size.
        layers: number of channels of every normalization layer, in order.
        at: their scales: layer i works at 1/at[i] of the picture's size.
    """

    multiple: int
    margin: int
    reach: int
    scales: tuple[int, ...]
    layers: tuple[int, ...]
    at: tuple[int, ...]

    @property
    def widest(self) -> float:
        """The most numbers that a layer has for each pixel of the picture."""
        return max(channels / scale**2 for channels, scale in zip(self.layers, self.at, strict=True))


@dataclass(frozen=True)
class ModelConfig:
    """The configuration of a model.

    Attributes:
        name: of the model.
        fingerprint: first digits of the sha256 of its weights; styles carry it.
        transfer: kind of the style transfer network.
        predictor: kind of the style prediction network; "table" for none.
        embedding: length of a style embedding; of a table of styles, their number.
        style_side: short side, in pixels, to which a style picture is brought before it is embedded.
        styles: names of a table's styles; empty where a network predicts embeddings.
        graphs: file names of the ONNX graphs, except `regions.onnx`.
        regions: about `regions.onnx`; None in a folder of an earlier version.
        raw: the whole JSON object.
    """

    name: str
    fingerprint: str
    transfer: str
    predictor: str
    embedding: int
    style_side: int
    styles: tuple[str, ...]
    graphs: frozenset[str]
    regions: RegionsConfig | None
    raw: Mapping[str, Any] = field(repr=False, compare=False)

    @property
    def table(self) -> bool:
        """Whether the model has a fixed number of styles, known by name, and no style prediction network."""
        return self.predictor == "table"

    @property
    def network(self) -> Mapping[str, Any]:
        """The values from which the networks are built, see `nn.network.NetworkConfig`."""
        network: Mapping[str, Any] = self.raw["network"]
        return network

    @classmethod
    def read(cls, folder: Path) -> ModelConfig:
        """The configuration in a model folder.

        Raises:
            ModelError: it cannot be read, or a key is missing or does not fit.
        """
        path = folder / CONFIG
        try:
            raw = json.loads(path.read_bytes())
        except OSError as error:
            raise ModelError(f"{folder} is no model folder: cannot read {CONFIG}: {error.strerror or error}") from error
        except (ValueError, RecursionError) as error:
            raise _damaged(path, str(error)) from error
        if not isinstance(raw, dict):
            raise _damaged(path, "it holds no JSON object")
        values = _Values(raw, path)
        network = values.table("network")
        config = cls(
            name=values.text("name"),
            fingerprint=values.text("fingerprint"),
            transfer=network.text("transfer"),
            predictor=network.text("predictor"),
            embedding=network.whole("embedding", least=1),
            style_side=values.whole("style_side", least=1),
            styles=values.texts("styles") if "styles" in raw else (),
            graphs=frozenset(values.table("inputs").keys) if "inputs" in raw else frozenset(),
            regions=_regions(values.table("regions")) if "regions" in raw else None,
            raw=raw,
        )
        if config.table and len(config.styles) != config.embedding:
            raise _damaged(path, f"it has {len(config.styles)} names for {config.embedding} styles")
        return config


def _regions(values: _Values) -> RegionsConfig:
    regions = RegionsConfig(
        multiple=values.whole("multiple", least=1),
        margin=values.whole("margin"),
        reach=values.whole("reach"),
        scales=values.wholes("scales"),
        layers=values.wholes("layers"),
        at=values.wholes("at"),
    )
    if len(regions.layers) != len(regions.at):
        raise values.error(f"regions has {len(regions.layers)} layers at {len(regions.at)} scales")
    return regions


class _Values:
    """An object of the file: each method gives the value of a key, or raises a ModelError that names the key."""

    def __init__(self, values: Mapping[str, Any], path: Path, within: str = "") -> None:
        self.keys = values.keys()
        self._values, self._path, self._within = values, path, within

    def text(self, key: str) -> str:
        value = self._value(key)
        if not isinstance(value, str):
            raise self._misfit(key, "a text")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        value = self._value(key)
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise self._misfit(key, "a list of texts")
        return tuple(value)

    def whole(self, key: str, least: int = 0) -> int:
        value = self._value(key)
        if type(value) is not int or value < least:
            raise self._misfit(key, f"a whole number, {least} or more")
        return value

    def wholes(self, key: str) -> tuple[int, ...]:
        value = self._value(key)
        if not isinstance(value, list) or not value or not all(type(one) is int and one > 0 for one in value):
            raise self._misfit(key, "a list of whole numbers, 1 or more each")
        return tuple(value)

    def table(self, key: str) -> _Values:
        value = self._value(key)
        if not isinstance(value, dict):
            raise self._misfit(key, "a JSON object")
        return _Values(value, self._path, f"{self._within}{key}.")

    def error(self, why: str) -> ModelError:
        return _damaged(self._path, why)

    def _value(self, key: str) -> Any:
        if key not in self._values:
            raise self.error(f"it lacks {self._within}{key}")
        return self._values[key]

    def _misfit(self, key: str, wanted: str) -> ModelError:
        return self.error(f"{self._within}{key} is {self._values[key]!r}; it must be {wanted}")


def _damaged(path: Path, why: str) -> ModelError:
    return ModelError(f"{path} is damaged: {why}; {REMEDY}")
