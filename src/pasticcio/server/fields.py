"""Fields: what the fields of a request mean, from their texts."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar, get_args

from pasticcio.errors import OptionError, StyleError, nearest
from pasticcio.render.declare import check, option
from pasticcio.render.options import Options
from pasticcio.server.problem import RefusedError

Format = Literal["png", "jpeg", "webp"]
FORMATS: tuple[Format, ...] = get_args(Format)
MEDIA_TYPES: dict[str, str] = {name: f"image/{name}" for name in FORMATS}
REPEATABLE = ("style", "embedding", "like", "weight", "mask")
PHOTO = "photo"
Class = TypeVar("Class")


@dataclass(frozen=True)
class Part:
    """A field of a request.

    Attributes:
        name: of the field.
        data: its content.
        file: whether it came as a file; else it is a text in UTF-8.
    """

    name: str
    data: bytes = field(repr=False)
    file: bool = False

    @property
    def text(self) -> str:
        """The content of a field that is no file.

        Raises:
            RefusedError: it is a file, or no UTF-8.
        """
        if self.file:
            raise RefusedError("request", f"{self.name} is a file; send it as a text field, without a file's name")
        try:
            return self.data.decode()
        except UnicodeDecodeError:
            raise RefusedError("request", f"{self.name} is no text in UTF-8") from None


@dataclass(frozen=True)
class Output:
    """What is to be answered, beside `Options`.

    Attributes:
        size: longest side of the output in pixels; None for that of the photo. Nothing is enlarged.
        format: of the output.
        quality: of JPEG and WebP, from 1 to 100.
        strip: 1 leaves the photo's EXIF data out.
        preview: 1 for a preview, which a newer one of the same client may supersede.
    """

    size: int | None = field(
        default=None,
        metadata=option(
            "Longest side of the output; the photo is made smaller before it is rendered.",
            type=int, range=(16, 16_384), unit="pixels", meaning="the photo's",
        ),
    )  # fmt: skip
    format: str = field(default="png", metadata=option("Format of the output.", type=str, choices=FORMATS))
    quality: int | None = field(
        default=None, metadata=option("Quality of JPEG and WebP.", type=int, range=(1, 100), meaning=95)
    )
    strip: int = field(default=0, metadata=option("1 leaves the EXIF data out.", type=int, range=(0, 1)))
    preview: int = field(
        default=0, metadata=option("1: a newer preview of the same client supersedes it.", type=int, range=(0, 1))
    )

    def __post_init__(self) -> None:
        check(self)
        if self.quality is not None and self.format == "png":
            raise OptionError(f"quality is {self.quality} and format is png, which has none; leave one of them out")


OPTIONS = tuple(one.name for one in fields(Options) if one.metadata and one.name != "mask")
OUTPUT = tuple(one.name for one in fields(Output))


@dataclass(frozen=True)
class Fields:
    """The fields of a request, sorted.

    Attributes:
        single: texts of the fields that are there once, by name.
        files: contents of those that are files and there once: `photo`.
        repeated: the parts of each of `REPEATABLE`, in their order.
    """

    single: Mapping[str, str]
    files: Mapping[str, bytes]
    repeated: Mapping[str, tuple[Part, ...]]

    @property
    def styles(self) -> tuple[Part, ...]:
        """What stands for a style: `style`, then `embedding`, then `like`."""
        return tuple(part for name in ("style", "embedding", "like") for part in self.repeated[name])

    @property
    def pictures(self) -> int:
        """The number of files."""
        return len(self.files) + sum(part.file for parts in self.repeated.values() for part in parts)


def sort(parts: Sequence[Part], known: Sequence[str]) -> Fields:
    """Sort the parts of a request by their names.

    Args:
        parts: in the order of the request.
        known: the names that the address takes.

    Raises:
        RefusedError: a field of another name, or one twice that may be there once.
    """
    single: dict[str, str] = {}
    files: dict[str, bytes] = {}
    for part in parts:
        if part.name not in known:
            raise RefusedError("request", f"no field is named {part.name[:100]!r}; {nearest(part.name[:100], known)}")
        if part.name in REPEATABLE:
            continue
        if part.name in single or part.name in files:
            raise RefusedError("request", f"{part.name} is there twice; send it once")
        if part.name == PHOTO:
            if not part.file:
                raise RefusedError("request", "photo is a text; send the picture itself, as a file")
            files[part.name] = part.data
        else:
            single[part.name] = part.text
    return Fields(single, files, {name: tuple(part for part in parts if part.name == name) for name in REPEATABLE})


def from_texts(kind: type[Class], texts: Mapping[str, str]) -> Class:
    """A dataclass whose fields are declared with `option`, from texts; those of other names are left alone.

    Raises:
        OptionError: a value that is no number where one is needed, or outside its limits.
    """
    declared = {one.name: one.metadata["type"] for one in fields(kind) if one.metadata}  # type: ignore[arg-type]
    return kind(**{name: _value(text, declared[name]) for name, text in texts.items() if name in declared})


def _value(text: str, kind: type) -> Any:
    """The number that a text means; the text itself where it is none, for the declaration's own message."""
    text = text.strip()
    if kind is int and re.fullmatch(r"[-+]?[0-9]{1,1000}", text):
        return int(text)
    if kind is float and (number := _number(text)) is not None:
        return number
    return text[:100]


def _number(text: str) -> float | None:
    """A number in decimal notation; None for all else that Python reads, such as "nan" and "1_0"."""
    if re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,4})?", text):
        return float(text)
    return None


def weights(parts: Sequence[Part], styles: int) -> list[float] | None:
    """The weights of the styles; None where none is given.

    Raises:
        RefusedError: not as many as styles.
        StyleError: a weight that is no number.
    """
    if not parts:
        return None
    if len(parts) != styles:
        raise RefusedError("request", f"{len(parts)} weights for {styles} styles; send one for each, or none")
    found = []
    for part in parts:
        number = _number(part.text.strip())
        if number is None:
            raise StyleError(f"weight is {part.text[:100]!r}; it must be a number")
        found.append(number)
    return found


def numbers(part: Part) -> list[float]:
    """The numbers of an embedding, from a JSON list.

    Raises:
        StyleError: it is no list of numbers.
    """
    try:
        values = json.loads(part.text)
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or not all(type(one) in (int, float) for one in values):
        raise StyleError(f"{part.name} is no JSON list of numbers, such as [0.5, -1]")
    try:
        return [float(one) for one in values]
    except OverflowError:
        raise StyleError(f"{part.name} holds a whole number beyond those of floating point") from None
